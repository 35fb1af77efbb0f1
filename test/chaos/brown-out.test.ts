import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { tryBrownOut } from './brown-out.ts';

const seed = Number(process.env.CHAOS_SEED ?? Math.floor(Math.random() * 1e9));

/**
 * `npm run chaos` does this for a minute with a fifth of all requests. In a few seconds a larger share is
 * needed to hit every job.
 */
describe('a store that fails some of all requests', () => {
  it(`makes no job fail (CHAOS_SEED=${seed})`, async (t) => {
    const report = await tryBrownOut({
      folder: mkdtempSync(join(tmpdir(), 'squeeze-brown-out-')),
      entry: 'source',
      workers: 1,
      seconds: 4,
      longestSeconds: 10,
      minJobs: 3,
      share: 0.35,
      seed,
      say: (line) => t.diagnostic(line),
    });
    if (typeof report === 'string') return t.skip(report);
    t.diagnostic(JSON.stringify(report));
    assert.ok(report.failed > 0, 'some requests failed');
    return undefined;
  });
});
