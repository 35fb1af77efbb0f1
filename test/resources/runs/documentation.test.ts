import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Value } from 'typebox/value';
import { RunRequest } from '../../../src/contract/run.ts';
import { positionIn } from '../../../src/resources/runs/lineage.ts';
import { learningRateNow, runProgress } from '../../../src/resources/runs/run-progress.ts';
import { runManifest, squeezedEntry } from './run-entries.ts';

const page = readFileSync(join(import.meta.dirname, '../../../docs/runs.md'), 'utf8');
const request = JSON.parse(/^\{"adaptive": .+\}$/m.exec(page)![0]) as RunRequest;
const run = runManifest(request);

/** A row of the table, identified by its first column. */
function rowOf(squeezes: string): string {
  let rank = 64;
  const log = [...squeezes.matchAll(/at (\d+) to rank (\d+)/g)].map(([, step, to]) => {
    const from = rank;
    rank = Number(to);
    return squeezedEntry(Number(step), from, rank);
  });
  const { factor, begin_step, end_step, warm_up_steps, decay_steps } = learningRateNow(
    runProgress(run, positionIn(run, log)),
  );
  const decays = decay_steps === 0 ? '–' : `${end_step - decay_steps} to ${end_step}`;
  return `| ${squeezes} | × ${factor.toFixed(2)} | ${begin_step} to ${begin_step + warm_up_steps} | ${decays} |`;
}

describe('docs/runs.md', () => {
  it('states the real learning rate of its adaptive run', () => {
    assert.ok(Value.Check(RunRequest, request), 'fits the contract');
    const lines = page.slice(page.indexOf('| squeezes so far |')).split('\n').slice(2);
    const rows = lines.slice(
      0,
      lines.findIndex((line) => !line.startsWith('|')),
    );
    assert.ok(rows.length >= 4, String(rows.length));
    assert.deepEqual(
      rows,
      rows.map((row) => rowOf(row.split('|')[1]!.trim())),
    );
  });
});
