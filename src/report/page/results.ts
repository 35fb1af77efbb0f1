import { describeSqueeze, formatBytes, formatPercent } from '../../charts/format.ts';
import { succeededResults } from '../../charts/succeeded-targets.ts';
import type { FailedResult, SucceededResult } from '../../contract/job.ts';
import type { Verdict } from '../../contract/serving.ts';
import { PROFILES } from '../../serving/profiles.ts';
import { settingNeeded } from '../../serving/rank-limits.ts';
import { describeOtherOptions, describeTarget } from '../describe-target.ts';
import { type Html, html, when } from '../html.ts';
import { adapterOf, type ReportInput } from '../report-input.ts';
import { formatInteger, formatRankRange, id, name, sentence, table } from './format.ts';

/** Further results appear only in the table. */
const MAX_SENTENCES = 4;

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

const FILE_COLUMNS = [
  { title: 'Target' },
  { title: 'Adapter' },
  { title: 'Format' },
  { title: 'SHA-256 of the weights' },
];

const FAILURE_COLUMNS = [{ title: 'Target' }, { title: 'Code' }, { title: 'Why' }];

const RULE_COLUMNS = [{ title: 'Rule' }, { title: 'Passed' }, { title: 'What was found' }];

/** The result of each target, with the failures and the warnings. Empty for an analysis. */
export function resultsSection(input: ReportInput): Html {
  const results = succeededResults(input.job);
  const failed = input.job.results.filter((result) => result.state === 'failed');
  if (results.length === 0) return html``;
  return html`
<section aria-labelledby="results"><h2 id="results">Result${results.length === 1 ? '' : 's'}</h2>
${results.slice(0, MAX_SENTENCES).map((result) => lead(input, result))}
${when(results.length === 1, () => facts(input, results[0]!))}
${table('Results', COLUMNS, results.map(row))}
${table(
  'Files of the results',
  FILE_COLUMNS,
  results.map((result) => files(input, result)),
)}
<p class="muted">Relative error: ‖ΔW − ΔW′‖ / ‖ΔW‖ (Frobenius norm) over all modules, measured on the written factors after
rounding. Energy kept: 1 − error². Mean module error: the root mean square of the modules’ own relative errors, in which
every module has the same weight.</p>
${failures(failed)}
${warnings(results)}
</section>`;
}

/** The result in one sentence. */
const lead = ({ report }: ReportInput, { rank, bytes, energy_retained: energy }: SucceededResult): Html => {
  const bytesBefore = report.sources.reduce((sum, source) => sum + source.bytes, 0);
  return html`<p><strong>${describeSqueeze({ rank, bytes, bytesBefore, energy })}</strong></p>\n`;
};

const facts = (
  { report }: ReportInput,
  { rank, module_relative_error, relative_error, energy_retained, bytes }: SucceededResult,
): Html => {
  const before = report.sources.reduce((sum, source) => sum + source.bytes, 0);
  const ranksBefore = report.modules.map((module) => module.rank);
  const largest = ranksBefore.reduce((maximum, one) => Math.max(maximum, one), 0);
  return html`
<dl class="facts">
<div><dt>Rank</dt><dd>${largest} → ${formatRankRange(rank)}</dd></div>
${when(
  module_relative_error !== undefined,
  () => html`<div><dt>Mean module error</dt><dd>${formatPercent(module_relative_error!)}</dd></div>`,
)}
<div><dt>Relative error</dt><dd>${formatPercent(relative_error)}</dd></div>
<div><dt>Energy kept</dt><dd>${formatPercent(energy_retained)}</dd></div>
<div><dt>Weights</dt><dd>${formatBytes(before)} → ${formatBytes(bytes)}</dd></div>
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
  html`${describeTarget(target)}${when(describeOtherOptions(target), () => html`<br><span class="muted">${describeOtherOptions(target)}</span>`)}`,
  html`${formatRankRange(rank)}`,
  html`${module_relative_error === undefined ? '–' : formatPercent(module_relative_error)}`,
  html`${formatPercent(relative_error)}`,
  html`${formatPercent(energy_retained)}`,
  html`${formatBytes(bytes)}`,
  html`${formatInteger(parameters)}`,
  serving ? verdict(serving.loads, serving.profile) : html`<span class="muted">no profile</span>`,
  worst_module ? html`${name(worst_module.name, 80)} ${formatPercent(worst_module.relative_error)}` : html`–`,
];

const verdict = (loads: boolean, profile: string): Html =>
  loads
    ? html`<span class="good">yes</span>, ${name(profile)}`
    : html`<span class="bad">no</span>, ${name(profile)}`;

const files = (input: ReportInput, { target, adapter_id, format }: SucceededResult): Html[] => {
  const record = adapterOf(input, adapter_id);
  return [
    html`${describeTarget(target)}`,
    id(adapter_id),
    html`${format ?? '–'}`,
    record ? id(record.sha256) : html`<span class="muted">no longer here</span>`,
  ];
};

/** Targets that failed, and why. */
const failures = (failed: readonly FailedResult[]): Html =>
  when(
    failed.length > 0,
    () => html`<h3>Targets that failed</h3>
${table(
  'Targets that failed',
  FAILURE_COLUMNS,
  failed.map(({ target, error }) => [
    html`${describeTarget(target)}`,
    id(error.code),
    sentence(error.detail),
  ]),
)}`,
  );

function warnings(results: readonly SucceededResult[]): Html {
  const texts = [...new Set(results.flatMap((result) => result.warnings))];
  return when(
    texts.length > 0,
    () => html`<h3>Warnings</h3><ul>${texts.map((warning) => html`<li>${sentence(warning)}</li>`)}</ul>`,
  );
}

/** Whether the server of its profile loads each result, rule by rule. Empty if no target has a profile. */
export function verdictsSection({ job }: ReportInput): Html {
  const judged = succeededResults(job).filter(
    (result): result is SucceededResult & { serving: Verdict } => result.serving !== null,
  );
  if (judged.length === 0) return html``;
  return html`
<section aria-labelledby="verdicts"><h2 id="verdicts">Does it load?</h2>
${judged.map(
  ({ target, serving, rank }) => html`
<h3>${describeTarget(target)}: ${serving.loads ? 'loads in' : 'does not load in'} ${name(serving.profile)}${serving.loads ? conditionOf(serving.profile, rank.max) : ''}</h3>
${table(`Rules of ${serving.profile}, ${describeTarget(target)}`, RULE_COLUMNS, serving.rules.map(ruleRow))}`,
)}
</section>`;
}

/** The setting that the server needs for the rank, such as " with --max-lora-rank 32"; empty if it needs none. */
function conditionOf(profileName: string, rank: number): string {
  const profile = PROFILES.find((one) => one.name === profileName);
  const needed = profile ? settingNeeded(profile, rank) : null;
  return needed === null ? '' : ` ${needed}`;
}

const ruleRow = ({ rule, passed, detail }: Verdict['rules'][number]): Html[] => [
  name(rule),
  passed ? html`<span class="good">yes</span>` : html`<span class="bad">no</span>`,
  sentence(detail),
];
