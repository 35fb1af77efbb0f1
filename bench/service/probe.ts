import { Agent, get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const INTERVAL_MS = 10;

/** Sends requests to a URL, one at a time, until stopped. */
export class Probe {
  readonly latenciesMs: number[] = [];
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #url: string;
  #running = true;
  readonly #done: Promise<void>;

  constructor(url: string) {
    this.#url = url;
    this.#done = this.#run();
    this.#done.catch(() => {}); // The result of stop()
  }

  /** @throws if a request failed or was not answered with 200 */
  async stop(): Promise<number[]> {
    this.#running = false;
    await this.#done;
    return this.latenciesMs;
  }

  async #run(): Promise<void> {
    try {
      while (this.#running) {
        const startedMs = performance.now();
        await this.#ask();
        this.latenciesMs.push(performance.now() - startedMs);
        await sleep(INTERVAL_MS);
      }
    } finally {
      this.#agent.destroy();
    }
  }

  #ask(): Promise<void> {
    return new Promise((resolve, reject) => {
      get(this.#url, { agent: this.#agent }, (response) => {
        response.resume().once('error', reject);
        response.once('end', () =>
          response.statusCode === 200
            ? resolve()
            : reject(new Error(`${this.#url} answered ${response.statusCode}`)),
        );
      }).once('error', reject);
    });
  }
}
