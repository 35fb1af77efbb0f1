import { signal } from '@preact/signals';
import type { Problem } from '../api/problem.ts';

const STORAGE_KEY = 'lora-squeeze.key';

/**
 * The API key. Tabs keep it only while they are open, and a new tab gets it from another one, so that it is never
 * written to a disk.
 */
export const key = signal(sessionStorage.getItem(STORAGE_KEY) ?? '');
/** The reason why the service refused access; null while it grants access. */
export const accessRefusal = signal<Problem | null>(null);
/** Whether the form for the key is open although no request was refused. */
export const isAskingForKey = signal(false);
/** Counts changes of the key: everything that was loaded with another key is loaded again. */
export const keyEpoch = signal(0);

/** @param value the key; empty to forget it */
export function saveKey(value: string): void {
  if (value === '' && key.value !== '') channel.postMessage({ forgotten: key.value } satisfies TabMessage);
  if (value === '') sessionStorage.removeItem(STORAGE_KEY);
  else sessionStorage.setItem(STORAGE_KEY, value);
  key.value = value;
  accessRefusal.value = null;
  isAskingForKey.value = false;
  keyEpoch.value++;
}

/** What tabs send each other. */
type TabMessage = { readonly isWanted: true } | { readonly key: string } | { readonly forgotten: string };
const channel = new BroadcastChannel(STORAGE_KEY);
channel.onmessage = ({ data }: MessageEvent<TabMessage>) => {
  if ('isWanted' in data) {
    if (key.value !== '') channel.postMessage({ key: key.value } satisfies TabMessage);
  } else if ('key' in data) {
    // A key that the user has entered in this tab stays.
    if (key.value === '') saveKey(data.key);
  } else if (data.forgotten === key.value) saveKey('');
};
if (key.value === '') channel.postMessage({ isWanted: true } satisfies TabMessage);

export const authorization = (): Record<string, string> =>
  key.value === '' ? {} : { authorization: `Bearer ${key.value}` };
