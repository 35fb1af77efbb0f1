import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import type { LocalFile } from '../adapter/digested-file.ts';
import { roleOf } from '../adapter/file-names.ts';
import type { Outbound } from '../net/outbound.ts';
import { statusError } from '../net/outbound-error.ts';
import type { ResolvedUrlSink } from './resolved-endpoints.ts';
import { withRetries } from './retries.ts';
import { urlFile } from './transfer-endpoints.ts';

export interface PutOptions {
  readonly outbound: Outbound;
  readonly stallTimeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly onBytes: (done: number) => void;
}

/**
 * Sends a whole file with PUT, and again from its beginning if that fails. Redirects are not followed.
 * @param file for which the sink has a URL
 * @throws AppError OUTBOUND_*; the reason of the signal
 */
export async function putFile(sink: ResolvedUrlSink, file: LocalFile, options: PutOptions): Promise<void> {
  const { url, headers } = putTarget(sink, file.name)!;
  const { outbound, stallTimeoutMs, signal, onBytes } = options;
  await withRetries(async () => {
    const content = createReadStream(file.path);
    try {
      const answer = await outbound.request(url, {
        method: 'PUT',
        headers: { ...headers, 'content-length': String(file.bytes) },
        secretHeaders: sink.secretHeaders ?? {},
        body: Readable.from(counted(content, onBytes), { objectMode: false }),
        timeoutMs: stallTimeoutMs,
        signal,
      });
      await answer.discard();
      if (answer.status < 200 || answer.status > 299) {
        throw statusError(answer.host, answer.status, `: ${file.name} was not accepted`);
      }
    } finally {
      content.destroy();
    }
  }, signal);
}

/** The URL of a file; undefined if the sink has none for it. */
export function putTarget(
  { files, folder }: ResolvedUrlSink,
  name: string,
): { readonly url: string; readonly headers?: Readonly<Record<string, string>> } | undefined {
  if (folder !== undefined) return { url: `${folder}/${encodeURIComponent(name)}` };
  return files && urlFile({ files }, roleOf(name));
}

async function* counted(
  content: AsyncIterable<Buffer>,
  onBytes: (done: number) => void,
): AsyncGenerator<Buffer> {
  let done = 0;
  for await (const chunk of content) {
    done += chunk.byteLength;
    onBytes(done);
    yield chunk;
  }
}
