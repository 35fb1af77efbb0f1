import { AppError } from '../errors/app-error.ts';
import { MAX_ARRAY_ELEMENTS, MAX_GGUF_HEADER_BYTES } from './limits.ts';

/**
 * A reader that asks for bytes and continues once they have arrived: each `yield` is a number of bytes, and its value is those
 * bytes, which may be overwritten afterwards.
 */
export type Reading<T> = Generator<number, T, Uint8Array>;

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Reads the header of a GGUF file from its first byte on, and never asks for more than the limits allow. */
export class HeaderSource {
  #at = 0;
  #elements = 0;

  /** Bytes read so far. */
  get at(): number {
    return this.#at;
  }

  *take(bytes: number): Reading<Uint8Array> {
    if (this.#at + bytes > MAX_GGUF_HEADER_BYTES) {
      throw new AppError(
        'GGUF_HEADER_TOO_LARGE',
        `The header of the GGUF file has more than ${MAX_GGUF_HEADER_BYTES} bytes.`,
        { limit_bytes: MAX_GGUF_HEADER_BYTES },
      );
    }
    if (bytes === 0) return new Uint8Array(0);
    const taken = yield bytes;
    this.#at += bytes;
    return taken;
  }

  *view(bytes: number): Reading<DataView> {
    const { buffer, byteOffset } = yield* this.take(bytes);
    return new DataView(buffer, byteOffset, bytes);
  }

  *uint32(): Reading<number> {
    return (yield* this.view(4)).getUint32(0, true);
  }

  *uint64(): Reading<bigint> {
    return (yield* this.view(8)).getBigUint64(0, true);
  }

  /**
   * A count in the header, within its limit.
   * @param what is counted, for the message
   */
  *count(what: string, limit: number): Reading<number> {
    const count = yield* this.uint64();
    if (count <= BigInt(limit)) return Number(count);
    throw new AppError(
      'GGUF_HEADER_TOO_LARGE',
      `In the GGUF file, the number of ${what} is ${count}, but may be at most ${limit}.`,
      {
        count: String(count),
        limit,
      },
    );
  }

  /** @param what it is, for messages */
  *string(what: string, maxBytes: number): Reading<string> {
    const bytes = yield* this.take(yield* this.count(`bytes of ${what}`, maxBytes));
    try {
      return UTF8.decode(bytes);
    } catch {
      throw new AppError('GGUF_KEY_VALUE', `In the GGUF file, ${what} is not valid UTF-8.`);
    }
  }

  /** The number of elements of an array; the limit applies to all arrays together. */
  *elements(what: string): Reading<number> {
    const count = yield* this.count(
      `elements of ${what} and of the preceding arrays`,
      MAX_ARRAY_ELEMENTS - this.#elements,
    );
    this.#elements += count;
    return count;
  }
}
