import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { mainCells, missingCells, sweepCells, tunedCells } from '../../bench/quality/cells.ts';
import { chooseSettings } from '../../bench/quality/choose-settings.ts';
import { errorCostFigure } from '../../bench/quality/error-cost-figure.ts';
import { parseOptions } from '../../bench/quality/options.ts';
import { halfInterval, holm, signFlipP, standardDeviation } from '../../bench/quality/paired.ts';
import { percentAxis, qualityFigure } from '../../bench/quality/quality-figure.ts';
import { qualityPage } from '../../bench/quality/quality-page.ts';
import { METHODS, type Plan, type Results, type Score, type Settings } from '../../bench/quality/results.ts';
import { readResults, refuseOtherPlan, writeResults } from '../../bench/quality/results-file.ts';
import { criteriaTable, plansTable } from '../../bench/quality/tuning-tables.ts';
import { runAll } from '../../bench/quality/workers.ts';

const [text, digits] = parseOptions(['--seeds', '6'])!.plans as [Plan, Plan];
const score = (own: Partial<Score>): Score => ({
  phase: 'main',
  seed: 1,
  method: 'direct',
  rank: 1,
  peak: 0.003,
  accuracy: 50,
  loss: 1,
  trained_parameters: 1000,
  ...own,
});

/** For every method and rank, the first settings that the sweep tries. */
function settingsOf(plan: Plan): Settings {
  const first = (cells: ReturnType<typeof sweepCells>): Settings =>
    chooseSettings(cells.map((cell) => score({ ...cell, seed: 101 })));
  const swept = first(sweepCells(plan));
  return { ...swept, ...first(tunedCells(plan, swept)) };
}

/** In-Squeeze 3 points above direct at rank 1 and 2 below it at rank 2, on every seed; post lost; the others are equal. */
function madeUp(plan = text): Results {
  const above: Record<string, number> = { 'in/1': 3, 'in/2': -2, 'post/1': -40 };
  const settings = settingsOf(plan);
  const scores = plan.seeds.flatMap((seed) =>
    mainCells(plan, settings).map((cell) => {
      const accuracy = 50 + 5 * cell.rank + seed + (above[`${cell.method}/${cell.rank}`] ?? 0);
      const energy = cell.method.startsWith('post') ? { energy: 0.75, module_energy: 0.5 } : {};
      return score({ ...cell, ...energy, seed, accuracy: cell.method === 'source' ? 95 : accuracy });
    }),
  );
  return {
    plan,
    settings,
    scores,
    bases: [{ base: true, seed: 1, 'on the task': 52 }],
    facts: ['Machine: none'],
  };
}
const rows = (page: string, start: string) =>
  page
    .split('\n')
    .filter((line) => line.startsWith(`| ${start} `))
    .map((line) => line.replace(/ +/g, ' '));

