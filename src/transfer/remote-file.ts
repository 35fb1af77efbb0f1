import type { Readable } from 'node:stream';

/** A file elsewhere that can be read, as a rule also from its middle. */
export interface RemoteFile {
  readonly name: string;
  /** SHA-256 that the content must have, hex, where it is known beforehand. */
  readonly sha256: string | undefined;
  /** Host that has it, for messages. */
  readonly host: string;
  /**
   * The content from byte `from` on, if it still is the one that was read before; else, and where the other side
   * cannot do that, all of it again.
   * @throws AppError OUTBOUND_*; the stream fails with them as well
   */
  open(from: number, signal: AbortSignal | undefined): Promise<OpenedFile>;
}

export interface OpenedFile {
  readonly stream: Readable;
  /** Where the stream begins: `from`, or 0. */
  readonly from: number;
  /** Size of the whole file; undefined where the other side does not say it. */
  readonly totalBytes: number | undefined;
}
