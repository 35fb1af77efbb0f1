import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { idle } from '../../src/compute/busy.ts';
import { AppError } from '../../src/errors/app-error.ts';
import { Watch } from '../../src/squeeze/watch.ts';

function watching(signal = new AbortController().signal) {
  const seen: string[] = [];
  const watch = new Watch(
    ({ phase, done, total, module }) => seen.push(`${phase} ${done}/${total} ${module}`),
    signal,
  );
  return { watch, seen };
}

describe('progress', () => {
  it('tells the earliest phase that is not through, though the next has begun', () => {
    const { watch, seen } = watching();
    watch.begin('gram', 3);
    watch.finished('gram', 'a');
    watch.finished('gram', 'b');
    watch.finished('core', 'a');
    watch.finished('gram', 'c');
    watch.finished('core', 'b');
    watch.finished('core', 'c');
    watch.begin('project', 3);
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
  it('share the work of threads over their number and add what this thread did', async () => {
    const { watch } = watching();
    watch.worked({ ...idle(), load: 2, core: 4 });
    watch.worked({ ...idle(), core: 4 });
    await watch.clocked('write', () => sleep(20));
    const timings = watch.timings(2, 5);
    assert.deepEqual(
      { ...timings, write: 0 },
      { queue_wait: 0, load: 1, gram: 0, core: 4, project: 0, write: 0, total: 5 },
    );
    assert.ok(timings.write > 0.01);
  });
});

describe('work side by side', () => {
  it('fails with the cause, not with what was cancelled because of it', async () => {
    const { watch } = watching();
    const cancelled = new Promise<void>((_, reject) =>
      watch.signal.addEventListener('abort', () => reject(new AppError('CANCELLED', 'stopped'))),
    );
    const failing = sleep(5).then(() => {
      throw new AppError('NON_FINITE_WEIGHTS', 'the cause');
    });
    await assert.rejects(watch.all([cancelled, failing]), { code: 'NON_FINITE_WEIGHTS' });
    assert.ok(watch.signal.aborted);
  });

  it('waits for work that is still running before it fails', async () => {
    const { watch } = watching();
    let isDone = false;
    const slow = sleep(30).then(() => {
      isDone = true;
    });
    await assert.rejects(watch.all([Promise.reject(new Error('early')), slow]), { message: 'early' });
    assert.ok(isDone);
  });

  it('is cancelled from outside', () => {
    const abort = new AbortController();
    const { watch } = watching(abort.signal);
    assert.ok(!watch.signal.aborted);
    abort.abort();
    assert.ok(watch.signal.aborted);
  });
});
