import { createHash } from 'node:crypto';
import { constants, copyFile, link, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FastifyRequest } from 'fastify';
import type { IncomingFile } from '../../adapter/digested-file.ts';
import { CONFIG_FILE, roleOf, WEIGHTS_FILE } from '../../adapter/file-names.ts';
import { readShardName } from '../../adapter/shard-names.ts';
import { checkShardSet } from '../../adapter/shard-set.ts';
import type { AdapterRecord } from '../../contract/adapter.ts';
import type { AdapterFromUploads } from '../../contract/upload.ts';
import { AppError } from '../../errors/app-error.ts';
import { invalidField } from '../../errors/field-errors.ts';
import { convertError } from '../../http/convert-error.ts';
import { removeScratch } from '../../storage/scratch.ts';
import { errnoOf, storageError } from '../../storage/storage-error.ts';
import { joinPieces } from '../adapters/upload/join-pieces.ts';
import type { UploadDependencies } from '../adapters/upload/receive-adapter.ts';
import { checkStorageQuota } from '../adapters/upload/store-upload.ts';
import { workspaceOf } from '../own-workspace.ts';
import type { UploadService } from './service.ts';
import type { PresentUpload, TenantUploads, Unlock } from './tenant-uploads.ts';
import { withStorageErrors } from './upload-files.ts';

