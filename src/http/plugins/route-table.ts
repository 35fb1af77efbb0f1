import type { FastifyInstance } from 'fastify';

/** Which methods each path has: what a 405 has to say in Allow. Watches routes as they are added. */
export class RouteTable {
  private readonly routes: { readonly segments: readonly string[]; readonly method: string }[] = [];

  constructor(app: FastifyInstance) {
    app.addHook('onRoute', ({ url, method }) => {
      for (const one of [method].flat()) this.routes.push({ segments: url.split('/'), method: one });
    });
  }

  /** Methods of the routes that match a path, sorted; none where the path is unknown. */
  methodsOf(path: string): string[] {
    const segments = path.split('/');
    const found = this.routes.filter((route) => matches(route.segments, segments));
    return [...new Set(found.map((route) => route.method))].sort();
  }
}

function matches(pattern: readonly string[], path: readonly string[]): boolean {
  if (pattern.at(-1) !== '*' && pattern.length !== path.length) return false;
  return pattern.every((part, index) => {
    if (part === '*') return path.length > index;
    return part.startsWith(':') ? (path[index] ?? '') !== '' : part === path[index];
  });
}
