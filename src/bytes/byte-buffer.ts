const FIRST_BUFFER_BYTES = 4096;

/**
 * Bytes of a stream that must be kept for a while, in a buffer that doubles as needed. Memory therefore grows with
 * what was actually sent, not with what was announced.
 */
export class ByteBuffer {
  #buffer = new Uint8Array(FIRST_BUFFER_BYTES);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** The kept bytes; valid until the next change. */
  get bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Copies the bytes, so the caller may reuse its buffer. */
  add(bytes: Uint8Array): void {
    const needed = this.#length + bytes.length;
    if (needed > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(needed, 2 * this.#buffer.length));
      larger.set(this.bytes);
      this.#buffer = larger;
    }
    this.#buffer.set(bytes, this.#length);
    this.#length = needed;
  }

  /** Discards the bytes but keeps the buffer for the next ones. */
  clear(): void {
    this.#length = 0;
  }

  /** Discards the bytes and frees the buffer. */
  release(): void {
    this.#length = 0;
    this.#buffer = new Uint8Array(0);
  }
}
