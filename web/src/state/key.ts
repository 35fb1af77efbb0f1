import { signal } from '@preact/signals';
import type { Problem } from '../api/problem.ts';

const STORAGE_KEY = 'lora-squeeze.key';

/** The API key, which is forgotten when the tab is closed. */
export const key = signal(sessionStorage.getItem(STORAGE_KEY) ?? '');
/** The reason why the service refused access; null while it grants access. */
export const accessRefusal = signal<Problem | null>(null);
/** Whether the form for the key is open although no request was refused. */
export const isAskingForKey = signal(false);
/** Counts changes of the key: everything that was loaded with another key is loaded again. */
export const keyEpoch = signal(0);

/** @param value the key; empty to forget it */
export function saveKey(value: string): void {
  if (value === '') sessionStorage.removeItem(STORAGE_KEY);
  else sessionStorage.setItem(STORAGE_KEY, value);
  key.value = value;
  accessRefusal.value = null;
  isAskingForKey.value = false;
  keyEpoch.value++;
}

export const authorization = (): Record<string, string> =>
  key.value === '' ? {} : { authorization: `Bearer ${key.value}` };
