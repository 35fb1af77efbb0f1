import { Worker } from 'node:worker_threads';
import type { ProviderInfo } from '../contract/job.ts';
import { AppError, fromPlainError } from '../errors/app-error.ts';
import { COMPUTE_THREAD, THREAD_ARGUMENTS } from '../places.ts';
import { DEFAULT_CUDA_MEMORY_BYTES, stackNumbers } from './task-sizes.ts';
import type { ComputeTask, TaskMessage, TaskResults, ThreadMessage } from './tasks.ts';

interface Waiting {
  readonly message: TaskMessage;
  readonly signal: AbortSignal;
  readonly onGrams: ((modules: readonly string[]) => void) | undefined;
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Threads that run tasks, each task on one thread. Work is distributed by module, never inside one product, so
 * results are byte-identical with any number of threads. A pool outlives a single job because creating sessions takes
 * time.
 */
export class ComputePool {
  readonly provider: ProviderInfo;
  /** Largest number of Gram matrix elements (rank² for each module) that one task should hold. */
  readonly stackNumbers: number;
  readonly #idle: Worker[] = [];
  readonly #running = new Map<number, Waiting>();
  readonly #queue: Waiting[] = [];
  readonly #workers: readonly Worker[];
  #nextId = 0;
  #broken: Error | undefined;

  private constructor(workers: readonly Worker[], provider: ProviderInfo, stackNumbers: number) {
    this.#workers = workers;
    this.provider = provider;
    this.stackNumbers = stackNumbers;
    for (const worker of workers) this.#adopt(worker);
  }

  /**
   * @param cudaMemoryBytes GPU memory that the decompositions of all threads may take together
   * @throws AppError PROVIDER_UNAVAILABLE if the requested execution provider does not run
   */
  static async start(
    requested: ProviderInfo['requested'],
    threads: number,
    cudaMemoryBytes = DEFAULT_CUDA_MEMORY_BYTES,
  ): Promise<ComputePool> {
    // The first thread determines what "auto" means, so that the others do not repeat a failing probe.
    const first = await startThread(requested);
    const others = await Promise.allSettled(
      Array.from({ length: threads - 1 }, () => startThread(first.provider.name)),
    );
    const started = others.filter((other) => other.status === 'fulfilled').map(({ value }) => value);
    const workers = [first, ...started].map(({ worker }) => worker);
    const failed = others.find((other) => other.status === 'rejected');
    if (failed) {
      await Promise.all(workers.map((worker) => worker.terminate()));
      throw failed.reason;
    }
    const numbers = stackNumbers(first.provider.name, threads, cudaMemoryBytes);
    return new ComputePool(workers, { ...first.provider, threads }, numbers);
  }

  /**
   * Queues a task for the next idle thread.
   * @param onGrams called with the names of modules whose Gram matrices are finished
   * @throws AppError of the task; CANCELLED for a task that had not begun when the signal fired
   */
  run<T extends ComputeTask>(
    task: T,
    signal: AbortSignal,
    onGrams?: (modules: readonly string[]) => void,
  ): Promise<TaskResults[T['kind']]> {
    return new Promise((resolve, reject) => {
      if (this.#broken) return reject(this.#broken);
      const waiting: Waiting = { message: { id: this.#nextId++, task }, signal, onGrams, resolve, reject };
      this.#queue.push(waiting);
      this.#assign();
    });
  }

  /**
   * Ends the threads. Must only be called when no task is running: ending a thread inside the runtime would abort the
   * process.
   */
  async close(): Promise<void> {
    if (this.#running.size > 0) throw new Error('ComputePool.close() was called while tasks were running');
    await Promise.all(this.#workers.map((worker) => worker.removeAllListeners('exit').terminate()));
  }

  #adopt(worker: Worker): void {
    worker.on('message', (message: ThreadMessage) => this.#receive(worker, message));
    worker.on('error', (error) => this.#fail(error));
    worker.on('exit', (code) => this.#fail(new Error(`A compute thread ended with code ${code}`)));
    // An idle pool must not keep its process alive.
    worker.unref();
    this.#idle.push(worker);
  }

  #assign(): void {
    while (this.#idle.length > 0 && this.#queue.length > 0) {
      const waiting = this.#queue.shift()!;
      if (waiting.signal.aborted) {
        waiting.reject(cancelled());
        continue;
      }
      const worker = this.#idle.pop()!;
      this.#running.set(waiting.message.id, waiting);
      worker.ref();
      worker.postMessage(waiting.message);
    }
  }

  #receive(worker: Worker, message: ThreadMessage): void {
    if (message.type === 'ready' || message.type === 'broken') return;
    const waiting = this.#running.get(message.id)!;
    if (message.type === 'grams') {
      waiting.onGrams?.(message.modules);
      return;
    }
    this.#running.delete(message.id);
    worker.unref();
    this.#idle.push(worker);
    if (message.type === 'done') waiting.resolve(message.result as never);
    else waiting.reject(fromPlainError(message.error));
    this.#assign();
  }

  /** If one thread dies, the whole pool is unusable; its owner starts a new one. */
  #fail(error: Error): void {
    this.#broken = error;
    for (const { reject } of [...this.#running.values(), ...this.#queue]) reject(error);
    this.#running.clear();
    this.#queue.length = 0;
  }
}

const cancelled = (): AppError => new AppError('CANCELLED', 'The job was cancelled while it ran.');

/**
 * By default V8 lets the young generation of each thread grow to 48 MB. In a compute thread, few objects live long
 * enough to need that: with 4,000 modules and two threads this saves 40 MB and costs no time.
 */
const YOUNG_GENERATION_MB = 3;

function startThread(requested: ProviderInfo['requested']) {
  const worker = new Worker(COMPUTE_THREAD, {
    workerData: { requested },
    execArgv: [...THREAD_ARGUMENTS],
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
  });
  type Ready = { worker: Worker; provider: Extract<ThreadMessage, { type: 'ready' }>['provider'] };
  return new Promise<Ready>((resolve, reject) => {
    const onError = (error: Error): void => reject(error);
    const onExit = (code: number): void => reject(new Error(`A compute thread ended with code ${code}`));
    worker.once('error', onError).once('exit', onExit);
    worker.once('message', (message: ThreadMessage) => {
      worker.off('error', onError).off('exit', onExit);
      if (message.type === 'ready') resolve({ worker, provider: message.provider });
      else
        reject(message.type === 'broken' ? fromPlainError(message.error) : new Error('Unexpected message'));
    });
  });
}
