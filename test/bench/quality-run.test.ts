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
import type { Plan, Score } from '../../bench/quality/results.ts';
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

/** The source, and every method with settings of its own, once. */
const sweptOf = ({ methods }: Plan): number =>
  1 + methods.filter((method) => !method.endsWith('module')).length;

const versions = pythonVersions();
const skip = versions
  ? false
  : `SKIPPED: /usr/bin/python3 lacks libraries of the experiment (Debian and Ubuntu: apt-get install ${NEEDED})`;
if (skip) console.error(skip);

describe('quality: a quick run of the experiment', { skip }, () => {
  const at = serviceFixture('quality-run');

  const runIn = (dir: string, lines: string[] = []) => {
    return (...more: string[]) => {
      const words = ['--quick', '--out', dir, ...more];
      return trainAndWrite(parseOptions(words)!, {
        ...{ words, versions: versions!, url: at.service.url, elapsed: () => '1 s' },
        say: (line) => lines.push(line),
      });
    };
  };

  for (const task of ['proscons', 'digits'])
    it(`trains every method on ${task} through a real service and writes the page, the figure and the results`, async () => {
      const dir = join(at.folder, task);
      const lines: string[] = [];
      const run = runIn(dir, lines);
      await run('--task', task);
      const path = join(dir, `${task}.jsonl`);
      const results = await readResults(path);
      const { plan, scores, bases, settings } = results;
      assert.deepEqual(plan, parseOptions(['--quick', '--task', task])!.plans[0]);
      const count = (phase: Score['phase']) => scores.filter((score) => score.phase === phase).length;
      assert.deepEqual([count('sweep'), count('main')], [sweptOf(plan), 1 + plan.methods.length]);
      assert.ok(scores.every(({ accuracy, loss }) => accuracy >= 0 && accuracy <= 100 && loss > 0));
      assert.equal(Object.keys(settings).length, sweptOf(plan));
      const losses = new Set(scores.filter(({ phase }) => phase === 'main').map(({ loss }) => loss));
      // At rank 1 the policies by module have no ranks to share out.
      assert.ok(
        losses.size >= plan.methods.filter((method) => !method.endsWith('module')).length,
        'methods differ',
      );
      const source = scores.find(({ method }) => method === 'source')!;
      for (const { method, trained_parameters } of scores)
        if (method === 'direct') assert.equal(4 * trained_parameters, source.trained_parameters);
        else if (/^(in|cont)/.test(method)) assert.ok(trained_parameters < source.trained_parameters, method);
      // Chance is 10 %: even a few steps teach the base to read upright digits, while shuffled ones are new
      // to it.
      if (task === 'digits')
        for (const base of bases)
          assert.ok(
            Number(base['on upright digits']) > 25 && Number(base['on shuffled digits']) < 20,
            JSON.stringify(base),
          );
      assert.match(readFileSync(join(dir, `quality-${task}.md`), 'utf8'), /A quick run[\s\S]*\| In-Squeeze/);
      const figurePath = join(dir, 'figures', `quality-${task}.svg`);
      const figure = readFileSync(figurePath, 'utf8');
      assert.match(figure, /<\/svg>\n$/);

      // The other scores do not depend on which methods are trained.
      if (task === 'digits') return;
      // Some results are lost, including the seed of the base: only those are trained again, with the same
      // scores.
      const isLost = ({ phase, method }: Score) =>
        phase === 'main' && (method === 'cont' || method === 'post');
      await writeResults(path, {
        ...results,
        scores: scores.filter((score) => !isLost(score)),
        bases: bases.slice(0, -1),
      });
      lines.length = 0;
      await run('--task', task, '--resume');
      const again = await readResults(path);
      assert.deepEqual(byName(again.scores), byName(scores));
      assert.deepEqual(again.bases, bases);
      assert.equal(lines.length, 1 + scores.filter(isLost).length, lines.join('\n'));

      // Runs the command itself, which trains nothing when it only renders.
      await writeFile(figurePath, '');
      const words = ['--import', 'tsx', RUN, '--render', '--task', task, '--out', dir];
      await promisify(execFile)(process.execPath, words);
      assert.equal(readFileSync(figurePath, 'utf8'), figure);
    });

  it('reports why a worker failed', async () => {
    await assert.rejects(
      runWorker({ nothing: true }, () => {}),
      /train_seed\.py ended with 1:\n[\s\S]*Error/,
    );
  });
});
