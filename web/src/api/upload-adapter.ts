import type { AdapterRecord } from '../../../src/contract/adapter.ts';
import { authorization } from '../state/key.ts';
import { ProblemError, unreachable } from './problem.ts';
import { refusal } from './request.ts';

/** The files of an adapter as they were chosen. */
export interface AdapterFiles {
  readonly weights: File;
  readonly config: File | null;
}

/**
 * Sends an adapter. By XMLHttpRequest, because fetch does not tell how much was sent.
 * @param onSent share of the bytes that left, from 0 to 1
 * @throws ProblemError
 */
export function uploadAdapter(
  { weights, config }: AdapterFiles,
  onSent: (share: number) => void,
  signal: AbortSignal,
): Promise<AdapterRecord> {
  const form = new FormData();
  // The small one first, so that what is wrong with it is told before gigabytes are sent.
  if (config) form.append('config', config, 'adapter_config.json');
  form.append('weights', weights, weights.name);
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    xhr.open('POST', '/v1/adapters');
    for (const [name, value] of Object.entries(authorization())) xhr.setRequestHeader(name, value);
    xhr.upload.onprogress = ({ loaded, total }) => onSent(total > 0 ? loaded / total : 0);
    xhr.onload = () => {
      if (xhr.status < 300) resolve(JSON.parse(xhr.responseText) as AdapterRecord);
      else reject(refusal(xhr.responseText, xhr.status));
    };
    xhr.onerror = () => reject(unreachable());
    xhr.onabort = () => reject(aborted());
    signal.addEventListener('abort', () => xhr.abort());
    xhr.send(form);
  });
}

const aborted = () =>
  new ProblemError({ title: 'Stopped', detail: 'The upload was stopped.', code: 'ABORTED', status: 0 });
