import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { AdapterRecord } from '../../../src/contract/adapter.ts';
import { get } from '../api/request.ts';
import { keyEpoch } from './key.ts';
import { onNews } from './live.ts';

/** What adapters are called, by id; null where there is no such adapter any more. */
const names = signal<ReadonlyMap<string, string | null>>(new Map());
const asked = new Set<string>();

/** Forgets what adapters were called. */
export function forgetNames(): void {
  asked.clear();
}

export const rememberName = (id: string, name: string | null): void => {
  names.value = new Map(names.value).set(id, name);
};

/**
 * What adapters are called that only their ids are known of; each is asked for once.
 * @returns the name; null where the adapter was deleted; undefined while it is not known
 */
export function useAdapterNames(ids: readonly string[]): (id: string) => string | null | undefined {
  useEffect(() => onNews(['adapters'], forgetNames), []);
  useEffect(() => {
    for (const id of ids) {
      if (asked.has(id)) continue;
      asked.add(id);
      get<AdapterRecord>(`/v1/adapters/${id}`).then(
        ({ name }) => rememberName(id, name),
        () => rememberName(id, null),
      );
    }
  }, [ids.join(), keyEpoch.value]);
  return (id) => names.value.get(id);
}
