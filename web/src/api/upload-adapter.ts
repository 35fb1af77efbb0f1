import { licenseOfCard } from '../../../src/adapter/card-license.ts';
import { isWeightsName } from '../../../src/adapter/file-names.ts';
import type { AdapterRecord } from '../../../src/contract/adapter.ts';
import { authorization, key } from '../state/key.ts';
import { unreachable } from './problem.ts';
import { refusal } from './request.ts';

/** The files of an adapter as the user chose them. */
export interface AdapterFiles {
  readonly weights: File;
  /** For weights in several files: the other files and their index. */
  readonly more?: readonly File[];
  readonly config: File | null;
  /** The model card, from which the service reads the license. */
  readonly card: File | null;
}

/** Larger weights are sent in parts, so that a broken connection costs little. */
const MAX_WHOLE_BYTES = 64_000_000;

/**
 * Uploads an adapter: small ones in one request, large ones in parts that can be resumed.
 * @param name the name of the adapter; null lets the service choose one
 * @param onSent is called with the bytes sent so far and the total number of bytes
 * @throws ProblemError the service refused the upload or did not answer
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
  // A configuration that is not JSON is sent unchanged, so that the service reports what is wrong with it.
  if (config === undefined) return uploadWhole(name, files, onSent, signal);
  const { uploadResumably } = await import('./resumable-upload.ts');
  const settings = {
    ...(name !== null && { name }),
    license: files.card ? licenseOfCard(await files.card.text()) : undefined,
  };
  return uploadResumably(weights, config, settings, (sentBytes) => onSent(sentBytes, weights.size), signal);
}

/** @returns null if there is no file, undefined if the file is not valid JSON */
async function parsed(file: File | null): Promise<unknown> {
  if (file === null) return null;
  try {
    return JSON.parse(await file.text()) ?? undefined;
  } catch {
    return undefined;
  }
}

/**
 * Uploads an adapter in one request. It uses XMLHttpRequest, because fetch does not report upload progress.
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
  // The small configuration goes first, so that an error in it is reported before gigabytes are sent.
  if (config) form.append('config', config, 'adapter_config.json');
  if (card) form.append(card.name, card);
  // Files that are parts of the weights keep their own names, by which the index refers to them.
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
