import { DetailedError, Upload } from 'tus-js-client';
import type { AdapterRecord } from '../../../src/contract/adapter.ts';
import { authorization, key } from '../state/key.ts';
import { problemOf, unreachable } from './problem.ts';
import { post, refusal } from './request.ts';

/** What is lost at most when a connection breaks. */
const CHUNK_BYTES = 16_000_000;
const RETRY_DELAYS_MS = [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000];

/**
 * Sends the weights by tus, in parts: where the connection breaks, or the tab was closed, what arrived need not be sent
 * again. Then an adapter is made of them.
 * @param config the configuration, parsed; null: there is none
 * @throws ProblemError what the service refused, or that it did not answer for a minute
 * @throws DOMException AbortError once `signal` is aborted
 */
export async function uploadResumably(
  name: string | null,
  weights: File,
  config: unknown,
  onSent: (sentBytes: number) => void,
  signal: AbortSignal,
): Promise<AdapterRecord> {
  const uploadId = await sent(weights, onSent, signal);
  signal.throwIfAborted();
  return post<AdapterRecord>('/v1/adapters/from-uploads', {
    files: { weights: uploadId, ...(config !== null && { config }) },
    ...(name && { name }),
  });
}

function sent(weights: File, onSent: (sentBytes: number) => void, signal: AbortSignal): Promise<string> {
  const sentKey = key.value;
  return new Promise((resolve, reject) => {
    const upload = new Upload(weights, {
      endpoint: '/v1/uploads',
      chunkSize: CHUNK_BYTES,
      retryDelays: RETRY_DELAYS_MS,
      metadata: { filename: weights.name },
      headers: authorization(),
      removeFingerprintOnSuccess: true,
      onProgress: onSent,
      onSuccess: () => resolve(upload.url!.split('/').at(-1)!),
      onError: (error) => {
        const response = error instanceof DetailedError ? error.originalResponse : null;
        if (!(error instanceof DetailedError)) reject(new Error(problemOf(error).detail));
        else if (response) reject(refusal(response.getBody(), response.getStatus(), sentKey));
        else reject(unreachable());
      },
    });
    signal.addEventListener('abort', () => {
      // What arrived is removed as well: whoever stops an upload does not want it.
      void upload.abort(true).catch(() => undefined);
      reject(signal.reason);
    });
    upload.findPreviousUploads().then(([previous]) => {
      if (signal.aborted) return;
      if (previous) upload.resumeFromPreviousUpload(previous);
      upload.start();
    }, reject);
  });
}
