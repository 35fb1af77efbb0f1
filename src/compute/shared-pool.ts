import { toAppError } from '../errors/app-error.ts';
import type { ComputePool } from './pool.ts';

/**
 * A pool that outlives a single job, because starting threads and sessions takes longer than squeezing a small
 * adapter. The first job that needs it starts it.
 */
export class SharedPool {
  readonly #start: () => Promise<ComputePool>;
  #pool: Promise<ComputePool> | undefined;

  constructor(start: () => Promise<ComputePool>) {
    this.#start = start;
  }

  get isStarted(): boolean {
    return this.#pool !== undefined;
  }

  /**
   * Runs a job on the pool. After an unexpected failure, or a failed start, the next job gets a new pool.
   * @throws the errors of the pool's start and of the job
   */
  async use<T>(job: (pool: ComputePool) => Promise<T>): Promise<T> {
    this.#pool ??= this.#start();
    const used = this.#pool;
    const pool = await used.catch((error: unknown) => {
      if (this.#pool === used) this.#pool = undefined;
      throw error;
    });
    try {
      return await job(pool);
    } catch (error) {
      if (toAppError(error).code === 'INTERNAL' && this.#pool === used)
        await this.close().catch(() => undefined);
      throw error;
    }
  }

  /** Ends its threads, if there are any. */
  async close(): Promise<void> {
    const pool = this.#pool;
    this.#pool = undefined;
    await (await pool?.catch(() => undefined))?.close();
  }
}
