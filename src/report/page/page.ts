import { createHash } from 'node:crypto';
import { formatBytes } from '../../charts/format.ts';
import type { Timings } from '../../contract/job.ts';
import { counted } from '../../errors/counted.ts';
import { displayText } from '../display-text.ts';
import { type Html, html, trustedHtml, when } from '../html.ts';
import { adapterOf, type ReportInput } from '../report-input.ts';
import { analysisSection } from './analysis.ts';
import { chartsSection } from './charts.ts';
import {
  type Column,
  formatDuration,
  formatNumber,
  formatRankRange,
  formatTime,
  id,
  name,
  sentence,
  table,
} from './format.ts';
import { modulesSection } from './modules.ts';
import { resultsSection, verdictsSection } from './results.ts';
import { styleSheet } from './style.ts';

const PHASES: readonly [keyof Timings, string][] = [
  ['queue_wait', 'Waiting'],
  ['load', 'Reading'],
  ['gram', 'Gram matrices'],
  ['core', 'Decomposition'],
  ['project', 'Factors'],
  ['write', 'Writing'],
  ['total', 'Total'],
];

export interface ReportPage {
  readonly text: string;
  /** Content-Security-Policy of the response that carries the page. */
  readonly policy: string;
}

/**
 * The report of a job as one HTML file. It loads nothing else and runs no script. Its policy allows only the style sheet with
 * the named digest, so that no injected content could.
 * @param isServed whether the page is served by the service; a downloaded file has no links
 */
export function reportPage(input: ReportInput, isServed: boolean): ReportPage {
  const charts = chartsSection(input);
  const style = styleSheet(charts.dark);
  const digest = createHash('sha256').update(style).digest('base64');
  const policy = `default-src 'none'; style-src 'sha256-${digest}'; img-src data:; base-uri 'none'; form-action 'none'`;
  const json = jsonPath(input, isServed);
  const { text } = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${trustedHtml(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>${titleOf(input)}</title>
<style>${trustedHtml(style)}</style>
</head>
<body>${heading(input)}
<main>${resultsSection(input)}${sourcesSection(input)}${analysisSection(input)}${verdictsSection(input)}${charts.markup}${modulesSection(
    input,
    json,
  )}${methodSection(input)}
</main>
<footer><p>${json}</p></footer>
</body>
</html>
`;
  return { text, policy: `${policy}; frame-ancestors 'none'` };
}

/** Where to find the complete data. */
function jsonPath({ report }: ReportInput, isServed: boolean): Html {
  const path = `/v1/jobs/${report.job_id}/report`;
  const call = html`${name(`GET ${path}`)} has everything as JSON.`;
  return isServed ? html`${call} <a class="served" href="${path}">Open it</a>.` : call;
}

/** The operation and its sources, in one line without markup. */
function titleOf({ report }: ReportInput): string {
  const { kind, sources } = report;
  const base = sources.find(({ base_model: model }) => model)?.base_model;
  const of = base ? ` for ${displayText(base, 100)}` : '';
  if (kind === 'analyze') return `Analysis of a LoRA adapter${of}`;
  if (kind === 'merge') return `Merge of ${counted(sources.length, 'LoRA adapter')}${of}`;
  return `Squeezed LoRA adapter${of}`;
}

const heading = (input: ReportInput): Html => {
  const { report, job } = input;
  const { request } = job;
  return html`
<header>
<h1><bdi>${titleOf(input)}</bdi></h1>
<p class="muted">Job ${name(report.job_id)}, ${formatTime(job.finished_at ?? report.created_at)}, ${report.product.name} ${report.product.version}${when(
    request.kind === 'checkpoint',
    () => html`; checkpoint of an annealing run`,
  )}.</p>
</header>`;
};

/** The adapters that were read: ids, digests, base models; for a merge, their weights. */
function sourcesSection(input: ReportInput): Html {
  const { kind, sources } = input.report;
  const isMerge = kind === 'merge';
  const columns: Column[] = [
    { title: 'Adapter' },
    ...(isMerge ? [{ title: 'Weight', isNumber: true }] : []),
    { title: 'Base model' },
    { title: 'Format' },
    { title: 'Rank', isNumber: true },
    { title: 'Weights', isNumber: true },
    { title: 'SHA-256 of the weights' },
  ];
  const rows = sources.map(({ id: adapterId, sha256, bytes, base_model: base, weight }) => {
    const record = adapterOf(input, adapterId);
    return [
      id(adapterId),
      ...(isMerge ? [html`${formatNumber(weight)}`] : []),
      base === null ? html`<span class="muted">not named</span>` : name(base),
      html`${record?.format ?? '–'}`,
      html`${record ? formatRankRange(record.ranks) : '–'}`,
      html`${formatBytes(bytes)}`,
      id(sha256),
    ];
  });
  return html`
<section aria-labelledby="sources"><h2 id="sources">Sources</h2>
${table('Sources', columns, rows)}
</section>`;
}

/** How the numbers were computed: method, device, times, versions, and what they do not show. */
function methodSection({ report }: ReportInput): Html {
  const { method, provider, timings, product, notes } = report;
  const isSketch = method.used === 'rsvd';
  return html`
<section aria-labelledby="method"><h2 id="method">How it was computed</h2>
<dl class="plain">
<dt>Method</dt><dd>${method.used === 'exact' ? 'exact: truncated SVD to rounding error' : 'rsvd: randomised SVD'}${when(
    method.used !== method.requested,
    () => html`; ${name(method.requested)} was requested`,
  )}</dd>
${when(
  isSketch,
  () =>
    html`<dt>Sketch</dt><dd>${method.oversampling} columns beyond the rank, power iterations: ${String(method.power_iterations)}, seed ${method.seed}</dd>`,
)}
<dt>Device</dt><dd>${provider.name}, ${counted(provider.threads, 'thread')}${when(
    provider.fallback_reason,
    // ONNX Runtime's own message names its internal functions; it is in the JSON.
    () => html`; CUDA was not available`,
  )}</dd>
<dt>Times</dt><dd>${PHASES.map(([phase, words]) => `${words} ${formatDuration(timings[phase])}`).join(', ')}</dd>
<dt>Versions</dt><dd>${product.name} ${product.version}, ONNX Runtime ${provider.onnxruntime}</dd>
</dl>
${when(notes.length > 0, () => html`<h3>Notes</h3><ul>${notes.map((note) => html`<li>${sentence(note)}</li>`)}</ul>`)}
</section>`;
}
