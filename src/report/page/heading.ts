import { type Html, html, when } from '../html.ts';
import type { ReportInput } from '../report-input.ts';
import { shownText } from '../shown-text.ts';
import { name, time } from './words.ts';

/** What was done to what, in one line without markup. */
export function titleOf({ report }: ReportInput): string {
  const { kind, sources } = report;
  const base = sources.find(({ base_model: model }) => model)?.base_model;
  const of = base ? ` for ${shownText(base, 100)}` : '';
  if (kind === 'analyze') return `Analysis of a LoRA adapter${of}`;
  if (kind === 'merge')
    return `Merge of ${sources.length} LoRA adapter${sources.length === 1 ? '' : 's'}${of}`;
  return `Squeezed LoRA adapter${of}`;
}

export const heading = (input: ReportInput): Html => {
  const { report, job } = input;
  const { request } = job;
  return html`
<header>
<h1><bdi>${titleOf(input)}</bdi></h1>
<p class="muted">Job ${name(report.job_id)}, ${time(job.finished_at ?? report.created_at)}, ${report.product.name} ${report.product.version}${when(
    request.kind === 'checkpoint',
    () => html`; checkpoint of an annealing run`,
  )}.</p>
</header>`;
};
