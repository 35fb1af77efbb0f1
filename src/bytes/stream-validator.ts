/** Checks a file while its bytes pass through, and throws as soon as they show that the file must be refused. */
export interface StreamValidator<T = unknown> {
  push(chunk: Uint8Array): void;
  /** @param totalBytes size of the file; larger than what was pushed if only the beginning was */
  finish(totalBytes: number): T;
}
