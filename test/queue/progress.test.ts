import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { PHASES, type Progress } from '../../src/contract/job.ts';
import { ProgressThrottle } from '../../src/queue/progress.ts';
import fc from '../fast-check.ts';

const INTERVAL_MS = 200;
/** No report has been sent yet. */
const QUIET_MS = 200;

/**
 * Reports the modules of each phase, with the clock advancing by `stepMs` before each. @returns the reports
 * that were sent, and when
 */
function run(total: number, stepMs: number): { progress: Progress; atMs: number }[] {
  let nowMs = 0;
  const sent: { progress: Progress; atMs: number }[] = [];
  const throttle = new ProgressThrottle(
    (progress) => sent.push({ progress, atMs: nowMs }),
    () => nowMs,
  );
  nowMs = QUIET_MS;
  for (const phase of PHASES) {
    for (let done = 0; done <= total; done++) {
      nowMs += stepMs;
      throttle.report({ phase, done, total, module: `m${done}` });
    }
  }
  throttle.flush();
  return sent;
}

describe('ProgressThrottle', () => {
  it('sends the first and the last report of each phase, in order', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 0, max: 500 }), (total, stepMs) => {
        const sent = run(total, stepMs).map(({ progress }) => progress);
        for (const phase of PHASES) {
          const ofPhase = sent.filter((progress) => progress.phase === phase).map(({ done }) => done);
          assert.equal(ofPhase[0], 0);
          assert.equal(ofPhase.at(-1), total);
          assert.deepEqual(
            ofPhase,
            [...new Set(ofPhase)].sort((x, y) => x - y),
          );
        }
        assert.deepEqual(
          sent.map(({ phase }) => phase).filter((phase, i, all) => phase !== all[i - 1]),
          [...PHASES],
        );
      }),
    );
  });

  it('limits the rate otherwise', () => {
    const sent = run(10_000, 1);
    const seconds = (PHASES.length * 10_001) / 1000;
    assert.ok(sent.length <= seconds * (1000 / INTERVAL_MS) + 2 * PHASES.length, `${sent.length} sent`);
    assert.ok(sent.length >= seconds * (1000 / INTERVAL_MS) * 0.9, `only ${sent.length} sent`);
  });

  it('sends a report that no other follows, and nothing after the end', async () => {
    const sent: number[] = [];
    const throttle = new ProgressThrottle(({ done }) => sent.push(done));
    await sleep(2 * QUIET_MS);
    for (const done of [0, 1, 2]) throttle.report({ phase: 'import', done, total: 9, module: null });
    assert.deepEqual(sent, [0]);
    // The timer is unreferenced: a stalled transfer keeps the process alive by its socket.
    for (let tries = 0; sent.length < 2 && tries < 10_000; tries++) await sleep(10);
    assert.deepEqual(sent, [0, 2]);
    throttle.report({ phase: 'import', done: 3, total: 9, module: null });
    throttle.close();
    await sleep(2 * INTERVAL_MS);
    assert.deepEqual(sent, [0, 2]);
  });

  it('sends the end of a phase that stopped before its total', () => {
    const sent: Progress[] = [];
    let nowMs = 0;
    const throttle = new ProgressThrottle(
      (progress) => sent.push(progress),
      () => nowMs,
    );
    nowMs = QUIET_MS;
    for (const done of [0, 1, 2]) throttle.report({ phase: 'gram', done, total: 9, module: null });
    throttle.report({ phase: 'core', done: 0, total: 9, module: null });
    assert.deepEqual(
      sent.map(({ phase, done }) => `${phase} ${done}`),
      ['gram 0', 'gram 2', 'core 0'],
    );
  });

  it('sends nothing of an attempt that ends at once, and the last report of one that continues', async () => {
    const sent: string[] = [];
    const begin = () => new ProgressThrottle(({ phase, done }) => sent.push(`${phase} ${done}`));
    const short = begin();
    for (const phase of ['gram', 'core'] as const) short.report({ phase, done: 1, total: 1, module: null });
    short.finish();
    short.close();
    const long = begin();
    for (const done of [0, 1]) long.report({ phase: 'gram', done, total: 9, module: null });
    for (let tries = 0; sent.length === 0 && tries < 10_000; tries++) await sleep(10);
    assert.deepEqual(sent, ['gram 1']);
    long.report({ phase: 'core', done: 1, total: 1, module: null });
    long.finish();
    assert.deepEqual(sent, ['gram 1', 'core 1']);
    long.close();
  });
});
