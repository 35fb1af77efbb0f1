import assert from 'node:assert/strict';
import type { FastifyInstance } from 'fastify';
import type { Scope } from '../../src/contract/key.ts';

export interface ServedRoute {
  readonly method: string;
  /** With its parameters, as in /v1/jobs/:id. */
  readonly path: string;
}

/**
 * A branch of the tree that Fastify prints: four characters for each level, then a piece of the path, then
 * methods.
 */
const BRANCH = /^((?:│ {3}| {4})*)[├└]── (\S+)(?: \(([A-Z, ]+)\))?$/u;

/** Every route of the API as registered in the router, so that none is forgotten. */
export function servedRoutes(app: FastifyInstance): ServedRoute[] {
  const pieces: string[] = [];
  return app
    .printRoutes({ commonPrefix: false })
    .trimEnd()
    .split('\n')
    .flatMap((line) => {
      const [, indent, piece, methods = ''] = BRANCH.exec(line) ?? [];
      assert.ok(indent !== undefined && piece !== undefined, `cannot read ${JSON.stringify(line)}`);
      const level = indent.length / 4;
      pieces.splice(level, Number.POSITIVE_INFINITY, piece);
      // The slash before the rest of a path is not printed.
      const path = pieces.join('').replace(/(?<!\/)\*$/, '/*');
      return methods === '' ? [] : methods.split(', ').map((method) => ({ method, path }));
    })
    .filter(({ path }) => path.startsWith('/v1/'));
}

/** The scope that a route requires, by the rule in docs/keys.md. */
export function neededScope({ method, path }: ServedRoute): Scope {
  if (/^\/v1\/keys\b/.test(path)) return 'tenant_admin';
  if (/^\/v1\/(secrets|tenants|workers)\b/.test(path)) return 'admin';
  return ['GET', 'HEAD', 'OPTIONS'].includes(method) ? 'read' : 'write';
}
