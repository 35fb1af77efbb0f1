import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { addAbortSignal, type Readable } from 'node:stream';
import type { LocalFile } from '../adapter/digested-file.ts';
import type { StreamValidator } from '../bytes/stream-validator.ts';
import { AppError } from '../errors/app-error.ts';
import type { ErrorCode } from '../errors/error-kinds.ts';
import { diskError } from './local-file.ts';
import { isTransient, MAX_ATTEMPTS, pauseBeforeRetry } from './retries.ts';

/** A remote file that can be read, usually from any offset. */
export interface RemoteFile {
  readonly name: string;
  /** SHA-256 that the content must have, hex, if it is known in advance. */
  readonly sha256: string | undefined;
  /** The host that has it, for messages. */
  readonly host: string;
  /**
   * The content from byte `from` on, if it is still the same file as before. Otherwise, or if the server cannot
   * continue, the whole content again.
   * @throws AppError OUTBOUND_*; the stream fails with them as well
   */
  open(from: number, signal: AbortSignal | undefined): Promise<OpenedFile>;
}

export interface OpenedFile {
  readonly stream: Readable;
  /** The offset at which the stream begins: `from`, or 0. */
  readonly from: number;
  /** The size of the whole file; undefined if the remote server does not send it. */
  readonly totalBytes: number | undefined;
}

export interface ReceiveOptions {
  readonly folder: string;
  /** Name of the file in the folder: the remote name must not be used as a path. */
  readonly storedAs: string;
  readonly maxBytes: number;
  /** The code with which a file larger than `maxBytes` is refused. */
  readonly tooLarge: ErrorCode;
  readonly newValidator?: (() => StreamValidator) | undefined;
  /** A file that sends nothing for this long is requested again. */
  readonly stallTimeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly onBytes: (done: number, total: number | undefined) => void;
}

/**
 * Receives a remote file into a folder, through the size limit, the validator and SHA-256. After a broken connection it
 * continues, up to a few times, or starts over if the server cannot continue.
 * @throws AppError `tooLarge`, the errors of the validator, TRANSFER_DIGEST_MISMATCH, OUTBOUND_*, STORAGE_*; the reason of
 *   the signal
 */
export async function receiveFile(remote: RemoteFile, options: ReceiveOptions): Promise<LocalFile> {
  const path = join(options.folder, options.storedAs);
  const handle = await open(path, 'wx').catch((error: unknown) => {
    throw diskError(error);
  });
  try {
    const reception = new Reception(remote, handle, options);
    for (let failures = 1; ; failures++) {
      try {
        await reception.run();
        break;
      } catch (error) {
        options.signal?.throwIfAborted();
        if (!isTransient(error) || failures === MAX_ATTEMPTS) throw error;
      }
      await pauseBeforeRetry(failures, options.signal);
    }
    return { name: remote.name, path, ...reception.finish() };
  } finally {
    await handle.close();
  }
}

/** The state of one file that is being received. */
class Reception {
  private readonly remote: RemoteFile;
  private readonly handle: FileHandle;
  private readonly options: ReceiveOptions;
  private bytes = 0;
  private hash = createHash('sha256');
  private validator: StreamValidator | undefined;

  constructor(remote: RemoteFile, handle: FileHandle, options: ReceiveOptions) {
    this.remote = remote;
    this.handle = handle;
    this.options = options;
    this.validator = options.newValidator?.();
  }

  /** Makes one attempt to get the rest. */
  async run(): Promise<void> {
    const { signal, stallTimeoutMs, maxBytes, onBytes } = this.options;
    const { stream, from, totalBytes } = await this.remote.open(this.bytes, signal);
    try {
      if (from !== this.bytes) await this.restart();
      if (totalBytes !== undefined && totalBytes > maxBytes) throw this.tooLarge();
      if (signal) addAbortSignal(signal, stream);
      onBytes(this.bytes, totalBytes);
      const stall = setTimeout(
        () => stream.destroy(this.failed(`stopped sending ${this.remote.name}`)),
        stallTimeoutMs,
      );
      try {
        for await (const chunk of stream as AsyncIterable<Buffer>) {
          await this.take(chunk);
          onBytes(this.bytes, totalBytes);
          stall.refresh();
        }
      } finally {
        clearTimeout(stall);
      }
    } finally {
      stream.destroy();
    }
    if (totalBytes !== undefined && this.bytes !== totalBytes) {
      throw this.failed(`sent ${this.bytes} of the ${totalBytes} bytes of ${this.remote.name}`);
    }
  }

  /** Completes the file after all bytes have arrived. */
  finish(): { sha256: string; bytes: number } {
    this.validator?.finish(this.bytes);
    const sha256 = this.hash.digest('hex');
    const expected = this.remote.sha256?.toLowerCase();
    if (expected !== undefined && sha256 !== expected) {
      throw new AppError(
        'TRANSFER_DIGEST_MISMATCH',
        `${this.remote.name} from ${this.remote.host} has the SHA-256 ${sha256}, not ${expected}.`,
        { file: this.remote.name, host: this.remote.host, sha256, expected_sha256: expected },
      );
    }
    return { sha256, bytes: this.bytes };
  }

  private async take(chunk: Buffer): Promise<void> {
    if (this.bytes + chunk.byteLength > this.options.maxBytes) throw this.tooLarge();
    this.validator?.push(chunk);
    this.hash.update(chunk);
    for (let at = 0; at < chunk.byteLength; ) {
      at += await this.write(chunk, at);
    }
    this.bytes += chunk.byteLength;
  }

  /** @returns the number of written bytes, which can be fewer if the disk is nearly full */
  private async write(chunk: Buffer, at: number): Promise<number> {
    try {
      const { bytesWritten } = await this.handle.write(chunk, at, chunk.byteLength - at, this.bytes + at);
      return bytesWritten;
    } catch (error) {
      throw diskError(error);
    }
  }

  /** Starts over: the content now comes from its beginning, and may have changed. */
  private async restart(): Promise<void> {
    await this.handle.truncate(0).catch((error: unknown) => {
      throw diskError(error);
    });
    this.bytes = 0;
    this.hash = createHash('sha256');
    this.validator = this.options.newValidator?.();
  }

  private failed(what: string): AppError {
    const { host, name } = this.remote;
    return new AppError('OUTBOUND_FAILED', `${host} ${what}.`, { host, file: name });
  }

  private tooLarge(): AppError {
    const { tooLarge, maxBytes } = this.options;
    return new AppError(
      tooLarge,
      `${this.remote.name} from ${this.remote.host} is larger than the limit of ${maxBytes} bytes.`,
      {
        file: this.remote.name,
        limit_bytes: maxBytes,
      },
    );
  }
}
