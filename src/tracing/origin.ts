import { AsyncLocalStorage } from 'node:async_hooks';
import type { TraceContext } from './trace-context.ts';

/** On whose behalf something is done: information that a job takes over from the request that submitted it. */
export interface Origin {
  readonly requestId?: string;
  /** Id of the key that the request used. */
  readonly keyId?: string;
  readonly context?: TraceContext;
}

const origins = new AsyncLocalStorage<{ -readonly [Name in keyof Origin]: Origin[Name] }>();
const NONE: Origin = {};

/** Runs some work, and everything that it starts, on behalf of an origin. */
export const onBehalfOf = <T>(origin: Origin, work: () => T): T => origins.run({ ...origin }, work);

/** Records which key the current work belongs to. It is only known after the request has begun. */
export function onBehalfOfKey(keyId: string): void {
  const origin = origins.getStore();
  if (origin) origin.keyId = keyId;
}

/** An origin as text, to be stored for later work; null if there is none. */
export const originText = ({ requestId, keyId, context }: Origin): string | null =>
  requestId === undefined && context === undefined ? null : JSON.stringify({ requestId, keyId, context });

export const parseOrigin = (text: string | null): Origin =>
  text === null ? NONE : (JSON.parse(text) as Origin);

/** The origin of the current work; empty outside a request, for example when lost jobs are queued again. */
export const currentOrigin = (): Origin => origins.getStore() ?? NONE;
