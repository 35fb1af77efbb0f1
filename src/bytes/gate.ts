/** Looks at a file while it passes by, and refuses it, by throwing, as early as its bytes allow. */
export interface Gate<T = unknown> {
  push(chunk: Uint8Array): void;
  /** @param totalBytes size of the file; more than was pushed when only its beginning was */
  finish(totalBytes: number): T;
}
