import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import type { DecomposeTask } from '../../src/compute/decompose-task.ts';
import { ComputePool } from '../../src/compute/pool.ts';

const range = { name: 'x', dtype: 'F32', beginByte: 0, endByte: 4 } as const;
const task = (weightsPath: string): DecomposeTask => ({
  kind: 'decompose',
  weightsPath,
  modules: [{ name: 'x', a: range, b: range, rank: 1, m: 1, n: 1 }],
  slots: null,
  decomposer: { variant: 'exact', columns: 16, keep: 1, maxIterations: 0, tolerance: 0, seed: 0 },
});

describe('a pool of compute threads', () => {
  it('knows its provider and its threads', async () => {
    const pool = await ComputePool.start('cpu', 2);
    assert.equal(pool.provider.name, 'cpu');
    assert.equal(pool.provider.threads, 2);
    await pool.close();
  });

  it('passes the error of a task to its caller, and continues', async () => {
    const pool = await ComputePool.start('cpu', 1);
    const { signal } = new AbortController();
    const failures = await Promise.allSettled([1, 2, 3].map(() => pool.run(task('/nowhere/at/all'), signal)));
    for (const failure of failures) {
      assert.equal(failure.status, 'rejected');
      assert.match((failure as PromiseRejectedResult).reason.message, /ENOENT/);
    }
    await pool.close();
  });

  it('does not begin cancelled tasks', async () => {
    const pool = await ComputePool.start('cpu', 1);
    await assert.rejects(pool.run(task('/nowhere'), AbortSignal.abort()), { code: 'CANCELLED' });
    await pool.close();
  });

  it('does not keep its process alive', async () => {
    const url = new URL('../../src/compute/pool.ts', import.meta.url).href;
    const script = `import { ComputePool } from ${JSON.stringify(url)}; await ComputePool.start('cpu', 2); console.log('up');`;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [code] = await once(child, 'exit');
    assert.equal(code, 0);
  });
});
