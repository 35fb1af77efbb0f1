import { rm } from 'node:fs/promises';
import type { FastifyRequest } from 'fastify';
import { CONFIG_FILE, roleOf, WEIGHTS_FILE } from '../../adapter/file-names.ts';
import type { UploadFilename, UploadRecord } from '../../contract/upload.ts';
import { AppError } from '../../errors/app-error.ts';
import { appErrorOf } from '../../http/app-error-of.ts';
import { saveFile } from '../adapters/upload/save-file.ts';
import { workspaceOf } from '../own-workspace.ts';
import type { UploadsDependencies } from './adapter-from-uploads.ts';
import { ContentWatch } from './content-watch.ts';
import { announcedLength, IncomingBody } from './incoming-body.ts';
import { tooLarge } from './upload-limits.ts';

/**
 * Receives a whole file as the body of one request. An upload of that id stays as it is until the new one is complete.
 * @throws AppError DIGEST_*, UPLOAD_TOO_LARGE, CONFIG_TOO_LARGE, UPLOAD_TOO_SLOW, UPLOAD_ABORTED, QUOTA_UPLOADS,
 *   UPLOAD_LOCKED, what the gate finds, STORAGE_*
 */
export async function putUpload(
  request: FastifyRequest,
  id: string,
  filename: UploadFilename,
  { uploads: service, store, limits, metrics }: UploadsDependencies,
): Promise<{ record: UploadRecord; created: boolean }> {
  const workspace = workspaceOf(request);
  const uploads = service.of(workspace);
  const maxBytes = uploads.limitOf(filename);
  const length = announcedLength(request.raw);
  if (length !== null && length > maxBytes) throw tooLarge(filename, maxBytes, length);
  if (request.headers['content-range'] !== undefined)
    throw new AppError(
      'BAD_REQUEST',
      'A PUT brings the whole file; parts come by PATCH (see docs/uploads.md).',
    );

  const isConfig = roleOf(filename) === 'config';
  const watch = ContentWatch.unhashed(isConfig ? undefined : workspace.adapters.openGate());
  const folder = await store.makeScratch();
  let body: IncomingBody | undefined;
  try {
    const incoming = new IncomingBody(request.raw, limits.uploadIdleTimeoutMs);
    body = incoming;
    // Under a name of ours: the client's is no path.
    const file = await saveFile(isConfig ? CONFIG_FILE : WEIGHTS_FILE, incoming.stream, {
      folder,
      maxBytes,
      tooLarge: tooLarge(filename, maxBytes).code,
      signal: incoming.signal,
      gate: {
        push: (chunk) => watch.push(chunk, length),
        finish(totalBytes) {
          incoming.verify();
          watch.finish(totalBytes);
        },
      },
    });
    const { created } = await uploads.replace(id, filename, file);
    metrics.uploadEnded('received', incoming.bytes);
    return { record: uploads.describe(await uploads.get(id)), created };
  } catch (error) {
    metrics.uploadEnded(appErrorOf(error).code, body?.bytes ?? 0);
    throw error;
  } finally {
    body?.close();
    await rm(folder, { recursive: true, force: true });
  }
}
