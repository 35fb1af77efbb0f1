import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { buildTargets, targetNames } from './build-targets.ts';
import { jazzerIsMissing, runTarget } from './run-target.ts';
import { regressionsOf } from './seeds.ts';

const SECONDS = Number(process.env.FUZZ_SECONDS ?? 2);

describe('coverage-guided fuzzing', { skip: jazzerIsMissing() ?? false }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'fuzz-test-'));
  before(() => buildTargets(join(folder, 'bundles')));
  after(() => rmSync(folder, { recursive: true, force: true }));

  for (const name of targetNames()) {
    it(`of ${name} finds no failure in ${SECONDS} seconds`, async (t) => {
      const run = await runTarget(name, {
        seconds: SECONDS,
        bundles: join(folder, 'bundles'),
        corpus: join(folder, 'corpus'),
        findings: join(folder, 'findings'),
      });
      t.diagnostic(`${run.executions} executions, coverage ${run.coverage}`);
      assert.deepEqual(run.findings, [], run.log.slice(-4_000));
      // Without instrumented code nothing guides the search.
      assert.ok(run.executions > 100 && run.coverage > 20, run.log.slice(-1_000));
    });
  }
});

describe('inputs that once caused a failure', () => {
  for (const name of targetNames()) {
    it(`of ${name} no longer cause one`, async () => {
      const { fuzz } = (await import(`./targets/${name}.ts`)) as { fuzz: (data: Buffer) => unknown };
      for (const input of regressionsOf(name)) await fuzz(input);
    });
  }
});
