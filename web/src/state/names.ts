import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { AdapterRecord } from '../../../src/contract/adapter.ts';
import { get } from '../api/request.ts';
import { distinctNames } from '../text/distinct-names.ts';
import { keyEpoch } from './key.ts';
import { onTopicChange } from './live.ts';

/** The names of adapters by id; null if the adapter no longer exists. */
const names = signal<ReadonlyMap<string, string | null>>(new Map());
const asked = new Set<string>();

/** Causes all names to be asked for again. */
export function forgetNames(): void {
  asked.clear();
}

export const rememberName = (id: string, name: string | null): void => {
  names.value = new Map(names.value).set(id, name);
};

/**
 * Gives the names of adapters of which only the ids are known; each is requested once.
 * @returns the name; null if the adapter was deleted; undefined until it is known
 */
export function useAdapterNames(ids: readonly string[]): (id: string) => string | null | undefined {
  useEffect(() => onTopicChange(['adapters'], forgetNames), []);
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
  const distinct = distinctNames(
    ids.flatMap((id) => {
      const name = names.value.get(id);
      return name ? [{ id, name }] : [];
    }),
  );
  return (id) => distinct.get(id) ?? names.value.get(id);
}
