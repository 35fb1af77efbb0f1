import { AsyncLocalStorage } from 'node:async_hooks';
import type { TraceContext } from './trace-context.ts';

/** On whose behalf something is done: what a job takes along from the request that submitted it. */
export interface Origin {
  readonly requestId?: string;
  readonly context?: TraceContext;
}

const origins = new AsyncLocalStorage<Origin>();
const NONE: Origin = {};

/** Does some work, and all that follows from it, on behalf of an origin. */
export const onBehalfOf = <T>(origin: Origin, work: () => T): T => origins.run(origin, work);

/** An origin as text, for what is done later; null where there is none. */
export const originText = ({ requestId, context }: Origin): string | null =>
  requestId === undefined && context === undefined ? null : JSON.stringify({ requestId, context });

export const originOf = (text: string | null): Origin =>
  text === null ? NONE : (JSON.parse(text) as Origin);

/** The origin of what is being done now; empty outside a request, as when lost jobs are queued again. */
export const currentOrigin = (): Origin => origins.getStore() ?? NONE;