/** Error codes of file systems without hard links. */
const NO_LINKS = new Set<string | undefined>(['EXDEV', 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

/** The parts that are needed to receive files of adapters one by one, and to create adapters from them. */
export interface UploadsDependencies extends UploadDependencies {
  readonly uploads: UploadService;
}

/**
 * Creates an adapter from earlier uploads, and counts the outcome.
 * @throws AppError VALIDATION_FAILED without exactly one weights file; as `useUploads` and `AdapterService.register`
 */
export async function adapterFromUploads(
  request: FastifyRequest,
  { files, name, license, labels, ttl_seconds: ttlSeconds }: AdapterFromUploads,
  { uploads, store, metrics, limits }: UploadsDependencies,
): Promise<AdapterRecord> {
  const workspace = workspaceOf(request);
  const id = request.idempotent?.idOf('ad');
  // If the adapter exists, its uploads have already been removed.
  const before = id === undefined ? undefined : await workspace.adapters.find(id);
  if (before) return before;
  const weights = oneOf(files, WEIGHTS_FILE, 'weights');
  const config = oneOf(files, CONFIG_FILE, 'config');
  if (weights === undefined)
    throw invalidField(
      '/files',
      `"files" has neither "${WEIGHTS_FILE}" nor "weights"; exactly one of them is required`,
    );
  const ids = typeof weights === 'string' ? [weights] : weights;
  if (new Set(ids).size < ids.length) throw invalidField('/files', '"weights" names the same upload twice');
  const wanted: UploadRef[] =
    ids.length === 1
      ? [{ name: WEIGHTS_FILE, id: ids[0]! }]
      : ids.map((piece, index) => ({ name: WEIGHTS_FILE, id: piece, storedAs: `piece-${index}` }));
  if (typeof config === 'string') wanted.push({ name: CONFIG_FILE, id: config });
  const folder = await store.makeScratch();
  try {
    const inline = typeof config === 'object' ? [await saved(config, folder)] : [];
    const settings = {
      ...(name !== undefined && { name }),
      ...(license !== undefined && { license }),
      ...(labels && { labels }),
      ...(ttlSeconds !== undefined && { ttlSeconds }),
    };
    const stored = await useUploads(uploads.of(workspace), wanted, folder, async (ready) => {
      const files = [...(await wholeWeights(ready, folder, limits.maxUploadBytes)), ...inline];
      await checkStorageQuota(workspace, files);
      return workspace.adapters.register(files, settings, id);
    });
    metrics.uploadEnded(stored.content_known ? 'known' : 'created', 0);
    return stored;
  } catch (error) {
    metrics.uploadEnded(convertError(error).code, 0);
    throw error;
  } finally {
    await removeScratch(folder);
  }
}

/** The upload under the name of a file, or under its short name. @throws AppError VALIDATION_FAILED for both */
function oneOf<Name extends keyof AdapterFromUploads['files']>(
  files: AdapterFromUploads['files'],
  ...[name, short]: [Name, Name]
): AdapterFromUploads['files'][Name] {
  if (files[name] !== undefined && files[short] !== undefined)
    throw invalidField('/files', `"files" has both "${name}" and "${short}", which are the same file`);
  return files[name] ?? files[short];
}

/**
 * The files with the weights in one. An upload that is a part of weights is refused unless all other parts are there.
 * @throws AppError FILE_MISSING, SHARDS_MISMATCH, UPLOAD_TOO_LARGE, ST_*, STORAGE_*
 */
async function wholeWeights(
  ready: readonly IncomingFile[],
  folder: string,
  maxUploadBytes: number,
): Promise<readonly IncomingFile[]> {
  const pieces = ready.filter(({ name }) => name !== CONFIG_FILE);
  const odd = pieces.find(({ sentAs }) => !readShardName(sentAs!));
  if (odd && pieces.length > 1)
    throw new AppError(
      'SHARDS_MISMATCH',
      `"weights" is a list, but ${JSON.stringify(odd.sentAs)} is not a part of weights (…-00001-of-0000N.safetensors); specify one upload.`,
      { tensor: null },
    );
  if (!odd) checkShardSet(pieces.map(({ sentAs }) => sentAs!));
  if (pieces.length === 1) return ready;
  const bytes = pieces.reduce((sum, piece) => sum + piece.bytes, 0);
  if (bytes > maxUploadBytes)
    throw new AppError(
      'UPLOAD_TOO_LARGE',
      `The weights have ${bytes} bytes in ${pieces.length} files; together they may have at most ${maxUploadBytes}.`,
      { bytes, limit_bytes: maxUploadBytes },
    );
  const named = pieces.map((piece) => ({ ...piece, name: piece.sentAs! }));
  return [await joinPieces(named, folder), ...ready.filter(({ name }) => name === CONFIG_FILE)];
}

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

interface UploadRef {
  /** The file of the adapter for which the upload is used; weights may have been sent under another name. */
  readonly name: string;
  readonly id: string;
  /** Name in the folder, if it differs from the upload’s. */
  readonly storedAs?: string;
}

/**
 * Passes complete uploads to `use` as files of a folder: as hard links if the file system supports them, else as copies.
 * The uploads are removed when `use` returns, and stay as they are if it throws.
 * @param folder removed by the caller
 * @throws AppError UPLOAD_NOT_FOUND, UPLOAD_EXPIRED, UPLOAD_INCOMPLETE, UPLOAD_FILENAME, UPLOAD_LOCKED, STORAGE_*,
 *   what the validator finds in an upload that was interrupted after its last byte, and what `use` throws
 */
export async function useUploads<T>(
  uploads: TenantUploads,
  wanted: readonly UploadRef[],
  folder: string,
  use: (files: readonly IncomingFile[]) => Promise<T>,
): Promise<T> {
  const unlocks: Unlock[] = [];
  // Always locked in the same order, so that two requests never wait for each other.
  const ids = [...new Set(wanted.map(({ id }) => id))].sort();
  try {
    for (const id of ids) unlocks.push(await uploads.lock(id));
    const files: IncomingFile[] = [];
    for (const { name, id, storedAs = name } of wanted)
      files.push(await fileOf(await uploads.settle(id), name, join(folder, storedAs)));
    const result = await use(files);
    for (const id of ids) await uploads.remove(id);
    return result;
  } finally {
    for (const unlock of unlocks) await unlock();
  }
}

async function fileOf(upload: PresentUpload, name: string, path: string): Promise<IncomingFile> {
  const { id, filename, sha256, receivedBytes, totalBytes } = upload;
  if (roleOf(filename) !== roleOf(name)) {
    const detail = `The upload ${id} is ${filename} and cannot be used as ${name}.`;
    throw new AppError('UPLOAD_FILENAME', detail, { id, filename, expected: [name] });
  }
  if (sha256 === null) {
    const of = totalBytes === null ? 'an unknown number of' : String(totalBytes);
    const detail = `The upload ${id} is not complete: ${receivedBytes} of ${of} bytes have arrived.`;
    throw new AppError('UPLOAD_INCOMPLETE', detail, {
      id,
      received_bytes: receivedBytes,
      total_bytes: totalBytes,
    });
  }
  await withStorageErrors('read an upload', () => linkOrCopy(upload.path, path));
  return { name, path, sentAs: filename, sha256, bytes: receivedBytes };
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (!NO_LINKS.has(errnoOf(error))) throw error;
    await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  }
}
