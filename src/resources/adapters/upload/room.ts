import type { FastifyRequest } from 'fastify';
import { type BodyParts, largeFiles } from '../../../http/multipart/body-parts.ts';
import { MAX_MULTIPART_OVERHEAD_BYTES } from '../../../http/multipart/limits.ts';
import { workspaceOf } from '../../own-workspace.ts';
import { checkStoredBytes, type StoringSpace } from '../../tenants/check-stored-bytes.ts';
import type { IncomingFile } from '../service.ts';

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
export function checkRoom(space: StoringSpace, files: readonly IncomingFile[]): Promise<void> {
  return checkStoredBytes(
    space,
    files.reduce((sum, { bytes }) => sum + bytes, 0),
  );
}
