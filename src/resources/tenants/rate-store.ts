import type { RateCounter } from './rate-counter.ts';

/** After a failure nobody waits for the counter for so long: it may be one that hangs. */
const PAUSE_MS = 1_000;

type Done = (error: Error | null, result?: { current: number; ttl: number }) => void;

/** A counter as @fastify/rate-limit wants its store: a class. https://github.com/fastify/fastify-rate-limit#custom-store-example-usage */
export function rateStore(counter: RateCounter) {
  let pausedUntilMs = 0;
  return class {
    incr(key: string, done: Done, windowMs: number) {
      if (performance.now() < pausedUntilMs) return done(new Error('the counter failed a moment ago'));
      counter.count(key, windowMs).then(
        ({ current, resetMs }) => done(null, { current, ttl: resetMs }),
        (error: Error) => {
          pausedUntilMs = performance.now() + PAUSE_MS;
          done(error);
        },
      );
    }

    child(): this {
      return this;
    }
  };
}
