import type { FastifyRequest } from 'fastify';
import { AppError } from '../errors/app-error.ts';
import type { Workspace } from './workspaces.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** What the caller has; null where they may not do what they ask for. */
    ownWorkspace: Workspace | null;
  }
}

/** Everything of the caller's tenant, and nothing of others. */
export function workspaceOf(request: FastifyRequest): Workspace {
  if (request.ownWorkspace) return request.ownWorkspace;
  throw new AppError('INTERNAL', 'A route that asks for no key has no workspace.');
}
