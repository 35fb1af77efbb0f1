import { effect, signal, untracked } from '@preact/signals';
import type { CallerRecord, Scope } from '../../../src/contract/key.ts';
import { get } from '../api/request.ts';
import { accessRefusal, keyEpoch } from './key.ts';
import { connection } from './live.ts';

/** The caller as the service knows it; null until the service has answered. */
export const caller = signal<CallerRecord | null>(null);

/** Whether the caller has a scope; false until this is known. */
export function hasScope(scope: Scope): boolean {
  const scopes = caller.value?.scopes ?? [];
  return scopes.includes(scope) || (scope === 'tenant_admin' && scopes.includes('admin'));
}

/** Whether the caller is known to have read access only. */
export const isReader = (): boolean => caller.value !== null && !hasScope('write');

/** Whether keys and tenants can be managed, which is so only if callers need keys. */
export const hasKeys = (): boolean => caller.value?.authentication === 'keys';

/** Asks for the caller's access once for each key, and again after the service was unreachable. */
export function trackAccess(): void {
  effect(() => {
    keyEpoch.value;
    caller.value = null;
  });
  effect(() => {
    keyEpoch.value;
    if (accessRefusal.value !== null || connection.value === 'lost') return;
    const controller = new AbortController();
    untracked(() => {
      if (caller.value !== null) return;
      get<CallerRecord>('/v1/caller', controller.signal).then(
        (value) => {
          caller.value = value;
        },
        // A key without even read access gets no buttons; the parts of the page that load data show the
        // reason.
        () => undefined,
      );
    });
    return () => controller.abort();
  });
}
