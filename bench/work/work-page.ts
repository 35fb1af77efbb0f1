import { fileSize, megabytes, range, seconds } from '../format.ts';
import { markdownTable } from '../markdown-table.ts';
import { fitPowerLaw, type PowerLaw } from '../power-law.ts';
import { median } from '../statistics.ts';
import type { WorkPoint, WorkSeries } from './work-points.ts';

export interface MeasuredPoint extends WorkPoint {
  readonly bytes: number;
  /** Seconds of each warm job. */
  readonly totals: readonly number[];
  /** Peak of the compute process. */
  readonly peakBytes: number;
}

export interface MeasuredSeries extends Omit<WorkSeries, 'points'> {
  readonly points: readonly MeasuredPoint[];
}

/** Below this size, the fixed costs of a job are a large part of its time and hide how it grows. */
const LARGE_BYTES = 60e6;

/** How seconds grow with bytes: fitted to the large points if there are enough of them, otherwise to all. */
export function growth(points: readonly MeasuredPoint[]): { law: PowerLaw; fromBytes: number } {
  const large = points.filter(({ bytes }) => bytes >= LARGE_BYTES);
  const used = large.length >= 2 ? large : points;
  const law = fitPowerLaw(used.map(({ bytes, totals }) => ({ x: bytes, y: median(totals) })));
  return { law, fromBytes: Math.min(...used.map(({ bytes }) => bytes)) };
}

/** Tables of all series, the exponents, and the figure. */
export function workPage(series: readonly MeasuredSeries[], figureLink: string): string {
  const tables = series.map(
    ({ title, points }) => `### ${title}\n\n${table(points)}\n\n${exponents(points)}`,
  );
  return `## Time against work

Each point is a service of its own: a cold job, then warm ones. Time: the whole job, from active to succeeded, median of
the warm ones. Peak: resident memory (VmHWM) of the compute process, over all jobs. Method: rsvd, to rank 16, or to half
the rank of sources that have no more than that.

![Seconds of a job against the size of the adapter, both axes logarithmic](${figureLink})

${tables.join('\n\n')}`;
}

function table(points: readonly MeasuredPoint[]): string {
  return markdownTable([
    ['adapter', 'modules', 'rank', 'to rank', 'time, s', 'range, s', 'MB/s', 'ms a module', 'peak, MB'],
    ...points.map(({ spec, targetRank, bytes, totals, peakBytes }) => {
      const time = median(totals);
      return [
        fileSize(bytes),
        String(spec.modules.length),
        String(spec.rank),
        String(targetRank),
        seconds(time),
        range(totals),
        megabytes(bytes / time),
        ((1000 * time) / spec.modules.length).toFixed(2),
        megabytes(peakBytes),
      ];
    }),
  ]);
}

function exponents(points: readonly MeasuredPoint[]): string {
  const all = fitPowerLaw(points.map(({ bytes, totals }) => ({ x: bytes, y: median(totals) })));
  const { law, fromBytes } = growth(points);
  return (
    `Seconds grow as bytes to the power of **${law.exponent.toFixed(2)}** from ${fileSize(fromBytes)} on ` +
    `(${all.exponent.toFixed(2)} over all points; 1 is linear; least squares on logarithms).`
  );
}
