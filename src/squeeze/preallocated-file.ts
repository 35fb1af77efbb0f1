import { type FileHandle, open } from 'node:fs/promises';
import type { FileLayout } from '../adapter/adapter.ts';
import { writeFully } from '../bytes/file-ranges.ts';
import { hashFile } from '../bytes/hash-file.ts';

/** A file of tensors that is created at its full size and then filled by several threads. */
export class PreallocatedFile {
  readonly path: string;
  /** The first byte of each tensor in the file, in the order in which the tensors were given. */
  readonly offsets: readonly number[];
  readonly #layout: FileLayout;

  constructor(path: string, layout: FileLayout) {
    this.path = path;
    this.#layout = layout;
    this.offsets = layout.offsets;
  }

  /**
   * Creates the file: its header, then zeros. Its folder must exist.
   * @param fill writes what is already known
   */
  async create(fill?: (file: FileHandle) => Promise<void>): Promise<void> {
    const file = await open(this.path, 'wx');
    try {
      await file.truncate(this.#layout.totalBytes);
      await writeFully(file, this.#layout.headerBytes, 0);
      await fill?.(file);
    } finally {
      await file.close();
    }
  }

  /** Replaces the header with which it was created. */
  async rewriteHeader(headerBytes: Uint8Array): Promise<void> {
    if (headerBytes.length !== this.#layout.headerBytes.length)
      throw new RangeError(
        `the header has ${headerBytes.length} bytes instead of ${this.#layout.headerBytes.length}`,
      );
    const file = await open(this.path, 'r+');
    try {
      await writeFully(file, headerBytes, 0);
    } finally {
      await file.close();
    }
  }

  /** SHA-256 and size of what has been written. */
  digest(): Promise<{ sha256: string; bytes: number }> {
    return hashFile(this.path);
  }
}
