import { ByteBuffer } from '../bytes/byte-buffer.ts';
import { readFileHeader } from '../bytes/read-file-header.ts';
import { AppError } from '../errors/app-error.ts';
import { counted } from '../errors/counted.ts';
import type { GgufHeader } from './header.ts';
import { endOfGgufData, paddedEnd, parseGgufHeader } from './parse-header.ts';

/** The first bytes of a GGUF file. Read as the length of a safetensors header they are 1.2 GB, far beyond the limit. */
export const GGUF_MAGIC: Uint8Array = Buffer.from('GGUF', 'latin1');

/**
 * Reads and checks the header of a GGUF file, with the same verdicts as GgufValidator for an upload. The data is not
 * read; the size of the file shows whether it is complete.
 * @returns null if the file does not begin with "GGUF"
 * @throws AppError GGUF_*; errors of the file system as they are
 */
export const readGgufHeader = (path: string): Promise<GgufHeader | null> =>
  readFileHeader(
    path,
    new GgufValidator(),
    (bytes) => Buffer.compare(bytes.subarray(0, GGUF_MAGIC.length), GGUF_MAGIC) === 0,
  );

/**
 * Inspects a GGUF file that arrives in chunks of any size and refuses it as early as its bytes allow, as SafetensorsValidator does with
 * safetensors. It keeps the header and at most one of its values as bytes, never the data.
 */
export class GgufValidator {
  readonly #kept = new ByteBuffer();
  #seenBytes = 0;
  #header: GgufHeader | undefined;
  readonly #parsing = parseGgufHeader();
  /** Bytes that the reader of the header needs next. */
  #neededBytes: number;

  constructor() {
    const first = this.#parsing.next();
    if (first.done) throw new RangeError('the parser ended before it received any bytes');
    this.#neededBytes = first.value;
  }

  /** The header, once its last byte has passed. */
  get header(): GgufHeader | undefined {
    return this.#header;
  }

  /**
   * The next bytes of the file; the caller may reuse the chunk afterwards.
   * @throws AppError GGUF_*
   */
  push(chunk: Uint8Array): void {
    this.#seenBytes += chunk.length;
    let rest = chunk;
    while (!this.#header && rest.length > 0) {
      const taken = rest.subarray(0, this.#neededBytes - this.#kept.length);
      rest = rest.subarray(taken.length);
      if (taken.length === this.#neededBytes) this.#advance(taken);
      else {
        this.#kept.add(taken);
        if (this.#kept.length === this.#neededBytes) {
          const { bytes } = this.#kept;
          this.#kept.clear();
          this.#advance(bytes);
        }
      }
    }
    if (this.#header && this.#seenBytes > paddedEnd(this.#header))
      throw notCovered(this.#header, this.#seenBytes);
  }

  /**
   * The file is complete.
   * @param totalBytes its size; more than was pushed if only its beginning was
   * @throws AppError GGUF_TRUNCATED, GGUF_NOT_COVERED
   */
  finish(totalBytes: number): GgufHeader {
    const header = this.#header;
    if (!header)
      throw new AppError(
        'GGUF_TRUNCATED',
        `The GGUF file ends after ${totalBytes} bytes, within its header.`,
        {
          bytes: totalBytes,
        },
      );
    if (totalBytes < endOfGgufData(header) || totalBytes > paddedEnd(header))
      throw notCovered(header, totalBytes);
    return header;
  }

  #advance(bytes: Uint8Array): void {
    const step = this.#parsing.next(bytes);
    if (step.done) {
      this.#header = step.value;
      this.#kept.release();
    } else this.#neededBytes = step.value;
  }
}

function notCovered(header: GgufHeader, bytes: number): AppError {
  const [minimum, maximum] = [endOfGgufData(header), paddedEnd(header)];
  const what =
    bytes < minimum
      ? `${counted(minimum - bytes, 'byte is', 'bytes are')} missing at its end`
      : 'bytes follow them';
  return new AppError('GGUF_NOT_COVERED', `The tensors of the GGUF file end at byte ${minimum}; ${what}.`, {
    expected_bytes: minimum,
    limit_bytes: maximum,
    bytes,
  });
}
