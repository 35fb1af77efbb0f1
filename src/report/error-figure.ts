import { curveOfSpectra, rankCurveChart } from '../charts/rank-curve-chart.ts';
import { resultsOf, shownError } from '../charts/succeeded.ts';
import type { Figure } from './figure.ts';
import { percent } from './numbers.ts';
import type { ReportInput } from './report-input.ts';

/** What every rank loses, with the ranks that were chosen; of an analysis with the one it recommends. */
export function errorFigure({ report, job }: ReportInput): Figure {
  const curve = curveOfSpectra(report.modules);
  const results = resultsOf(job).map((result) => ({ rank: result.rank.max, error: shownError(result) }));
  const recommended = report.analysis?.uniform.rank.max;
  const chosen = results[0]?.rank ?? recommended;
  return {
    title: 'Error by rank',
    caption: [
      'The least relative errors of each rank, if every module had it: mean module error, whole adapter, worst module.',
      ...results.map(({ rank, error }) => `Result of rank ${rank}: ${percent(error)}.`),
      ...(recommended === undefined ? [] : [`Recommended: rank ${recommended}.`]),
    ].join(' '),
    width: 560,
    height: 340,
    option: (style) =>
      rankCurveChart({
        ...style,
        curve,
        ...(chosen !== undefined && { rank: chosen }),
        ...(recommended !== undefined && { recommended }),
        results,
      }),
  };
}
