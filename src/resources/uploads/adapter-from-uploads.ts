import { createHash } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FastifyRequest } from 'fastify';
import { CONFIG_FILE, WEIGHTS_FILE } from '../../adapter/file-names.ts';
import type { AdapterRecord } from '../../contract/adapter.ts';
import type { AdapterFromUploads } from '../../contract/upload.ts';
import { AppError } from '../../errors/app-error.ts';
import { appErrorOf } from '../../http/app-error-of.ts';
import { storageError } from '../../storage/storage-error.ts';
import type { IncomingFile } from '../adapters/service.ts';
import type { UploadDependencies } from '../adapters/upload/receive-adapter.ts';
import { checkRoom } from '../adapters/upload/store-upload.ts';
import { workspaceOf } from '../own-workspace.ts';
import type { UploadService } from './service.ts';
import { useUploads } from './use-uploads.ts';

/** What it takes to receive files of adapters one by one, and to make adapters of them. */
export interface UploadsDependencies extends UploadDependencies {
  readonly uploads: UploadService;
}

/**
 * Makes an adapter of files that came before, and counts how that ended.
 * @throws AppError VALIDATION_FAILED without one file of weights; as `useUploads` and `AdapterService.register`
 */
export async function adapterFromUploads(
  request: FastifyRequest,
  { files, name, labels, ttl_seconds: ttlSeconds }: AdapterFromUploads,
  { uploads, store, metrics }: UploadsDependencies,
): Promise<AdapterRecord> {
  const workspace = workspaceOf(request);
  const id = request.idempotent?.idOf('ad');
  // The files that it was made of are gone by then.
  const before = id === undefined ? undefined : await workspace.adapters.find(id);
  if (before) return before;
  const weights = oneOf(files, WEIGHTS_FILE, 'weights');
  const config = oneOf(files, CONFIG_FILE, 'config');
  if (weights === undefined) throw invalid(`files has no "${WEIGHTS_FILE}" and no "weights"; it needs one`);
  const wanted = [{ name: WEIGHTS_FILE, id: weights }];
  if (typeof config === 'string') wanted.push({ name: CONFIG_FILE, id: config });
  const folder = await store.makeScratch();
  try {
    const inline = typeof config === 'object' ? [await saved(config, folder)] : [];
    const keeping = {
      ...(name !== undefined && { name }),
      ...(labels && { labels }),
      ...(ttlSeconds !== undefined && { ttlSeconds }),
    };
    const stored = await useUploads(uploads.of(workspace), wanted, folder, async (ready) => {
      const files = [...ready, ...inline];
      await checkRoom(workspace, files);
      return workspace.adapters.register(files, keeping, id);
    });
    metrics.uploadEnded(stored.content_known ? 'known' : 'created', 0);
    return stored;
  } catch (error) {
    metrics.uploadEnded(appErrorOf(error).code, 0);
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A file under its name, or the short one. @throws AppError VALIDATION_FAILED for both */
function oneOf<Name extends keyof AdapterFromUploads['files']>(
  files: AdapterFromUploads['files'],
  ...[name, short]: [Name, Name]
): AdapterFromUploads['files'][Name] {
  if (files[name] !== undefined && files[short] !== undefined)
    throw invalid(`files has both "${name}" and "${short}", which are the same file`);
  return files[name] ?? files[short];
}

const invalid = (detail: string): AppError =>
  new AppError('VALIDATION_FAILED', `${detail}.`, { errors: [{ pointer: '/files', detail }] });

async function saved(config: object, folder: string): Promise<IncomingFile> {
  const path = join(folder, CONFIG_FILE);
  const bytes = Buffer.from(JSON.stringify(config));
  await writeFile(path, bytes, { flag: 'wx' }).catch((error: unknown) => {
    throw storageError('write', error);
  });
  return {
    name: CONFIG_FILE,
    path,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    bytes: bytes.length,
  };
}
