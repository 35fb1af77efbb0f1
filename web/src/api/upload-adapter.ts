import { isWeightsName } from '../../../src/adapter/file-names.ts';
import type { AdapterRecord } from '../../../src/contract/adapter.ts';
import { authorization, key } from '../state/key.ts';
import { unreachable } from './problem.ts';
import { refusal } from './request.ts';

/** The files of an adapter as they were chosen. */
export interface AdapterFiles {
  readonly weights: File;
  /** The other files of weights that are in several, and their index. */
  readonly more?: readonly File[];
  readonly config: File | null;
  /** The model card, for its license. */
  readonly card: File | null;
}

/** Larger weights are sent in parts, so that a broken connection costs little. */
const MAX_WHOLE_BYTES = 64_000_000;

/**
 * Sends an adapter: in one request, or large ones in parts that need not be sent again.
 * @param name what it is to be called; null: as the service thinks
 * @param onSent takes the bytes that were sent and the bytes in all
 * @throws ProblemError what the service refused, or that it did not answer
 * @throws DOMException AbortError once `signal` is aborted
 */
export async function uploadAdapter(
  name: string | null,
  files: AdapterFiles,
  onSent: (sentBytes: number, totalBytes: number) => void,
  signal: AbortSignal,
): Promise<AdapterRecord> {
  const { weights, more } = files;
  const isLarge = weights.size > MAX_WHOLE_BYTES && isWeightsName(weights.name) && !more;
  const config = isLarge ? await parsed(files.config) : undefined;
  // What is not JSON goes to the service as it is, which says what is wrong with it.
  if (config === undefined) return uploadWhole(name, files, onSent, signal);
  const { uploadResumably } = await import('./resumable-upload.ts');
  return uploadResumably(name, weights, config, (sentBytes) => onSent(sentBytes, weights.size), signal);
}

/** @returns null where there is no file, undefined where it has no JSON */
async function parsed(file: File | null): Promise<unknown> {
  if (file === null) return null;
  try {
    return JSON.parse(await file.text()) ?? undefined;
  } catch {
    return undefined;
  }
}

/**
 * Sends an adapter in one request. By XMLHttpRequest, because fetch does not report how much was sent.
 * @throws as uploadAdapter
 */
function uploadWhole(
  name: string | null,
  { weights, more, config, card }: AdapterFiles,
  onSent: (sentBytes: number, totalBytes: number) => void,
  signal: AbortSignal,
): Promise<AdapterRecord> {
  const form = new FormData();
  if (name) form.append('name', name);
  // The small one first, so that what is wrong with it is told before gigabytes are sent.
  if (config) form.append('config', config, 'adapter_config.json');
  if (card) form.append(card.name, card);
  // Files that are parts are known by their own names.
  if (more) for (const part of [weights, ...more]) form.append('files', part, part.name);
  else form.append('weights', weights, weights.name);
  const sentKey = key.value;
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    xhr.open('POST', '/v1/adapters');
    for (const [name, value] of Object.entries(authorization())) xhr.setRequestHeader(name, value);
    xhr.upload.onprogress = ({ loaded, total }) => onSent(loaded, total);
    xhr.onload = () => {
      if (xhr.status < 300) resolve(JSON.parse(xhr.responseText) as AdapterRecord);
      else reject(refusal(xhr.responseText, xhr.status, sentKey));
    };
    xhr.onerror = () => reject(unreachable());
    xhr.onabort = () => reject(signal.reason);
    signal.addEventListener('abort', () => xhr.abort());
    xhr.send(form);
  });
}
