import { resultsOf } from '../../charts/succeeded.ts';
import type { FailedResult, SucceededResult } from '../../contract/job.ts';
import { type Html, html, when } from '../html.ts';
import { bytesInWords, percent } from '../numbers.ts';
import { adapterOf, type ReportInput } from '../report-input.ts';
import { furtherWishes, targetInWords } from '../target-words.ts';
import { table } from './table.ts';
import { id, integer, name, ranks, sentence } from './words.ts';

const COLUMNS = [
  { title: 'Target' },
  { title: 'Rank', isNumber: true },
  { title: 'Mean module error', isNumber: true },
  { title: 'Relative error', isNumber: true },
  { title: 'Energy kept', isNumber: true },
  { title: 'Weights', isNumber: true },
  { title: 'Parameters', isNumber: true },
  { title: 'Loads' },
  { title: 'Worst module' },
];

/** What each target came to, and what there is to be warned of. Empty for an analysis. */
export function resultsSection(input: ReportInput): Html {
  const results = resultsOf(input.job);
  const failed = input.job.results.filter((result) => result.state === 'failed');
  if (results.length === 0) return html``;
  return html`
<section aria-labelledby="results"><h2 id="results">Result${results.length === 1 ? '' : 's'}</h2>
${when(results.length === 1, () => facts(input, results[0]!))}
${table('Results', COLUMNS, results.map(row))}
${table(
  'Files of the results',
  FILE_COLUMNS,
  results.map((result) => files(input, result)),
)}
<p class="muted">Relative error: ‖ΔW − ΔW′‖ / ‖ΔW‖ (Frobenius norm) over all modules, measured on the written factors after
rounding. Energy kept: 1 − error². Mean module error: the root mean square of the modules’ own relative errors, in which
every module weighs alike.</p>
${failures(failed)}
${warnings(results)}
</section>`;
}

const facts = (
  { report }: ReportInput,
  { rank, module_relative_error, relative_error, energy_retained, bytes }: SucceededResult,
): Html => {
  const before = report.sources.reduce((sum, source) => sum + source.bytes, 0);
  const ranksBefore = report.modules.map((module) => module.rank);
  const largest = ranksBefore.reduce((most, one) => Math.max(most, one), 0);
  return html`
<dl class="facts">
<div><dt>Rank</dt><dd>${largest} → ${ranks(rank)}</dd></div>
${when(
  module_relative_error !== undefined,
  () => html`<div><dt>Mean module error</dt><dd>${percent(module_relative_error!)}</dd></div>`,
)}
<div><dt>Relative error</dt><dd>${percent(relative_error)}</dd></div>
<div><dt>Energy kept</dt><dd>${percent(energy_retained)}</dd></div>
<div><dt>Weights</dt><dd>${bytesInWords(before)} → ${bytesInWords(bytes)}</dd></div>
</dl>
<br>`;
};

const row = ({
  target,
  rank,
  module_relative_error,
  relative_error,
  energy_retained,
  bytes,
  parameters,
  serving,
  worst_module,
}: SucceededResult): Html[] => [
  html`${targetInWords(target)}${when(furtherWishes(target), () => html`<br><span class="muted">${furtherWishes(target)}</span>`)}`,
  html`${ranks(rank)}`,
  html`${module_relative_error === undefined ? '–' : percent(module_relative_error)}`,
  html`${percent(relative_error)}`,
  html`${percent(energy_retained)}`,
  html`${bytesInWords(bytes)}`,
  html`${integer(parameters)}`,
  serving ? verdict(serving.loads, serving.profile) : html`<span class="muted">no profile</span>`,
  worst_module ? html`${name(worst_module.name, 80)} ${percent(worst_module.relative_error)}` : html`–`,
];

const verdict = (loads: boolean, profile: string): Html =>
  loads
    ? html`<span class="good">yes</span>, ${name(profile)}`
    : html`<span class="bad">no</span>, ${name(profile)}`;

const FILE_COLUMNS = [
  { title: 'Target' },
  { title: 'Adapter' },
  { title: 'Format' },
  { title: 'SHA-256 of the weights' },
];

const files = (input: ReportInput, { target, adapter_id, format }: SucceededResult): Html[] => {
  const record = adapterOf(input, adapter_id);
  return [
    html`${targetInWords(target)}`,
    id(adapter_id),
    html`${format ?? '–'}`,
    record ? id(record.sha256) : html`<span class="muted">no longer here</span>`,
  ];
};

/** Targets that came to nothing, and why. */
const failures = (failed: readonly FailedResult[]): Html =>
  when(
    failed.length > 0,
    () => html`<h3>Targets that failed</h3>
${table(
  'Targets that failed',
  FAILURE_COLUMNS,
  failed.map(({ target, error }) => [html`${targetInWords(target)}`, id(error.code), sentence(error.detail)]),
)}`,
  );

const FAILURE_COLUMNS = [{ title: 'Target' }, { title: 'Code' }, { title: 'Why' }];

function warnings(results: readonly SucceededResult[]): Html {
  const told = [...new Set(results.flatMap((result) => result.warnings))];
  return when(
    told.length > 0,
    () => html`<h3>Warnings</h3><ul>${told.map((warning) => html`<li>${sentence(warning)}</li>`)}</ul>`,
  );
}
