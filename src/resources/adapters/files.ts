import { CONFIG_FILE, roleOf } from '../../adapter/file-names.ts';
import type { AdapterFile, AdapterRecord } from '../../contract/adapter.ts';
import { AppError } from '../../errors/app-error.ts';
import type { BlobStore } from '../../storage/blob-store.ts';
import { localFile, readContent, type StoredFile } from '../contents/content-files.ts';

/** The weights file of an adapter, whatever its name is. */
export const weightsOf = <F extends AdapterFile>({ files }: { readonly files: readonly F[] }): F =>
  files.find(({ name }) => roleOf(name) === 'weights')!;

/** The file with this name in the record of an adapter. @throws AppError FILE_NOT_FOUND */
export function fileOf(record: AdapterRecord, name: string): AdapterFile {
  const file = record.files.find((candidate) => candidate.name === name);
  if (file) return file;
  const known = record.files.map((candidate) => candidate.name);
  throw new AppError(
    'FILE_NOT_FOUND',
    `Adapter ${record.id} has no file ${JSON.stringify(name)}; it has ${known.join(', ')}.`,
    { id: record.id, name, known },
  );
}

/**
 * A local file with the weights of an adapter, which must only be read, and its configuration if it has one.
 * @param folder in which small weights are placed; the caller removes it
 * @throws AppError STORAGE_*
 */
export async function localFiles(
  store: Pick<BlobStore, 'localFile' | 'get'>,
  files: readonly StoredFile[],
  folder: string,
): Promise<{ weightsPath: string; configBytes: Uint8Array | null }> {
  const weightsPath = await localFile(store, weightsOf({ files }), folder);
  const config = files.find(({ name }) => name === CONFIG_FILE);
  return { weightsPath, configBytes: config ? await readContent(store, config) : null };
}
