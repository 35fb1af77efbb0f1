import { signal } from '@preact/signals';
import type { Problem } from '../api/problem.ts';

const STORED = 'lora-squeeze.key';

/** The API key; gone with the tab. */
export const key = signal(sessionStorage.getItem(STORED) ?? '');
/** Why the service did not let us in; null while it does. */
export const refused = signal<Problem | null>(null);
/** Whether the form for the key is shown though nothing was refused. */
export const isAskingForKey = signal(false);
/** Counts keys: what was asked with another one is asked again. */
export const keyEpoch = signal(0);

/** @param value empty to forget it */
export function keepKey(value: string): void {
  if (value === '') sessionStorage.removeItem(STORED);
  else sessionStorage.setItem(STORED, value);
  key.value = value;
  refused.value = null;
  isAskingForKey.value = false;
  keyEpoch.value++;
}

export const authorization = (): Record<string, string> =>
  key.value === '' ? {} : { authorization: `Bearer ${key.value}` };
