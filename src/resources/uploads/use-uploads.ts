import { constants, copyFile, link } from 'node:fs/promises';
import { join } from 'node:path';
import { roleOf } from '../../adapter/file-names.ts';
import { AppError } from '../../errors/app-error.ts';
import { errnoOf } from '../../storage/storage-error.ts';
import type { IncomingFile } from '../adapters/service.ts';
import type { PresentUpload, TenantUploads, Unlock } from './tenant-uploads.ts';
import { attempt } from './upload-files.ts';

/** File systems without links say one of these. */
const NO_LINKS = new Set<string | undefined>(['EXDEV', 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

export interface WantedUpload {
  /** What file of the adapter it is to be; weights may have come under another name. */
  readonly name: string;
  readonly id: string;
}

/**
 * Hands complete uploads to `use` as files of a folder: under another name where the file system can do that, else as
 * copies. Uploads are used up when it returns, and stay as they are when it throws.
 * @param folder removed by the caller
 * @throws AppError UPLOAD_NOT_FOUND, UPLOAD_EXPIRED, UPLOAD_INCOMPLETE, UPLOAD_FILENAME, UPLOAD_LOCKED, STORAGE_*,
 *   what the gate finds in one that was cut off after its last byte, what `use` throws
 */
export async function useUploads<T>(
  uploads: TenantUploads,
  wanted: readonly WantedUpload[],
  folder: string,
  use: (files: readonly IncomingFile[]) => Promise<T>,
): Promise<T> {
  const unlocks: Unlock[] = [];
  // In one order everywhere, so that two requests never wait for each other.
  const ids = [...new Set(wanted.map(({ id }) => id))].sort();
  try {
    for (const id of ids) unlocks.push(await uploads.lock(id));
    const files: IncomingFile[] = [];
    for (const { name, id } of wanted) files.push(await fileOf(await uploads.settle(id), name, folder));
    const result = await use(files);
    for (const id of ids) await uploads.remove(id);
    return result;
  } finally {
    for (const unlock of unlocks) await unlock();
  }
}

async function fileOf(upload: PresentUpload, name: string, folder: string): Promise<IncomingFile> {
  const { id, filename, sha256, receivedBytes, totalBytes } = upload;
  if (roleOf(filename) !== roleOf(name)) {
    const detail = `The upload ${id} is of ${filename} and cannot be ${name}.`;
    throw new AppError('UPLOAD_FILENAME', detail, { id, filename, expected: [name] });
  }
  if (sha256 === null) {
    const of = totalBytes === null ? 'not known how many' : String(totalBytes);
    const detail = `The upload ${id} is not complete: ${receivedBytes} bytes came, of ${of}.`;
    throw new AppError('UPLOAD_INCOMPLETE', detail, {
      id,
      received_bytes: receivedBytes,
      total_bytes: totalBytes,
    });
  }
  const path = join(folder, name);
  await attempt('read an upload', () => linkOrCopy(upload.path, path));
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
