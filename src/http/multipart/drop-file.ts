import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { AppError } from '../../errors/app-error.ts';
import { MAX_CARD_BYTES } from './limits.ts';

/**
 * Reads a part to its end and keeps nothing of it.
 * @throws AppError UPLOAD_TOO_LARGE; the signal's reason; other errors are those of the part's stream
 */
export async function dropFile(name: string, part: Readable, signal: AbortSignal): Promise<void> {
  let bytes = 0;
  try {
    await pipeline(
      part,
      async (chunks: AsyncIterable<Buffer>) => {
        for await (const chunk of chunks) {
          bytes += chunk.length;
          if (bytes > MAX_CARD_BYTES) throw tooLarge(name);
        }
      },
      { signal },
    );
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw error;
  }
}

const tooLarge = (name: string): AppError =>
  new AppError('UPLOAD_TOO_LARGE', `${name} is larger than ${MAX_CARD_BYTES} bytes; it need not be sent.`, {
    file: name,
    limit_bytes: MAX_CARD_BYTES,
  });
