import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InferenceSession } from 'onnxruntime-node';
import { ComputePool } from '../../src/compute/pool.ts';
import { SharedPool } from '../../src/compute/shared-pool.ts';
import { Kernels } from '../../src/engine/kernels.ts';

const MATRIX = { data: Float32Array.of(1, 2, 3, 4), rows: 2, columns: 2 };

describe('a session that cannot be created', () => {
  it('is created when it is needed again, and does not prevent others from being closed', async (t) => {
    const creating = t.mock.method(InferenceSession, 'create');
    const kernels = new Kernels('cpu');
    creating.mock.mockImplementationOnce(async () => {
      throw new Error('out of memory');
    });
    await assert.rejects(kernels.sum(MATRIX, [1, 1]), /out of memory/);
    assert.deepEqual([...(await kernels.sum(MATRIX, [1, 1])).data], [4, 6]);
    creating.mock.mockImplementationOnce(async () => {
      throw new Error('out of memory');
    });
    const [scaled] = await Promise.allSettled([kernels.scale(MATRIX, 2), kernels.close()]);
    assert.equal(scaled.status, 'rejected');
  });
});

describe('the pool of compute threads', () => {
  it('is replaced after a failure in a thread that no error code describes', async () => {
    const shared = new SharedPool(() => ComputePool.start('cpu', 1));
    const signal = new AbortController().signal;
    await assert.rejects(
      shared.use((pool) => pool.run({ kind: 'sum' } as never, signal)),
      { code: 'INTERNAL' },
    );
    assert.equal(shared.isStarted, false);
  });
});
