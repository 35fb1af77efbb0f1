import { DetailedError, Upload } from 'tus-js-client';
import type { AdapterRecord } from '../../../src/contract/adapter.ts';
import { authorization, key } from '../state/key.ts';
import { problemOf, unreachable } from './problem.ts';
import { post, refusal } from './request.ts';

/** At most this much has to be sent again when a connection breaks. */
const CHUNK_BYTES = 16_000_000;
const RETRY_DELAYS_MS = [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000];

/**
 * Uploads the weights in parts by the tus protocol, so that after a broken connection or a closed tab the
 * parts that have arrived need not be sent again. Then creates an adapter from them.
 * @param config the parsed configuration; null if there is none
 * @param settings of the adapter
 * @throws ProblemError the service refused the upload or did not answer for a minute
 * @throws DOMException AbortError once `signal` is aborted
 */
export async function uploadResumably(
  weights: File,
  config: unknown,
  settings: { readonly name?: string; readonly license?: string | undefined },
  onSent: (sentBytes: number) => void,
  signal: AbortSignal,
): Promise<AdapterRecord> {
  const uploadId = await sent(weights, onSent, signal);
  signal.throwIfAborted();
  return post<AdapterRecord>('/v1/adapters/from-uploads', {
    files: { weights: uploadId, ...(config !== null && { config }) },
    ...settings,
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
      // This also deletes the parts that have arrived: a user who stops an upload does not want them.
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
