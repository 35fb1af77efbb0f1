import type { LocalFile } from '../adapter/digested-file.ts';
import type { Delivery } from '../contract/transfer.ts';
import type { Outbound } from '../net/outbound.ts';
import { DEFAULT_STALL_TIMEOUT_MS } from './fetch-adapter.ts';
import { commitToHub } from './hub/hub-sink.ts';
import { checkPresent, totalBytes, withoutPaths } from './local-file.ts';
import type { ResolvedSink } from './resolved-endpoints.ts';
import { withRetries } from './retries.ts';
import { openClient } from './s3/s3-client.ts';
import { putObject } from './s3/s3-sink.ts';
import { endpointText } from './transfer-endpoints.ts';
import { type OnProgress, TransferProgress } from './transfer-progress.ts';
import { putFile, putTarget } from './url-sink.ts';

export interface DeliverOptions {
  readonly outbound: Outbound;
  /** The URL of the Hub, without a trailing slash. */
  readonly hubEndpoint: string;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
  readonly stallTimeoutMs?: number;
}

type OnBytes = (file: LocalFile, done: number) => void;

/**
 * Delivers the files of an adapter to a sink: the weights first, so that a reader that sees the configuration finds
 * them; to the Hub, all in one commit. Existing files with the same names are replaced, and repeating it is harmless.
 * @param all weights first; files without a URL in a sink of URLs are left out
 * @returns the delivery's data for the record
 * @throws AppError OUTBOUND_*, STORAGE_FAILED if the files do not exist here; the reason of the signal
 */
export async function deliverAdapter(
  sink: ResolvedSink,
  all: readonly LocalFile[],
  options: DeliverOptions,
): Promise<Delivery> {
  const files = sink.kind === 'url' ? all.filter(({ name }) => putTarget(sink, name)) : all;
  options.signal?.throwIfAborted();
  await checkPresent(files);
  const progress = new TransferProgress(
    Object.fromEntries(files.map(({ name, bytes }) => [name, bytes])),
    options.onProgress,
  );
  const commit = await deliver(sink, files, options, (file, done) =>
    progress.set(file.name, done, file.bytes),
  );
  return {
    kind: sink.kind,
    place: endpointText(sink, options.hubEndpoint),
    commit,
    bytes: totalBytes(files),
    files: withoutPaths(files),
    finished_at: new Date().toISOString(),
  };
}

/** @returns the commit on the Hub; null for other sinks */
async function deliver(
  sink: ResolvedSink,
  files: readonly LocalFile[],
  { outbound, hubEndpoint, signal, stallTimeoutMs = DEFAULT_STALL_TIMEOUT_MS }: DeliverOptions,
  onBytes: OnBytes,
): Promise<string | null> {
  switch (sink.kind) {
    case 'url':
      for (const file of files) {
        await putFile(sink, file, {
          outbound,
          stallTimeoutMs,
          signal,
          onBytes: (done) => onBytes(file, done),
        });
      }
      return null;
    case 's3': {
      const client = openClient(sink, outbound, stallTimeoutMs);
      try {
        for (const file of files) {
          await withRetries(
            () => putObject(client, sink, file, (done) => onBytes(file, done), signal),
            signal,
          );
        }
      } finally {
        client.destroy();
      }
      return null;
    }
    case 'hub': {
      const { repo, token } = sink;
      return commitToHub(sink, files, onBytes, { outbound, hubEndpoint, repo, token, signal });
    }
  }
}