describe('quality: paired differences', () => {
  it('have the probability that is the share of sign patterns that are at least as extreme', () => {
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

  it('are corrected for the number of comparisons', () => {
    assert.deepEqual(holm([0.04, 0.01, 0.02]), [0.04, 0.03, 0.04]);
    assert.deepEqual(holm([0.5, 0.9]), [1, 1]);
    assert.equal(standardDeviation([1, 2, 3]), 1);
    assert.equal(standardDeviation([7]), 0);
  });

  it('have an interval by Student’s t', () => {
    // The quantile of t with 2 degrees of freedom is 4.303.
    assert.ok(Math.abs(halfInterval([1, 2, 3]) - 4.303 / Math.sqrt(3)) < 1e-12);
    assert.equal(halfInterval([7]), 0);
    assert.throws(() => halfInterval(new Array(21).fill(1)), RangeError);
  });
});

describe('quality: settings', () => {
  it('are the best in the mean over the seeds of the sweep, for each method and rank', () => {
    const swept = (method: Score['method'], own: Partial<Score>) => score({ phase: 'sweep', method, ...own });
    const scores = [
      swept('direct', { peak: 0.003, seed: 101, accuracy: 90 }),
      swept('direct', { peak: 0.003, seed: 102, accuracy: 50 }),
      swept('direct', { peak: 0.006, seed: 101, accuracy: 75 }),
      swept('direct', { peak: 0.006, seed: 102, accuracy: 75 }),
      swept('in', { peak: 0.003, seed: 101, accuracy: 60 }),
      swept('in', { peak: 0.006, seed: 101, accuracy: 59 }),
      swept('in_tuned', { peak: 0.003, power: 0, seed: 101, accuracy: 60 }),
      swept('in_tuned', { peak: 0.003, power: 0.5, seed: 101, accuracy: 61 }),
      score({ phase: 'main', peak: 0.012, accuracy: 100 }),
    ];
    assert.deepEqual(chooseSettings(scores), {
      'direct/1': { peak: 0.006 },
      'in/1': { peak: 0.003 },
      'in_tuned/1': { peak: 0.003, power: 0.5 },
    });
  });

  it('are tried equally often for every method', () => {
    for (const plan of [text, digits]) {
      const tried = sweepCells(plan).concat(tunedCells(plan, settingsOf(plan)));
      const counts = new Map<string, number>();
      for (const { method, rank } of tried)
        counts.set(`${method}/${rank}`, (counts.get(`${method}/${rank}`) ?? 0) + 1);
      assert.deepEqual(new Set(counts.values()), new Set([4]), plan.task);
    }
  });
});

describe('quality: cells', () => {
  const settings = settingsOf(text);

  it('are every method at every rank, with its own settings or those of the method that it varies', () => {
    const main = mainCells(text, settings);
    assert.equal(main.length, 1 + METHODS.length * text.ranks.length);
    const of = (method: string) => main.find((cell) => cell.method === method && cell.rank === 1)!;
    assert.equal(of('direct').peak, text.peaks[0]! * text.direct_factors[1]!);
    assert.equal(of('in_by_module').peak, of('in').peak);
    assert.equal(of('in_tuned').power, text.powers[0]);
    assert.ok(mainCells(digits, settingsOf(digits)).every(({ method }) => !method.endsWith('module')));
  });

  it('are trained again only if no score with the same seed and settings exists', () => {
    const cells = mainCells(text, settings);
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

  it('are extended only if the existing scores mean the same', () => {
    refuseOtherPlan({ ...text, seeds: [1], methods: ['in'] }, text);
    assert.throws(
      () => refuseOtherPlan({ ...digits, total_steps: 800 }, digits),
      /the earlier run had total_steps 800, this one has 1600: --tune begins anew/,
    );
  });
});

describe('quality: page', () => {
  it('shows means, spreads and differences by seed', () => {
    const page = qualityPage(madeUp({ ...text, ranks: [1, 2, 8] }), 'x.svg');
    assert.doesNotMatch(page, /NaN|undefined|Infinity/);
    const [accuracy] = rows(page, 'Direct');
    // 50 + 5 r + the mean of the seeds 1 … 6, whose interval is 2.571 · 1.871 / √6.
    assert.equal(accuracy, '| Direct | 58.5 ± 2.0 | 63.5 ± 2.0 | 93.5 ± 2.0 | 95.0 ± 0.0 |');
    // 2/2⁶. Three rows are equally significant, and the others show no difference at all: 24 · 0.03125.
    const found = rows(page, 'In-Squeeze');
    for (const row of [
      '| In-Squeeze | 1 | +3.0 | +3.0 to +3.0 | 6 of 6 | 0.031 | 0.750 |',
      '| In-Squeeze | 2 | −2.0 | −2.0 to −2.0 | 0 of 6 | 0.031 | 0.750 |',
      '| In-Squeeze | 8 | +0.0 | +0.0 to +0.0 | 0 of 6 | 1.000 | 1.000 |',
    ])
      assert.ok(found.includes(row), found.join('\n'));
    assert.match(rows(page, 'Post-Squeeze').join('\n'), /\| 75 %, 50 % \|/);
    assert.match(rows(page, 'In-Squeeze, tuned factor').at(-1)!, /\| 0\.0005, \(R\/r\)\^0\.00 \|/);
    assert.match(page, /Before adaptation, the base model has 52\.0 % on the task\./);
    assert.doesNotMatch(qualityPage(madeUp(digits), 'x.svg'), /NaN|undefined|Infinity|by module \|/);
  });

  it('is refused if a score is missing', () => {
    const whole = madeUp();
    const lacking = { ...whole, scores: whole.scores.slice(0, -3) };
    assert.throws(() => qualityPage(lacking, 'x.svg'), /seed 6 lacks a score of in_by_module at rank/);
  });
});

describe('quality: figure', () => {
  it('has whole per cents around all values', () => {
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
    const drawn = 5;
    assert.equal(places.length, drawn * (text.ranks.length + 1), 'points, and the legend');
    assert.ok(places.every(([x, y]) => x! >= 66 && x! <= 760 && y! >= 74 && y! <= 398));
    assert.equal(svg.match(/<polyline /g)?.length, drawn);
    assert.match(svg, /trained at rank 32/);
  });
});

describe('quality: what the tuning measured', () => {
  const root = join(import.meta.dirname, '../..');
  const read = (path: string): string => readFileSync(join(root, path), 'utf8');
  const rowsOf = (name: string) =>
    read(`bench/quality/results/${name}`)
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));

  it('is what the pages state', () => {
    const plans = plansTable(rowsOf('plans.jsonl'));
    const ranks = rowsOf('ranks.jsonl');
    assert.ok(read('docs/schedule-experiment.md').includes(plans));
    assert.ok(read('docs/error-and-loss.md').includes(criteriaTable(ranks)));
    assert.equal(read('docs/figures/error-cost.svg'), errorCostFigure(ranks));
    assert.doesNotMatch(plans + criteriaTable(ranks) + errorCostFigure(ranks), /NaN|undefined|Infinity/);
  });
});

describe('quality: options and workers', () => {
  it('compare other seeds than those that chose the settings, for text and for digits', () => {
    for (const { seeds, sweep_seeds } of parseOptions([])!.plans)
      assert.deepEqual(
        seeds.filter((seed) => sweep_seeds.includes(seed)),
        [],
      );
    assert.deepEqual(
      parseOptions(['--task', 'proscons'])!.plans.map(({ task }) => task),
      ['proscons'],
    );
  });

  it('refuse an option that cannot be read, by name', () => {
    assert.equal(parseOptions(['--help']), null);
    assert.throws(
      () => parseOptions(['--seeds', '21']),
      /--seeds must be a whole number from 1 to 20, not "21"/,
    );
    assert.throws(() => parseOptions(['--workers', 'x']), /--workers/);
    assert.throws(() => parseOptions(['--fast']), /--fast/);
  });

  it('complete all the work, with a limited number of tasks at a time', async () => {
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
