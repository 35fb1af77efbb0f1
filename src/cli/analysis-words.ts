import type { Analysis, ModuleAnalysis, RankPoint, Recommendation } from '../contract/analysis.ts';
import type { Report } from '../contract/report.ts';
import { optionName } from './squeeze-fields.ts';
import { extent, megabytes, percent, range, seconds, table, threadsOf, wrapped } from './words.ts';

/** As many ranks are told one by one; of more, every rank of these steps. */
const MOST_RANKS = 16;
const RANK_STEPS = new Set([
  1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024,
]);
const REASON_WIDTH = 96;
/** As many modules are told by name without --modules. */
const MOST_NAMES = 5;

/** An analysis for people. @param withModules a row for every module */
export function analysisWords(folder: string, report: Report, withModules: boolean): string {
  const analysis = report.analysis!;
  const { modules, provider, timings, sources } = report;
  const base = sources[0]?.base_model ?? 'an unnamed base';
  const ranks = range(extent(modules.map(({ rank }) => rank)));
  return [
    `${folder}: ${modules.length} modules of rank ${ranks} on ${base}`,
    '',
    curveTable(analysis),
    '',
    'Recommended',
    recommendation(analysis.uniform),
    recommendation(analysis.budget),
    '',
    ...(withModules ? [moduleTable(report, analysis.modules), ''] : []),
    ...verdicts(analysis.modules),
    `${provider.name}, ${threadsOf(provider)}, ${seconds(timings.total)}`,
    '',
  ].join('\n');
}

function curveTable({ curve, uniform }: Analysis): string {
  const isTold = ({ rank }: RankPoint): boolean =>
    curve.length <= MOST_RANKS || RANK_STEPS.has(rank) || rank === curve.length || rank === uniform.rank.max;
  const rows = curve
    .filter(isTold)
    .map((point) => [
      `${point.rank}${point.rank === uniform.rank.max ? ' *' : '  '}`,
      point.module_relative_error === undefined ? '–' : percent(point.module_relative_error),
      percent(point.relative_error),
      percent(point.worst_module_error),
      point.parameters.toLocaleString('en-US'),
      megabytes(point.bytes),
    ]);
  return table(
    ['>rank  ', '>mean module error', '>relative error', '>worst module', '>parameters', '>size'],
    rows,
  );
}

/** The options to squeeze with, and why. */
function recommendation({ target, reason }: Recommendation): string {
  const options = Object.entries(target as Record<string, unknown>).map(
    ([field, value]) => `--${optionName(field)} ${value}`,
  );
  return [`  ${options.join(' ')}`, ...wrapped(reason, REASON_WIDTH).map((line) => `    ${line}`)].join('\n');
}

function moduleTable(report: Report, analyses: readonly ModuleAnalysis[]): string {
  const rows = analyses.map(({ name, effective_rank, stable_rank, knee, verdict }, i) => [
    name,
    `${report.modules[i]!.rank}`,
    effective_rank.toFixed(1),
    stable_rank.toFixed(1),
    `${knee}`,
    verdict,
  ]);
  return table(['module', '>rank', '>effective', '>stable', '>knee', 'verdict'], rows);
}

function verdicts(modules: readonly ModuleAnalysis[]): string[] {
  const named = (wanted: ModuleAnalysis['verdict']): string[] =>
    modules.filter(({ verdict }) => verdict === wanted).map(({ name }) => name);
  const lines = [`${named('compressible').length} of ${modules.length} modules are compressible`];
  for (const verdict of ['resists', 'dead'] as const) {
    const names = named(verdict);
    if (names.length === 0) continue;
    const more = names.length > MOST_NAMES ? ' …' : '';
    lines.push(
      `${names.length} ${verdict === 'dead' ? 'dead' : 'resist'}: ${names.slice(0, MOST_NAMES).join(', ')}${more}`,
    );
  }
  return lines;
}
