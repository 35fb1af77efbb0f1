import { after, before } from 'node:test';
import { ComputePool } from '../../src/compute/pool.ts';
import { makeAdapter } from './make-adapter.ts';

/** What the tests of a file that squeeze share; all of it is removed after them. */
export interface ComputeFixture {
  /** Two threads on the CPU, available when the tests run. */
  readonly pool: ComputePool;
  /** The folder of a generated adapter. */
  adapter(...given: Parameters<typeof makeAdapter>): string;
}

export function computeFixture(): ComputeFixture {
  let pool: ComputePool | undefined;
  const removals: (() => void)[] = [];
  before(async () => {
    pool = await ComputePool.start('cpu', 2);
  });
  after(async () => {
    for (const remove of removals) remove();
    await pool?.close();
  });
  return {
    get pool() {
      return pool!;
    },
    adapter(...given) {
      const { dir, remove } = makeAdapter(...given);
      removals.push(remove);
      return dir;
    },
  };
}
