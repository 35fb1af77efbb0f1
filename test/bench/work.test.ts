import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { factorBytes } from '../../bench/adapter/adapter-spec.ts';
import { logAxis, workFigure } from '../../bench/work/work-figure.ts';
import { growth, type MeasuredPoint, type MeasuredSeries, workPage } from '../../bench/work/work-page.ts';
import { type WorkPoint, workSeries } from '../../bench/work/work-points.ts';

const FIXED_SECONDS = 0.05;
const BYTES_A_SECOND = 300e6;

/** What a job with fixed costs and a steady rate would measure. */
function measure(point: WorkPoint): MeasuredPoint {
  const bytes = factorBytes(point.spec);
  const time = FIXED_SECONDS + bytes / BYTES_A_SECOND;
  return { ...point, bytes, totals: [2 * time, time, 0.9 * time], peakBytes: 300e6 };
}

const measured = (size: 'quick' | 'default' | 'huge'): MeasuredSeries[] =>
  workSeries(size).map((series) => ({ ...series, points: series.points.map(measure) }));

describe('bench: points of work', () => {
  it('vary one quantity at a time', () => {
    for (const size of ['quick', 'default', 'huge'] as const) {
      const [rank, modules, bytes] = workSeries(size);
      const of = (what: (point: WorkPoint) => unknown, series = rank) =>
        new Set(series!.points.map(what)).size;
      const shapes = ({ spec }: WorkPoint) =>
        `${spec.modules[0]!.outFeatures}x${spec.modules[0]!.inFeatures}`;
      const count = ({ spec }: WorkPoint) => spec.modules.length;
      const ranks = ({ spec }: WorkPoint) => spec.rank;
      assert.deepEqual([of(shapes), of(count), of(ranks) > 1], [1, 1, true]);
      for (const series of [modules, bytes]) {
        assert.deepEqual([of(shapes, series), of(ranks, series), of(count, series) > 1], [1, 1, true]);
      }
    }
  });

  it('cover the documented range', () => {
    const [rank, modules, bytes] = workSeries('default');
    assert.deepEqual(
      rank!.points.map(({ spec }) => spec.rank),
      [8, 16, 32, 64, 128, 256, 512],
    );
    assert.deepEqual(
      modules!.points.map(({ spec }) => spec.modules.length),
      [32, 224, 1000, 4000],
    );
    const sizes = bytes!.points.map(({ spec }) => factorBytes(spec));
    assert.deepEqual([sizes[0], sizes.at(-1)], [2 ** 20, 2 ** 31]);
    assert.ok(factorBytes(workSeries('huge')[2]!.points.at(-1)!.spec) >= 10e9);
  });

  it('always ask for a smaller rank than the adapter has', () => {
    for (const { points } of workSeries('huge')) {
      for (const { spec, targetRank } of points) {
        assert.ok(Number.isInteger(targetRank) && targetRank >= 1 && targetRank < spec.rank);
      }
    }
  });
});

describe('bench: growth', () => {
  it('is read from large points, for which fixed costs no longer matter', () => {
    const [, , bytes] = measured('huge');
    const { law, fromBytes } = growth(bytes!.points);
    assert.ok(fromBytes >= 60e6);
    assert.ok(law.exponent > 0.95 && law.exponent <= 1, `${law.exponent}`);
  });

  it('is read from all points if at most one is large', () => {
    const [, , bytes] = measured('quick');
    assert.equal(growth(bytes!.points).fromBytes, 2 ** 20);
    assert.ok(growth(bytes!.points).law.exponent < 0.9);
  });

  it('is stated below each table, which shows medians', () => {
    const page = workPage(measured('default'), 'figures/x.svg');
    assert.match(page, /!\[[^\]]+\]\(figures\/x\.svg\)/);
    assert.equal(page.match(/to the power of \*\*\d\.\d\d\*\*/g)?.length, 3);
    // 1.05 MB: 0.05 + 0.0035 s.
    assert.match(page, /^\| 1\.0 MB +\| +1 \| +64 \| +16 \| +0\.053 \|/m);
  });
});

describe('bench: figure of work', () => {
  it('has whole decades around all values', () => {
    const axis = logAxis([0.03, 7]);
    assert.deepEqual(axis.ticks, [0.01, 0.1, 1, 10]);
    assert.deepEqual([axis.at(0.01), axis.at(10)], [0, 1]);
    assert.ok(Math.abs(axis.at(0.1) - 1 / 3) < 1e-12);
    assert.deepEqual(logAxis([5]).ticks, [1, 10]);
    assert.deepEqual(logAxis([1, 100]).ticks, [1, 10, 100]);
  });

  it('shows every point once, inside the frame, and one line', () => {
    const series = measured('huge');
    const svg = workFigure(series);
    assert.doesNotMatch(svg, /NaN|undefined|Infinity/);
    const places = [...svg.matchAll(/transform="translate\(([\d.]+) ([\d.]+)\)"/g)].map(([, x, y]) => [
      +x!,
      +y!,
    ]);
    const points = series.reduce((sum, { points }) => sum + points.length, 0);
    assert.equal(places.length, points + series.length, 'points, and the legend');
    assert.ok(places.every(([x, y]) => x! >= 0 && x! <= 760 && y! >= 0 && y! <= 460));
    assert.equal(svg.match(/stroke-width="2"\/>/g)?.length, 1);
    assert.match(svg, /10 GB/);
  });
});
