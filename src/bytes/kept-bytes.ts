const FIRST_BUFFER_BYTES = 4096;

/**
 * Bytes of a stream that are needed a while longer, in a buffer that doubles: memory follows what was sent, not what was
 * announced.
 */
export class KeptBytes {
  #buffer = new Uint8Array(FIRST_BUFFER_BYTES);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** What is kept; valid until the next change. */
  get bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Copies: the caller may reuse its bytes. */
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

  /** Forgets what is kept; the room stays for the next. */
  clear(): void {
    this.#length = 0;
  }

  /** Forgets all, and gives the room back. */
  release(): void {
    this.#length = 0;
    this.#buffer = new Uint8Array(0);
  }
}
