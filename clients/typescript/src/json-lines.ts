import { sleep } from './deadline.ts';
import { LoraSqueezeError } from './errors.ts';
import type { Transport } from './transport.ts';

export interface LinesOptions {
  /** Ends the iteration, which then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** How many times in a row a response may break off without a new line. */
const MAX_BREAKS = 5;
const PAUSE_MS = 1000;

/**
 * The JSON value in each line of a response, as it arrives. A response that breaks off is requested again, and lines
 * that were already yielded are skipped.
 * @param isWhole whether nothing is missing after the last line: fetch reports some interrupted responses as complete
 * @throws LoraSqueezeError if it is refused, or breaks off again and again; the signal's reason if it is aborted
 */
export async function* jsonLines<T>(
  transport: Transport,
  path: string,
  { signal }: LinesOptions,
  isWhole: (response: Response, last: T | undefined) => boolean,
): AsyncGenerator<T, void, undefined> {
  let given = 0;
  let last: T | undefined;
  for (let breaks = 0; ; breaks++) {
    const response = await transport.call({ method: 'GET', path, signal }, (answer) => answer);
    let passed = 0;
    for await (const line of linesOf(response, signal)) {
      if (line === BROKEN) break;
      if (line === WHOLE) {
        if (isWhole(response, last)) return;
        break;
      }
      if (++passed <= given) continue;
      given = passed;
      breaks = 0;
      last = JSON.parse(line) as T;
      yield last;
    }
    signal?.throwIfAborted();
    if (breaks >= MAX_BREAKS) {
      const detail = `The answer of ${path} broke off ${breaks + 1} times after line ${given}.`;
      throw new LoraSqueezeError({ code: 'SERVICE_UNREACHABLE', detail, retryable: true });
    }
    await sleep(PAUSE_MS, signal);
  }
}

const BROKEN = Symbol('broken');
const WHOLE = Symbol('whole');

/** The lines of a body, and at the end whether it was complete or broke off. */
async function* linesOf(
  { body }: Response,
  signal: AbortSignal | undefined,
): AsyncGenerator<string | typeof BROKEN | typeof WHOLE, void, undefined> {
  if (body === null) return yield WHOLE;
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const stop = (): void => void reader.cancel().catch(() => undefined);
  signal?.addEventListener('abort', stop, { once: true });
  let text = '';
  try {
    for (;;) {
      const read = await reader.read().catch(() => undefined);
      if (read === undefined || signal?.aborted) return yield BROKEN;
      if (read.done) return yield WHOLE;
      text += decoder.decode(read.value, { stream: true });
      const lines = text.split('\n');
      text = lines.pop()!;
      yield* lines.filter((line) => line !== '');
    }
  } finally {
    signal?.removeEventListener('abort', stop);
    stop();
  }
}
