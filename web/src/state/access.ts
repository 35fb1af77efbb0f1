import { effect, signal, untracked } from '@preact/signals';
import type { CallerRecord } from '../../../src/contract/caller.ts';
import type { Scope } from '../../../src/contract/key.ts';
import { get } from '../api/request.ts';
import { keyEpoch, refused } from './key.ts';
import { connection } from './live.ts';

/** Who we are to the service; null until it has said so. */
export const caller = signal<CallerRecord | null>(null);

/** Whether the service lets us do what needs a scope; false while that is not known. */
export function may(scope: Scope): boolean {
  const scopes = caller.value?.scopes ?? [];
  return scopes.includes(scope) || (scope === 'tenant_admin' && scopes.includes('admin'));
}

/** Whether it is known that only looking is allowed. */
export const isReader = (): boolean => caller.value !== null && !may('write');

/** Whether keys and tenants can be managed: only where callers need keys. */
export const hasKeys = (): boolean => caller.value?.authentication === 'keys';

/** Asks once for each key, and again after the service was away. */
export function keepAccess(): void {
  effect(() => {
    keyEpoch.value;
    caller.value = null;
  });
  effect(() => {
    keyEpoch.value;
    if (refused.value !== null || connection.value === 'lost') return;
    const controller = new AbortController();
    untracked(() => {
      if (caller.value !== null) return;
      get<CallerRecord>('/v1/caller', controller.signal).then(
        (value) => {
          caller.value = value;
        },
        // A key that may not even read gets no buttons; what is loaded says why.
        () => undefined,
      );
    });
    return () => controller.abort();
  });
}
