import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ComputePool } from '../../src/compute/pool.ts';
import { SharedPool } from '../../src/compute/shared-pool.ts';
import { AppError } from '../../src/errors/app-error.ts';

/** A kept pool whose first starts fail, and the pools that it started. */
function keptPool(failures: readonly Error[] = []) {
  const left = [...failures];
  const started: ComputePool[] = [];
  const kept = new SharedPool(async () => {
    const failure = left.shift();
    if (failure) throw failure;
    const pool = await ComputePool.start('cpu', 1);
    started.push(pool);
    return pool;
  });
  return { kept, started };
}

const itself = async (pool: ComputePool): Promise<ComputePool> => pool;
const fails = (error: Error) => async (): Promise<never> => {
  throw error;
};

describe('a pool that is kept from job to job', () => {
  it('is started by the first job, and shared by simultaneous and later ones', async () => {
    const { kept, started } = keptPool();
    assert.equal(kept.isStarted, false);
    const used = await Promise.all([kept.use(itself), kept.use(itself)]);
    used.push(await kept.use(itself));
    assert.equal(kept.isStarted, true);
    assert.deepEqual([started.length, new Set(used).size], [1, 1]);
    await kept.close();
  });

  it('is started again by the next job if it could not be started', async () => {
    const unavailable = new AppError('PROVIDER_UNAVAILABLE', 'no such device');
    const { kept, started } = keptPool([unavailable]);
    await assert.rejects(Promise.all([kept.use(itself), kept.use(itself)]), unavailable);
    assert.equal(kept.isStarted, false);
    assert.equal(await kept.use(itself), started[0]);
    await kept.close();
  });

  it('survives a failure that is the fault of the job, but no other', async () => {
    const { kept, started } = keptPool();
    const refused = new AppError('NON_FINITE_WEIGHTS', 'NaN');
    await assert.rejects(kept.use(fails(refused)), refused);
    await kept.use(itself);
    assert.equal(started.length, 1);
    const broken = new Error('a thread died');
    await assert.rejects(kept.use(fails(broken)), broken);
    await kept.use(itself);
    assert.equal(started.length, 2);
    await kept.close();
    await kept.close();
    assert.equal(kept.isStarted, false);
  });
});
