import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { noPhaseSeconds } from '../../src/compute/phase-seconds.ts';
import { AppError } from '../../src/errors/app-error.ts';
import { ProgressTracker } from '../../src/squeeze/progress-tracker.ts';

function watching(signal = new AbortController().signal) {
  const seen: string[] = [];
  const tracker = new ProgressTracker(
    ({ phase, done, total, module }) => seen.push(`${phase} ${done}/${total} ${module}`),
    signal,
  );
  return { tracker, seen };
}

describe('progress', () => {
  it('shows the earliest phase that is not complete, even if the next one has begun', () => {
    const { tracker, seen } = watching();
    tracker.begin('gram', 3);
    tracker.moduleFinished('gram', 'a');
    tracker.moduleFinished('gram', 'b');
    tracker.moduleFinished('core', 'a');
    tracker.moduleFinished('gram', 'c');
    tracker.moduleFinished('core', 'b');
    tracker.moduleFinished('core', 'c');
    tracker.begin('project', 3);
    assert.deepEqual(seen, [
      'gram 0/3 null',
      'gram 1/3 a',
      'gram 2/3 b',
      'gram 3/3 c',
      'core 2/3 b',
      'core 3/3 c',
      'project 0/3 null',
    ]);
  });
});

describe('timings', () => {
  it('divide the work of threads by their number and add that of this thread', async () => {
    const { tracker } = watching();
    tracker.addPhaseSeconds({ ...noPhaseSeconds(), load: 2, core: 4 });
    tracker.addPhaseSeconds({ ...noPhaseSeconds(), core: 4 });
    await tracker.time('write', () => sleep(20));
    const timings = tracker.timings(2, 5);
    assert.deepEqual(
      { ...timings, write: 0 },
      { queue_wait: 0, load: 1, gram: 0, core: 4, project: 0, write: 0, total: 5 },
    );
    assert.ok(timings.write > 0.01);
  });
});

describe('concurrent work', () => {
  it('fails with the cause, not with what was cancelled because of it', async () => {
    const { tracker } = watching();
    const cancelled = new Promise<void>((_, reject) =>
      tracker.signal.addEventListener('abort', () => reject(new AppError('CANCELLED', 'stopped'))),
    );
    const failing = sleep(5).then(() => {
      throw new AppError('NON_FINITE_WEIGHTS', 'the cause');
    });
    await assert.rejects(tracker.all([cancelled, failing]), { code: 'NON_FINITE_WEIGHTS' });
    assert.ok(tracker.signal.aborted);
  });

  it('waits for work that is still running before it fails', async () => {
    const { tracker } = watching();
    let isDone = false;
    const slow = sleep(30).then(() => {
      isDone = true;
    });
    await assert.rejects(tracker.all([Promise.reject(new Error('early')), slow]), { message: 'early' });
    assert.ok(isDone);
  });

  it('is cancelled from outside', () => {
    const abort = new AbortController();
    const { tracker } = watching(abort.signal);
    assert.ok(!tracker.signal.aborted);
    abort.abort();
    assert.ok(tracker.signal.aborted);
  });
});
