import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { parseOptions } from '../../bench/quality/options.ts';
import { METHODS, type Score, VARIANTS } from '../../bench/quality/results.ts';
import { readResults, writeResults } from '../../bench/quality/results-file.ts';
import { NEEDED, pythonVersions, runWorker } from '../../bench/quality/workers.ts';

const RUN = fileURLToPath(new URL('../../bench/quality/run.ts', import.meta.url));

const byName = (scores: readonly Score[]) =>
  new Map(
    scores
      .map(
        ({ accuracy, loss, ...cell }) =>
          [JSON.stringify(cell, Object.keys(cell).sort()), { accuracy, loss }] as const,
      )
      .sort(([a], [b]) => a.localeCompare(b)),
  );

function skipWithoutTorch(): false | string {
  if (pythonVersions()) return false;
  const reason = `SKIPPED: /usr/bin/python3 lacks libraries of the experiment (Debian and Ubuntu: apt-get install ${NEEDED})`;
  console.error(reason);
  return reason;
}

describe('quality: a quick run of the experiment', { skip: skipWithoutTorch() }, () => {
  it('trains every method at every rank through a real service and writes page, figure and results', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'quality-run-'));
    try {
      const run = (...words: string[]) =>
        promisify(execFile)(process.execPath, ['--import', 'tsx', RUN, '--quick', '--out', dir, ...words]);
      await run();
      const results = await readResults(join(dir, 'results.jsonl'));
      const { plan, scores, bases, peaks } = results;
      assert.deepEqual(plan, parseOptions(['--quick'])!.plan);
      const cells = METHODS.length * plan.ranks.length + 1;
      const variants = VARIANTS.length - 1 + plan.ranks.length - 1;
      const count = (phase: Score['phase']) => scores.filter((score) => score.phase === phase).length;
      assert.deepEqual(
        [count('sweep'), count('main'), count('variant')],
        [cells * plan.peaks.length, cells, variants],
      );
      assert.ok(scores.every(({ accuracy, loss }) => accuracy >= 0 && accuracy <= 100 && loss > 0));
      assert.deepEqual(Object.keys(peaks).length, cells);
      // Chance is 10 %: even a few steps teach the base to read upright digits, and shuffled ones are new to it.
      assert.ok(bases.every(({ upright, shuffled }) => upright > 25 && shuffled < 20));
      const losses = new Set(scores.filter(({ phase }) => phase !== 'sweep').map(({ loss }) => loss));
      assert.ok(losses.size >= cells + 2, 'methods and variants differ');

      // A part of it lost: that is trained again to the same scores.
      const lost = { ...results, scores: results.scores.filter((_, i) => i % 8 !== 0) };
      await writeResults(join(dir, 'results.jsonl'), lost);
      await run('--resume');
      const again = await readResults(join(dir, 'results.jsonl'));
      assert.deepEqual(byName(again.scores), byName(results.scores));

      assert.match(readFileSync(join(dir, 'quality.md'), 'utf8'), /A quick run[\s\S]*\| In-Squeeze/);
      assert.match(readFileSync(join(dir, 'figures', 'quality-accuracy.svg'), 'utf8'), /<\/svg>\n$/);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });

  it('say why a worker failed', async () => {
    await assert.rejects(
      runWorker({ nothing: true }, () => {}),
      /train_seed\.py ended with 1:\n[\s\S]*Error/,
    );
  });
});
