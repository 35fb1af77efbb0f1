import { Worker } from 'node:worker_threads';
import { fromPlainError } from '../errors/app-error.ts';
import { REPORT_THREAD, THREAD_ARGUMENTS } from '../places.ts';
import type { Rendered, RenderRequest } from './render.ts';
import type { ThreadAnswer } from './thread.ts';

/** A report of 4,000 modules takes about a second. */
const TIME_LIMIT_MS = 60_000;
/** A thread with ECharts in it holds some 60 MB: one that nobody needs any more is ended. */
const IDLE_MS = 60_000;
/** A report beyond this fails, and not the process. */
const MEMORY_LIMIT_MB = 1024;

/**
 * Makes reports in a thread of its own, one after the other: an API that draws answers nobody else meanwhile. The thread
 * starts with the first report and ends when there was none for a while.
 */
export class Renderer {
  #worker: Worker | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #idle: NodeJS.Timeout | undefined;
  #isClosed = false;

  /**
   * @param load gets what is needed when its turn has come, so that whoever waits holds nothing
   * @throws Error when the thread dies or takes too long; whatever `load` throws
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
      const onMessage = (answer: ThreadAnswer): void => {
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
    // One that dies at rest is started anew when there is work.
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
