import { formatPercent } from '../../charts/format.ts';
import { byNumbers } from '../../charts/module-names.ts';
import { succeededTargets } from '../../charts/succeeded-targets.ts';
import { counted } from '../../errors/counted.ts';
import { describeTarget } from '../describe-target.ts';
import { type Html, html, when } from '../html.ts';
import type { ReportInput } from '../report-input.ts';
import { moduleLosses } from '../report-input.ts';
import { type Column, formatInteger, formatNumber, name, table } from './format.ts';

/** More rows would make the page slow to open without being useful. */
export const MAX_TABLE_ROWS = 500;
const MAX_TARGETS = 4;

/**
 * Every module with its rank and error in each result, in the order of the model; for an analysis, the figures of its
 * spectrum.
 */
export function modulesSection(input: ReportInput, jsonPath: Html): Html {
  const { modules, analysis } = input.report;
  const targets = succeededTargets(input.report);
  const targetsInTable = targets.slice(0, MAX_TARGETS);
  const isOptimumKnown = targetsInTable.some(({ modules: results }) =>
    results.some(({ optimal_error: optimum }) => optimum !== null),
  );
  const columns: Column[] = [
    { title: 'Module' },
    number('ΔW'),
    number('Rank before'),
    ...targetsInTable.flatMap(({ target }) => {
      const of = targetsInTable.length === 1 ? '' : `, ${describeTarget(target)}`;
      return [
        number(`Rank${of}`),
        number(`Error${of}`),
        ...(isOptimumKnown ? [number(`Least possible${of}`)] : []),
      ];
    }),
    ...(analysis
      ? [number('Effective rank'), number('Stable rank'), number('Knee'), { title: 'Verdict' }]
      : []),
  ];
  const rows = moduleLosses(input)
    .slice(0, MAX_TABLE_ROWS)
    .sort((x, y) => byNumbers(modules[x.index]!.name, modules[y.index]!.name) || x.index - y.index)
    .map(({ index }) => {
      const { name: module, shape, rank } = modules[index]!;
      return [
        name(module),
        html`${shape[0]} × ${shape[1]}`,
        html`${rank}`,
        ...targetsInTable.flatMap(({ modules: results }) => resultCells(results[index], isOptimumKnown)),
        ...(analysis ? analysisCells(analysis.modules[index]) : []),
      ];
    });
  const left = modules.length - rows.length;
  const leftTargets = targets.length - targetsInTable.length;
  return html`
<section aria-labelledby="modules"><h2 id="modules">Modules</h2>
<p class="muted">${formatInteger(modules.length)} ${modules.length === 1 ? 'module' : 'modules'}, in the order of the model.${when(isOptimumKnown, () => SMALLEST_POSSIBLE)}</p>
${table('Modules', columns, rows, { isLong: true })}
${when(left > 0, () => html`<p>${formatInteger(left)} more ${left === 1 ? 'module is' : 'modules are'} not in this table and ${left === 1 ? 'loses' : 'lose'} less than these. ${jsonPath}</p>`)}
${when(leftTargets > 0, () => html`<p>${counted(leftTargets, 'more result is', 'more results are')} not in this table. ${jsonPath}</p>`)}
</section>`;
}

const SMALLEST_POSSIBLE = html` Least possible: the smallest error that any matrix of this rank can have (Eckart and Young 1936); unknown if
the spectrum comes from a sketch.`;

const number = (title: string): Column => ({ title, isNumber: true });

type Result = ReturnType<typeof succeededTargets>[number]['modules'][number];
type Analysed = NonNullable<ReportInput['report']['analysis']>['modules'][number];

function resultCells(result: Result | undefined, isOptimumKnown: boolean): Html[] {
  const [rank, error, optimum] = result
    ? [
        html`${result.rank}`,
        html`${result.passthrough ? 'unchanged' : formatPercent(result.relative_error)}`,
        html`${result.optimal_error === null ? 'unknown' : formatPercent(result.optimal_error)}`,
      ]
    : [html`–`, html`–`, html`–`];
  return isOptimumKnown ? [rank!, error!, optimum!] : [rank!, error!];
}

const analysisCells = (module: Analysed | undefined): Html[] =>
  module
    ? [
        html`${formatNumber(module.effective_rank)}`,
        html`${formatNumber(module.stable_rank)}`,
        html`${module.knee}`,
        html`${module.verdict}`,
      ]
    : [html`–`, html`–`, html`–`, html`–`];
