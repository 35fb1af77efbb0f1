import type { Timings } from '../../contract/job.ts';
import { type Html, html, when } from '../html.ts';
import type { ReportInput } from '../report-input.ts';
import { name, seconds, sentence } from './words.ts';

const PHASES: readonly [keyof Timings, string][] = [
  ['queue_wait', 'Waiting'],
  ['load', 'Reading'],
  ['gram', 'Gram matrices'],
  ['core', 'Decomposition'],
  ['project', 'Factors'],
  ['write', 'Writing'],
  ['total', 'Total'],
];

/** How the numbers came about: method, device, times, versions, and the limits of what they say. */
export function methodSection({ report }: ReportInput): Html {
  const { method, provider, timings, product, notes } = report;
  const isSketch = method.used === 'rsvd';
  return html`
<section aria-labelledby="method"><h2 id="method">How it was computed</h2>
<dl class="plain">
<dt>Method</dt><dd>${method.used === 'exact' ? 'exact: truncated SVD to rounding error' : 'rsvd: randomised SVD'}${when(
    method.used !== method.requested,
    () => html`; ${name(method.requested)} was asked for`,
  )}</dd>
${when(
  isSketch,
  () =>
    html`<dt>Sketch</dt><dd>${method.oversampling} columns beyond the rank, power iterations: ${String(method.power_iterations)}, seed ${method.seed}</dd>`,
)}
<dt>Device</dt><dd>${provider.name}, ${provider.threads} thread${provider.threads === 1 ? '' : 's'}${when(
    provider.fallback_reason,
    // What ONNX Runtime says of it names its own functions, and is in the JSON.
    () => html`; CUDA was not available`,
  )}</dd>
<dt>Times</dt><dd>${PHASES.map(([phase, words]) => `${words} ${seconds(timings[phase])}`).join(', ')}</dd>
<dt>Versions</dt><dd>${product.name} ${product.version}, ONNX Runtime ${provider.onnxruntime}</dd>
</dl>
${when(notes.length > 0, () => html`<h3>Notes</h3><ul>${notes.map((note) => html`<li>${sentence(note)}</li>`)}</ul>`)}
</section>`;
}
