import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { runChaos } from './chaos-run.ts';

/**
 * CHAOS_SEED=… repeats the decisions of a run that failed, as far as a run of several processes can be
 * repeated.
 */
const seed = Number(process.env.CHAOS_SEED ?? Math.floor(Math.random() * 1e9));

/** `npm run chaos` is the long form of this test. */
describe('a fleet whose processes are killed and whose connections break', {
  skip: !existsSync('/proc/self/stat'),
}, () => {
  it(`keeps every promise about accepted jobs (CHAOS_SEED=${seed})`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'squeeze-chaos-'));
    try {
      const shape = { entry: 'source', jobs: 12, kills: 5, pauseMs: 300 } as const;
      const report = await runChaos({ ...shape, folder, seed, say: (line) => t.diagnostic(line) });
      t.diagnostic(JSON.stringify(report));
      assert.ok(
        report.files > 0 && report.abortedUploads > 0,
        'the reader and the rough clients did something',
      );
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
