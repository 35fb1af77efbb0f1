import { formatBytes, formatPercent } from '../../charts/format.ts';
import type { Recommendation } from '../../contract/analysis.ts';
import { type Html, html } from '../html.ts';
import type { ReportInput } from '../report-input.ts';
import { formatInteger, formatRankRange, name, sentence, table } from './format.ts';

const COLUMNS = [
  { title: 'Recommended' },
  { title: 'Rank', isNumber: true },
  { title: 'Mean module error', isNumber: true },
  { title: 'Relative error', isNumber: true },
  { title: 'Factors', isNumber: true },
  { title: 'Parameters', isNumber: true },
  { title: 'Target to send' },
];
const VERDICTS = [
  ['compressible', 'a rank well below their own keeps their energy'],
  ['resists', 'no rank much below their own keeps their energy'],
  ['dead', 'the update is zero or nearly zero'],
] as const;

/** The recommendation of an analysis, and the number of modules of each verdict. Empty for other jobs. */
export function analysisSection({ report: { analysis } }: ReportInput): Html {
  if (!analysis) return html``;
  const counted = VERDICTS.map(([verdict, meaning]) => ({
    verdict,
    meaning,
    count: analysis.modules.filter((module) => module.verdict === verdict).length,
  }));
  return html`
<section aria-labelledby="analysis"><h2 id="analysis">What the spectra say</h2>
${table('Recommendations', COLUMNS, [row('one rank for all', analysis.uniform), row('rank by module', analysis.budget)])}
<ul><li>One rank for all: ${sentence(analysis.uniform.reason)}</li>
<li>Rank by module: ${sentence(analysis.budget.reason)}</li></ul>
<h3>Modules</h3>
<ul>${counted.map(({ verdict, meaning, count }) => html`<li>${formatInteger(count)} ${verdict}: ${meaning}</li>`)}</ul>
</section>`;
}

const row = (
  title: string,
  { target, rank, module_relative_error, relative_error, bytes, parameters }: Recommendation,
): Html[] => [
  html`${title}`,
  html`${formatRankRange(rank)}`,
  html`${module_relative_error === undefined ? '–' : formatPercent(module_relative_error)}`,
  html`${formatPercent(relative_error)}`,
  html`${formatBytes(bytes)}`,
  html`${formatInteger(parameters)}`,
  name(JSON.stringify(target)),
];
