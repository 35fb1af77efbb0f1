import type { FastifyRequest } from 'fastify';
import { AppError } from '../errors/app-error.ts';
import type { Workspace } from './workspaces.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The workspace of the caller; null if the request was refused. */
    ownWorkspace: Workspace | null;
  }
}

/** The records of the caller's tenant, and of no other. */
export function workspaceOf(request: FastifyRequest): Workspace {
  if (request.ownWorkspace) return request.ownWorkspace;
  throw new AppError('INTERNAL', 'This route requires no key, so its requests have no workspace.');
}
