import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { parseOptions } from '../../bench/quality/options.ts';
import { METHODS, type Results, type Score } from '../../bench/quality/results.ts';
import { NEEDED, pythonVersions, runWorker } from '../../bench/quality/workers.ts';

const RUN = fileURLToPath(new URL('../../bench/quality/run.ts', import.meta.url));

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
      await promisify(execFile)(process.execPath, ['--import', 'tsx', RUN, '--quick', '--out', dir]);
      const { plan, scores, bases, peaks } = JSON.parse(
        readFileSync(join(dir, 'results.json'), 'utf8'),
      ) as Results;
      assert.deepEqual(plan, parseOptions(['--quick'])!.plan);
      const cells = METHODS.length * plan.ranks.length + 1;
      const count = (phase: Score['phase']) => scores.filter((score) => score.phase === phase).length;
      assert.deepEqual(
        [count('sweep'), count('main'), count('variant')],
        [cells * plan.peaks.length, cells, plan.variants.length],
      );
      assert.ok(scores.every(({ accuracy, loss }) => accuracy >= 0 && accuracy <= 100 && loss > 0));
      assert.deepEqual(Object.keys(peaks).length, cells);
      // Chance is 10 %: even a few steps teach the base to read upright digits, and shuffled ones are new to it.
      assert.ok(bases.every(({ upright, shuffled }) => upright > 25 && shuffled < 20));
      const losses = new Set(scores.filter(({ phase }) => phase !== 'sweep').map(({ loss }) => loss));
      assert.ok(losses.size >= cells + 2, 'methods and variants differ');
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
