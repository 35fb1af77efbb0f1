import type { FastifyRequest } from 'fastify';
import type { IncomingFile } from '../../service/adapter-service.ts';
import { checkStoredBytes } from '../../service/usage/check-stored-bytes.ts';
import type { Workspace } from '../../service/workspaces.ts';
import { workspaceOf } from '../principal.ts';
import { type BodyParts, largeFiles } from './body-parts.ts';
import { MAX_MULTIPART_OVERHEAD_BYTES } from './limits.ts';

/**
 * Refuses an upload by its Content-Length where the tenant has no room for it, before a byte is taken. Where files may come that are not stored as the adapter's,
 * only a tenant that has exceeded its limit is refused.
 * @throws AppError QUOTA_TOO_SMALL, QUOTA_STORED_BYTES, STORAGE_*
 */
export async function checkAnnouncedRoom(request: FastifyRequest, parts: BodyParts): Promise<void> {
  const announced = Number(request.headers['content-length'] ?? 0) - MAX_MULTIPART_OVERHEAD_BYTES;
  const bytes = largeFiles(parts).length > 1 ? 0 : Math.max(0, announced);
  await checkStoredBytes(workspaceOf(request), bytes);
}

/**
 * Refuses an adapter that has come where the tenant has no room for it: it counts in full, whatever it shares with others.
 * @throws AppError QUOTA_TOO_SMALL, QUOTA_STORED_BYTES, STORAGE_*
 */
export function checkRoom(workspace: Workspace, files: readonly IncomingFile[]): Promise<void> {
  return checkStoredBytes(
    workspace,
    files.reduce((sum, { bytes }) => sum + bytes, 0),
  );
}
