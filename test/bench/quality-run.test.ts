import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { parseOptions } from '../../bench/quality/options.ts';
import { trainAndWrite } from '../../bench/quality/quality-run.ts';
import { METHODS, type Score, VARIANTS } from '../../bench/quality/results.ts';
import { readResults, writeResults } from '../../bench/quality/results-file.ts';
import { NEEDED, pythonVersions, runWorker } from '../../bench/quality/workers.ts';
import { serviceFixture } from '../clients/service-fixture.ts';

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

const versions = pythonVersions();
const skip = versions
  ? false
  : `SKIPPED: /usr/bin/python3 lacks libraries of the experiment (Debian and Ubuntu: apt-get install ${NEEDED})`;
if (skip) console.error(skip);

describe('quality: a quick run of the experiment', { skip }, () => {
  const at = serviceFixture('quality-run');

  it('trains every method through a real service and writes page, figure and results', async () => {
    const dir = join(at.folder, 'out');
    const said: string[] = [];
    const run = (...more: string[]) => {
      const words = ['--quick', '--out', dir, ...more];
      return trainAndWrite(parseOptions(words)!, {
        ...{ words, versions: versions!, url: at.service.url, elapsed: () => '1 s' },
        say: (line) => said.push(line),
      });
    };
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
    assert.ok(
      bases.every(({ upright, shuffled }) => upright > 25 && shuffled < 20),
      JSON.stringify(bases),
    );
    const losses = new Set(scores.filter(({ phase }) => phase !== 'sweep').map(({ loss }) => loss));
    assert.ok(losses.size >= cells + 2, 'methods and variants differ');
    assert.match(readFileSync(join(dir, 'quality.md'), 'utf8'), /A quick run[\s\S]*\| In-Squeeze/);
    const figure = readFileSync(join(dir, 'figures', 'quality-accuracy.svg'), 'utf8');
    assert.match(figure, /<\/svg>\n$/);

    // A part of it lost, the base of its seed too: that alone is trained again, to the same scores.
    const isLost = ({ phase, method, variant }: Score) =>
      (phase === 'main' && method === 'cont') || (phase === 'variant' && variant === 'sqrt');
    await writeResults(join(dir, 'results.jsonl'), {
      ...results,
      scores: scores.filter((score) => !isLost(score)),
      bases: bases.slice(0, -1),
    });
    said.length = 0;
    await run('--resume');
    const again = await readResults(join(dir, 'results.jsonl'));
    assert.deepEqual(byName(again.scores), byName(scores));
    assert.deepEqual(again.bases, bases);
    assert.equal(said.length, 1 + scores.filter(isLost).length, said.join('\n'));

    // The command itself, which trains nothing where it is to render.
    await writeFile(join(dir, 'figures', 'quality-accuracy.svg'), '');
    await promisify(execFile)(process.execPath, ['--import', 'tsx', RUN, '--render', '--out', dir]);
    assert.equal(readFileSync(join(dir, 'figures', 'quality-accuracy.svg'), 'utf8'), figure);
  });

  it('say why a worker failed', async () => {
    await assert.rejects(
      runWorker({ nothing: true }, () => {}),
      /train_seed\.py ended with 1:\n[\s\S]*Error/,
    );
  });
});
