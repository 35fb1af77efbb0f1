import { ByteBuffer } from '../bytes/byte-buffer.ts';
import { readFileHeader } from '../bytes/read-file-header.ts';
import { AppError } from '../errors/app-error.ts';
import { checkCoverage, endOfData, parseHeader, type SafetensorsHeader } from './header.ts';
import { LENGTH_FIELD_BYTES, MAX_HEADER_BYTES } from './limits.ts';
import { refuseOtherFormats, SNIFF_BYTES } from './sniff.ts';

/** "{", whitespace, or nothing yet. */
const JSON_START: ReadonlySet<number | undefined> = new Set([0x7b, 0x20, 0x09, 0x0a, 0x0d, undefined]);

/**
 * Reads and checks the header of a safetensors file, with the same verdicts as SafetensorsValidator gives to an upload.
 * The data is not read; the size of the file shows whether it is complete.
 * @throws AppError PICKLE_REFUSED, LFS_POINTER, UNSUPPORTED_FORMAT, ST_*; errors of the file system as they are
 */
export const readHeader = async (path: string): Promise<SafetensorsHeader> =>
  (await readFileHeader(path, new SafetensorsValidator()))!;

/**
 * Inspects a file that arrives in chunks of any size and refuses it as early as its bytes allow. It keeps only the header
 * (at most MAX_HEADER_BYTES), never the data. The verdict does not depend on how the file is split into chunks.
 */
export class SafetensorsValidator {
  readonly #kept = new ByteBuffer();
  #seenBytes = 0;
  /** Bytes to keep: the length field, then the whole header, or SNIFF_BYTES of a file that is not safetensors. */
  #neededBytes = LENGTH_FIELD_BYTES;
  #jsonBytes: number | undefined;
  #header: SafetensorsHeader | undefined;

  /** The header, once its last byte has passed. */
  get header(): SafetensorsHeader | undefined {
    return this.#header;
  }

  /**
   * The next bytes of the file; the caller may reuse the chunk afterwards.
   * @throws AppError PICKLE_REFUSED, LFS_POINTER, UNSUPPORTED_FORMAT, ST_*
   */
  push(chunk: Uint8Array): void {
    this.#seenBytes += chunk.length;
    let rest = chunk;
    while (!this.#header && rest.length > 0) {
      const taken = rest.subarray(0, this.#neededBytes - this.#kept.length);
      this.#kept.add(taken);
      rest = rest.subarray(taken.length);
      if (this.#kept.length === this.#neededBytes) this.#advance();
    }
    if (this.#header && this.#seenBytes > endOfData(this.#header)) {
      throw new AppError(
        'ST_BUFFER_NOT_COVERED',
        `Bytes follow the last tensor of the safetensors file, which ends at byte ${endOfData(this.#header)}.`,
        { expected_bytes: endOfData(this.#header) },
      );
    }
  }

  /**
   * The file is complete.
   * @param totalBytes its size; more than was pushed if only its beginning was
   * @throws AppError ST_HEADER_TOO_SMALL, ST_HEADER_LENGTH, ST_BUFFER_NOT_COVERED, or as `push`
   */
  finish(totalBytes: number): SafetensorsHeader {
    if (this.#header) {
      checkCoverage(this.#header, totalBytes);
      return this.#header;
    }
    this.#refuseOtherFormats();
    if (this.#jsonBytes === undefined) {
      if (this.#kept.length >= LENGTH_FIELD_BYTES) throw this.#tooLarge();
      throw new AppError(
        'ST_HEADER_TOO_SMALL',
        `The safetensors file has ${totalBytes} bytes, fewer than the ${LENGTH_FIELD_BYTES} bytes of its length field.`,
        { bytes: totalBytes },
      );
    }
    throw new AppError(
      'ST_HEADER_LENGTH',
      `The header of the safetensors file should have ${this.#jsonBytes} bytes, but the file ends after ${totalBytes} bytes.`,
      { header_bytes: this.#jsonBytes, bytes: totalBytes },
    );
  }

  /** Handles the bytes that were needed, and determines which are needed next. */
  #advance(): void {
    if (this.#neededBytes === LENGTH_FIELD_BYTES) {
      const length = this.#lengthField();
      if (length > BigInt(MAX_HEADER_BYTES)) {
        // The beginnings of other formats read as absurd lengths; a few more bytes show which format it is.
        this.#neededBytes = SNIFF_BYTES;
        return;
      }
      this.#jsonBytes = Number(length);
      this.#neededBytes += this.#jsonBytes;
      if (this.#jsonBytes > 0) return;
    }
    this.#refuseOtherFormats();
    if (this.#jsonBytes === undefined) throw this.#tooLarge();
    this.#header = parseHeader(this.#kept.bytes.subarray(LENGTH_FIELD_BYTES));
    this.#kept.release();
  }

  /** Checks only if the length is absurd or no JSON follows it, because valid lengths may begin like magic numbers. */
  #refuseOtherFormats(): void {
    const kept = this.#kept.bytes;
    const mayBeHeader = this.#jsonBytes !== undefined && JSON_START.has(kept[LENGTH_FIELD_BYTES]);
    if (!mayBeHeader) refuseOtherFormats(kept);
  }

  #lengthField(): bigint {
    return new DataView(this.#kept.bytes.buffer).getBigUint64(0, true);
  }

  #tooLarge(): AppError {
    const length = this.#lengthField();
    const limit = `may have at most ${MAX_HEADER_BYTES}`;
    const detail = JSON_START.has(this.#kept.bytes[LENGTH_FIELD_BYTES])
      ? `The header of the safetensors file has ${length} bytes, but ${limit}.`
      : `The weights are not a safetensors file: the first ${LENGTH_FIELD_BYTES} bytes of one are the length of its JSON header, which ${limit} bytes, but those of the weights read as ${length}.`;
    return new AppError('ST_HEADER_TOO_LARGE', detail, {
      header_bytes: String(length),
      limit_bytes: MAX_HEADER_BYTES,
    });
  }
}
