import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { IncomingFile } from '../../../adapter/digested-file.ts';
import type { StreamValidator } from '../../../bytes/stream-validator.ts';
import { AppError } from '../../../errors/app-error.ts';
import type { ErrorCode } from '../../../errors/error-kinds.ts';
import { WRITE_BUFFER_BYTES } from '../../../storage/durable-file.ts';
import { writeError } from '../../../storage/storage-error.ts';

export interface SaveOptions {
  readonly folder: string;
  /** The name of the file in the folder, if it differs from the one in messages. */
  readonly storedAs?: string;
  readonly maxBytes: number;
  /** The code with which a file larger than `maxBytes` is refused. */
  readonly tooLarge: ErrorCode;
  readonly signal: AbortSignal;
  /** Sees every chunk and may refuse the file by throwing. */
  readonly validator?: StreamValidator;
}

/**
 * Streams one part into a file, through the size limit, the validator and SHA-256. Only some chunks are in memory.
 * @param name of the file, for messages. A file is stored under this name only if the service chose it, not the
 *   client
 * @throws AppError `tooLarge`, the errors of the validator, STORAGE_*; other errors are those of the part's stream
 */
export async function saveFile(name: string, part: Readable, options: SaveOptions): Promise<IncomingFile> {
  const path = join(options.folder, options.storedAs ?? name);
  const hash = createHash('sha256');
  let bytes = 0;

  async function* inspected(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      bytes += chunk.length;
      if (bytes > options.maxBytes) throw tooLarge(name, options);
      options.validator?.push(chunk);
      hash.update(chunk);
      yield chunk;
    }
    options.validator?.finish(bytes);
  }

  const file = createWriteStream(path, { flags: 'wx', highWaterMark: WRITE_BUFFER_BYTES });
  try {
    await pipeline(part, inspected, file, { signal: options.signal });
  } catch (error) {
    if (options.signal.aborted) throw options.signal.reason;
    throw writeError(error);
  }
  return { name, path, sha256: hash.digest('hex'), bytes };
}

function tooLarge(name: string, { maxBytes, tooLarge: code }: SaveOptions): AppError {
  return new AppError(code, `${name} is larger than the limit of ${maxBytes} bytes.`, {
    file: name,
    limit_bytes: maxBytes,
  });
}
