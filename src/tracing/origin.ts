import { AsyncLocalStorage } from 'node:async_hooks';
import type { TraceContext } from './trace-context.ts';

/** On whose behalf something is done: what a job takes along from the request that submitted it. */
export interface Origin {
  readonly requestId?: string;
  /** Id of the key that it came with. */
  readonly keyId?: string;
  readonly context?: TraceContext;
}

const origins = new AsyncLocalStorage<{ -readonly [Name in keyof Origin]: Origin[Name] }>();
const NONE: Origin = {};

/** Does some work, and all that follows from it, on behalf of an origin. */
export const onBehalfOf = <T>(origin: Origin, work: () => T): T => origins.run({ ...origin }, work);

/** Says whose key it is on whose behalf something is done from now on: that is known only after a request has begun. */
export function onBehalfOfKey(keyId: string): void {
  const origin = origins.getStore();
  if (origin) origin.keyId = keyId;
}

/** An origin as text, for what is done later; null where there is none. */
export const originText = ({ requestId, keyId, context }: Origin): string | null =>
  requestId === undefined && context === undefined ? null : JSON.stringify({ requestId, keyId, context });

export const originOf = (text: string | null): Origin =>
  text === null ? NONE : (JSON.parse(text) as Origin);

/** The origin of what is being done now; empty outside a request, as when lost jobs are queued again. */
export const currentOrigin = (): Origin => origins.getStore() ?? NONE;
