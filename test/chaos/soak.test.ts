import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { slope } from '../../bench/soak/slope.ts';
import { growths, leaks, runSoak, type SoakReport } from '../../bench/soak/soak-run.ts';

describe('what a soak reports', () => {
  const report = (change: object): SoakReport => ({
    minutes: 10,
    rounds: 100,
    rows: [{ series: 'api handles', before: 20, after: 20, most: 30, slope: 0, bound: 1, ...change }],
  });

  it('is the slope of the observed values', () => {
    const line = [0, 1, 2, 3].map((minutes) => ({ minutes, value: 5 + 3 * minutes }));
    assert.ok(Math.abs(slope(line) - 3) < 1e-12);
    const noisy = line.map(({ minutes, value }, i) => ({ minutes, value: value + [1, -1, -1, 1][i]! }));
    assert.ok(Math.abs(slope(noisy) - 3) < 1e-12);
    assert.deepEqual([slope([]), slope([{ minutes: 1, value: 7 }])], [0, 0]);
  });

  it('names what there is more of than before, and what grows too fast', () => {
    assert.deepEqual([leaks(report({})), growths(report({}))], [[], []]);
    assert.deepEqual(leaks(report({ after: 25 })), ['api handles: 20 before, 25 afterwards']);
    assert.deepEqual(leaks(report({ after: 24 })), [], 'connections that clients keep for a while');
    assert.deepEqual(growths(report({ slope: 1.5, after: 21 })), ['api handles: 1.50 a minute, at most 1']);
    assert.deepEqual(growths(report({ slope: 1.5 })), [], 'given back when all was quiet');
    assert.deepEqual(
      leaks(report({ series: 'api RSS, MB', after: 99 })),
      [],
      'memory is judged by its slope',
    );
  });
});

/** A leak of one handle a round is more than the variation caused by connections. */
const ROUNDS = 12;

/** `npm run soak` is the long form, which also checks memory. */
describe('some rounds of the soak', { skip: !existsSync('/proc/self/fd') }, () => {
  it('leave no handle, no key and no file behind', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'squeeze-soak-'));
    try {
      const say = (line: string) => t.diagnostic(line);
      const report = await runSoak({ folder, entry: 'source', minutes: 0, minRounds: ROUNDS, say });
      assert.deepEqual(leaks(report), [], JSON.stringify(report.rows));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
