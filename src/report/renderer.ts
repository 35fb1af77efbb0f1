import { Worker } from 'node:worker_threads';
import { fromPlainError } from '../errors/app-error.ts';
import { REPORT_THREAD, THREAD_ARGUMENTS } from '../places.ts';
import type { Rendered, RenderRequest } from './render.ts';
import type { ThreadResponse } from './thread.ts';

/** A report of 4,000 modules takes about a second. */
const TIME_LIMIT_MS = 60_000;
/** A thread that has loaded ECharts holds about 60 MB, so an idle thread is ended. */
const IDLE_MS = 60_000;
/** A report that needs more memory fails without taking the process down. */
const MEMORY_LIMIT_MB = 1024;

/**
 * Renders reports one at a time in a thread of its own, because rendering in the thread of the API would block all other
 * requests. The thread starts with the first report and ends after it has been idle for a while.
 */
export class Renderer {
  #worker: Worker | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #idle: NodeJS.Timeout | undefined;
  #isClosed = false;

  /**
   * @param load fetches the input when it is this report's turn, so that waiting requests hold no memory
   * @throws Error if the thread dies or takes too long, and any error that `load` throws
   */
  render(load: () => Promise<RenderRequest>): Promise<Rendered> {
    const rendered = this.#turn.then(async () => this.#ask(await load()));
    this.#turn = rendered.catch(() => {});
    return rendered;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#end();
  }

  #ask(request: RenderRequest): Promise<Rendered> {
    if (this.#isClosed) throw new Error('The renderer is closed');
    clearTimeout(this.#idle);
    this.#worker ??= this.#start();
    const worker = this.#worker;
    return new Promise<Rendered>((resolve, reject) => {
      const fail = (error: Error): void => {
        settle();
        void this.#end();
        reject(error);
      };
      const onExit = (): void => fail(new Error('The thread that makes reports ended'));
      const onMessage = (answer: ThreadResponse): void => {
        settle();
        if ('rendered' in answer) resolve(answer.rendered);
        else reject(fromPlainError(answer.error));
      };
      const late = setTimeout(
        () => fail(new Error(`A report took more than ${TIME_LIMIT_MS} ms`)),
        TIME_LIMIT_MS,
      );
      const settle = (): void => {
        clearTimeout(late);
        worker.off('message', onMessage).off('error', fail).off('exit', onExit).unref();
        this.#idle = setTimeout(() => void this.#end(), IDLE_MS).unref();
      };
      worker.ref();
      worker.on('message', onMessage).on('error', fail).on('exit', onExit);
      worker.postMessage(request);
    });
  }

  #start(): Worker {
    const worker = new Worker(REPORT_THREAD, {
      execArgv: [...THREAD_ARGUMENTS],
      resourceLimits: { maxOldGenerationSizeMb: MEMORY_LIMIT_MB },
    });
    // An idle worker that dies is replaced when the next report is requested.
    worker.on('error', () => {});
    worker.on('exit', () => {
      if (this.#worker === worker) this.#worker = undefined;
    });
    return worker;
  }

  async #end(): Promise<void> {
    clearTimeout(this.#idle);
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }
}
