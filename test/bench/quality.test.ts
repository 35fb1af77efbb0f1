import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { mainCells, missingCells, sweepCells } from '../../bench/quality/cells.ts';
import { choosePeaks } from '../../bench/quality/choose-peaks.ts';
import { parseOptions } from '../../bench/quality/options.ts';
import { holm, signFlipP, standardDeviation } from '../../bench/quality/paired.ts';
import { percentAxis, qualityFigure } from '../../bench/quality/quality-figure.ts';
import { qualityPage } from '../../bench/quality/quality-page.ts';
import { LINES, METHODS, type Results, type Score, VARIANTS } from '../../bench/quality/results.ts';
import { readResults, refuseOtherPlan, writeResults } from '../../bench/quality/results-file.ts';
import { runAll } from '../../bench/quality/workers.ts';

const plan = parseOptions(['--seeds', '6'])!.plan;
const score = (own: Partial<Score>): Score => ({
  phase: 'main',
  seed: 1,
  method: 'direct',
  variant: 'default',
  rank: 1,
  peak: 0.003,
  accuracy: 50,
  loss: 1,
  ...own,
});

/** In-Squeeze 3 points above direct at rank 1 and 2 below it at rank 2, on every seed; post lost; variants as default. */
function madeUp(): Results {
  const above: Record<string, number> = { 'in/1': 3, 'in/2': -2, 'post/1': -40 };
  const peaks = Object.fromEntries(
    sweepCells(plan).map(({ method, rank }) => [`${method}/${rank}`, method === 'source' ? 0.001 : 0.003]),
  );
  const scores = plan.seeds.flatMap((seed) =>
    mainCells(plan, peaks).map((cell) => {
      const accuracy = 50 + 5 * cell.rank + seed + (above[`${cell.method}/${cell.rank}`] ?? 0);
      return score({ ...cell, seed, accuracy: cell.method === 'source' ? 95 : accuracy });
    }),
  );
  return { plan, peaks, scores, bases: [], facts: ['Machine: none'] };
}
const rows = (page: string, start: string) =>
  page
    .split('\n')
    .filter((line) => line.startsWith(`| ${start} `))
    .map((line) => line.replace(/ +/g, ' '));

describe('quality: paired differences', () => {
  it('are as unlikely as the share of sign patterns that go as far', () => {
    assert.equal(signFlipP([1, 1, 1, 1, 1]), 2 / 32);
    // Sums of ±1±2±3: 6 (1 way), 4 (1), 2 (1), 0 (2), and their negatives.
    assert.equal(signFlipP([1, 2, 3]), 2 / 8);
    assert.equal(signFlipP([-1, 2, 3]), 4 / 8);
    assert.equal(signFlipP([1, 2, -3]), 1);
    assert.equal(signFlipP([0, 0, 0]), 1);
    assert.throws(() => signFlipP(new Array(21).fill(1)), RangeError);
  });

  it('do not depend on their order, their size or their common sign', () => {
    const found = [0.3, -0.1, 0.7, 0.2, 0.45, -0.05];
    const p = signFlipP(found);
    assert.ok(p > 2 / 64 && p < 1);
    assert.equal(signFlipP([...found].reverse()), p);
    assert.equal(signFlipP(found.map((value) => -1e-6 * value)), p);
  });

  it('are corrected for how many there are', () => {
    assert.deepEqual(holm([0.04, 0.01, 0.02]), [0.04, 0.03, 0.04]);
    assert.deepEqual(holm([0.5, 0.9]), [1, 1]);
    assert.equal(standardDeviation([1, 2, 3]), 1);
    assert.equal(standardDeviation([7]), 0);
  });
});

describe('quality: learning rates', () => {
  it('are the best in the mean over the seeds of the sweep, for each method and rank', () => {
    const swept = (method: Score['method'], peak: number, seed: number, accuracy: number) =>
      score({ phase: 'sweep', method, peak, seed, accuracy });
    const scores = [
      swept('direct', 0.003, 101, 90),
      swept('direct', 0.003, 102, 50),
      swept('direct', 0.006, 101, 75),
      swept('direct', 0.006, 102, 75),
      swept('in', 0.003, 101, 60),
      swept('in', 0.006, 101, 59),
      score({ phase: 'main', peak: 0.012, accuracy: 100 }),
    ];
    assert.deepEqual(choosePeaks(scores, plan), { 'direct/1': 0.006, 'in/1': 0.003 });
  });
});

describe('quality: cells', () => {
  const peaks = Object.fromEntries(sweepCells(plan).map(({ method, rank }, i) => [`${method}/${rank}`, i]));

  it('are every method at every rank, and all variants at one', () => {
    const methods = 1 + METHODS.length * plan.ranks.length;
    assert.equal(sweepCells(plan).length, methods * plan.peaks.length);
    const main = mainCells(plan, peaks);
    // The hint is a line of its own: at every rank, not only with the other variants.
    assert.equal(main.length, methods + (VARIANTS.length - 1) + (plan.ranks.length - 1));
    assert.ok(main.every(({ method, rank, peak }) => peak === peaks[`${method}/${rank}`]));
  });

  it('are trained again only where no score of the same seed and learning rate is there', () => {
    const cells = mainCells(plan, peaks);
    const done = cells.slice(1).map((cell) => score({ ...cell, seed: 3 }));
    assert.deepEqual(missingCells(cells, 3, done), [cells[0]]);
    assert.deepEqual(missingCells(cells, 4, done), cells);
    const other = done.map((each) => ({ ...each, peak: each.peak + 1 }));
    assert.deepEqual(missingCells(cells, 3, other), cells);
    const swept = done.map((each) => ({ ...each, phase: 'sweep' as const }));
    assert.deepEqual(missingCells(cells, 3, swept), cells);
  });
});

