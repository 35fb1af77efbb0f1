import type { AdapterRecord } from '../../../src/contract/adapter.ts';
import { authorization, key } from '../state/key.ts';
import { unreachable } from './problem.ts';
import { refusal } from './request.ts';

/** The files of an adapter as they were chosen. */
export interface AdapterFiles {
  readonly weights: File;
  readonly config: File | null;
}

/**
 * Sends an adapter. By XMLHttpRequest, because fetch does not report how much was sent.
 * @param name what it is to be called; null: as the service thinks
 * @param onSent takes the bytes that were sent and the bytes in all
 * @throws ProblemError what the service refused, or that it did not answer
 * @throws DOMException AbortError once `signal` is aborted
 */
export function uploadAdapter(
  name: string | null,
  { weights, config }: AdapterFiles,
  onSent: (sentBytes: number, totalBytes: number) => void,
  signal: AbortSignal,
): Promise<AdapterRecord> {
  const form = new FormData();
  if (name) form.append('name', name);
  // The small one first, so that what is wrong with it is told before gigabytes are sent.
  if (config) form.append('config', config, 'adapter_config.json');
  form.append('weights', weights, weights.name);
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
