import { CONFIG_FILE, roleOf } from '../adapter/file-names.ts';
import type { AdapterFile, AdapterRecord } from '../contract/adapter.ts';
import { AppError } from '../errors.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import { blobKey } from './layout.ts';

/** The file of weights in an adapter's record, whatever it is called. */
export const weightsOf = ({ files }: Pick<AdapterRecord, 'files'>): AdapterFile =>
  files.find(({ name }) => roleOf(name) === 'weights')!;

/** The file of that name in an adapter's record. @throws AppError FILE_NOT_FOUND */
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
 * A local file of an adapter's weights, only to be read, and its configuration, if it has one.
 * @throws AppError STORAGE_*
 */
export async function localFiles(
  store: Pick<BlobStore, 'localFile' | 'get'>,
  { id, files }: Pick<AdapterRecord, 'id' | 'files'>,
): Promise<{ weightsPath: string; configBytes: Uint8Array | null }> {
  const weightsPath = await store.localFile(blobKey(weightsOf({ files }).sha256));
  const config = files.find(({ name }) => name === CONFIG_FILE);
  if (!config) return { weightsPath, configBytes: null };
  const configBytes = await store.get(blobKey(config.sha256));
  if (!configBytes) throw new AppError('STORAGE_FAILED', `The storage lost a file of adapter ${id}.`, { id });
  return { weightsPath, configBytes };
}
