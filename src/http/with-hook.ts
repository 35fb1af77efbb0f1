import type { RouteOptions } from 'fastify';

type HookName = 'onRequest' | 'preValidation' | 'preHandler' | 'onSend' | 'onResponse';

/** Adds a hook to one route, after its existing ones, so that other routes do not pay for it. */
export function withHook<N extends HookName>(
  route: RouteOptions,
  name: N,
  hook: (...args: never[]) => unknown,
): void {
  const hooks = [route[name] ?? []].flat() as unknown[];
  Object.assign(route, { [name]: [...hooks, hook] });
}