describe('quality: results', () => {
  it('are read as they were written', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'quality-'));
    try {
      const path = join(dir, 'results.jsonl');
      await writeResults(path, madeUp());
      assert.deepEqual(await readResults(path), madeUp());
      assert.ok(
        readFileSync(path, 'utf8').split('\n').length > madeUp().scores.length,
        'a line for each score',
      );
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });

  it('are added to only when a score means the same', () => {
    refuseOtherPlan({ ...plan, seeds: [1], variant_rank: 2 }, plan);
    assert.throws(
      () => refuseOtherPlan({ ...plan, total_steps: 800 }, plan),
      /--resume: the earlier run had total_steps 800, this one has 1600/,
    );
  });
});

describe('quality: page', () => {
  it('shows means, spreads and differences by seed', () => {
    const page = qualityPage(madeUp(), 'x.svg');
    assert.doesNotMatch(page, /NaN|undefined|Infinity/);
    const [accuracy, , peaks] = rows(page, 'Direct');
    // 50 + 5 r + the mean of the seeds 1 … 6.
    assert.equal(accuracy, '| Direct | 58.5 ± 1.9 | 63.5 ± 1.9 | 73.5 ± 1.9 | 93.5 ± 1.9 | 95.0 ± 0.0 |');
    assert.match(peaks!, /^\| Direct \| 0\.003 \|/);
    // 2/2⁶; five rows are as clear, the others are no difference at all: 16 · 0.03125.
    const found = rows(page, 'In-Squeeze');
    assert.ok(found.includes('| In-Squeeze | 1 | +3.00 ± 0.00 | 6 of 6 | 0.031 | 0.500 |'), found.join('\n'));
    assert.ok(found.includes('| In-Squeeze | 2 | −2.00 ± 0.00 | 0 of 6 | 0.031 | 0.500 |'), found.join('\n'));
    assert.ok(found.includes('| In-Squeeze | 4 | +0.00 ± 0.00 | 0 of 6 | 1.000 | 1.000 |'), found.join('\n'));
    assert.match(rows(page, 'moments reset')[0]!, /\| 61\.5 ± 1\.9 \| 1\.000 ± 0\.000 \| \+0\.00 ± 0\.00 \|/);
  });

  it('is refused where a score is missing', () => {
    const whole = madeUp();
    const lacking = { ...whole, scores: whole.scores.slice(0, -3) };
    assert.throws(() => qualityPage(lacking, 'x.svg'), /seed 6 lacks a score/);
  });
});

describe('quality: figure', () => {
  it('has whole percents around all values', () => {
    assert.deepEqual(percentAxis([17.9, 95]).ticks, [0, 20, 40, 60, 80, 100]);
    assert.deepEqual(percentAxis([90.1, 93.5]).ticks, [90, 91, 92, 93, 94]);
    assert.deepEqual(percentAxis([99, 103]).ticks, [99, 100]);
  });

  it('shows every method at every rank once, inside the frame', () => {
    const svg = qualityFigure(madeUp());
    assert.doesNotMatch(svg, /NaN|undefined|Infinity/);
    const places = [...svg.matchAll(/transform="translate\(([\d.]+) ([\d.]+)\)"/g)].map(([, x, y]) => [
      +x!,
      +y!,
    ]);
    assert.equal(places.length, LINES.length * (plan.ranks.length + 1), 'points, and the legend');
    assert.ok(places.every(([x, y]) => x! >= 66 && x! <= 726 && y! >= 74 && y! <= 398));
    assert.equal(svg.match(/<polyline /g)?.length, LINES.length);
    assert.match(svg, /trained at rank 32/);
  });
});

describe('quality: options and workers', () => {
  it('keep the stages of the paper in the whole run', () => {
    const { source_rank, ranks, total_steps, cont_steps, min_stage_steps, sweep_seeds, seeds } = parseOptions(
      [],
    )!.plan;
    const stages = Math.log2(source_rank / Math.min(...ranks)) + 1;
    assert.ok(
      min_stage_steps >= 200 && total_steps / stages >= min_stage_steps && cont_steps >= min_stage_steps,
    );
    assert.deepEqual(
      seeds.filter((seed) => sweep_seeds.includes(seed)),
      [],
      'seeds compared are not those that chose the learning rates',
    );
  });

  it('name what cannot be read', () => {
    assert.equal(parseOptions(['--help']), null);
    assert.throws(
      () => parseOptions(['--seeds', '21']),
      /--seeds must be a whole number from 1 to 20, not "21"/,
    );
    assert.throws(() => parseOptions(['--workers', 'x']), /--workers/);
    assert.throws(() => parseOptions(['--fast']), /--fast/);
  });

  it('work so many at a time, and all of it', async () => {
    let running = 0;
    let most = 0;
    const done: number[] = [];
    await runAll([1, 2, 3, 4, 5], 2, async (order) => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
      done.push(order);
    });
    assert.deepEqual([most, done.sort()], [2, [1, 2, 3, 4, 5]]);
  });
});
