import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { licenseOfCard } from '../../adapter/card-license.ts';
import type { DigestedFile, IncomingFile } from '../../adapter/digested-file.ts';
import { CONFIG_FILE, roleOf, WEIGHTS_FILE } from '../../adapter/file-names.ts';
import type { AdapterFile, AdapterRecord } from '../../contract/adapter.ts';
import { AppError } from '../../errors/app-error.ts';
import { formatOf } from '../../formats/formats.ts';
import { readAdapter } from '../../formats/read-adapter.ts';
import { summarise } from '../../formats/summary.ts';

/** The part of an adapter's record that follows from its files alone. */
export type AdapterDescription = Omit<
  AdapterRecord,
  'id' | 'name' | 'parent_id' | 'job_id' | 'labels' | 'expires_at' | 'created_at' | 'content_known'
> & {
  /** See adapterDigest. */
  readonly digest: string;
};

/** In name order. */
const DIGESTED_FILES = [
  ['config', CONFIG_FILE],
  ['weights', WEIGHTS_FILE],
] as const;

/**
 * Identifies the content of an adapter: SHA-256 (hex) over the digests of weights and configuration, under the names
 * that PEFT gives them, in every format. Data about the adapter, such as its name, is not included.
 */
export function adapterDigest(files: readonly Pick<DigestedFile, 'name' | 'sha256'>[]): string {
  const hash = createHash('sha256');
  for (const [role, name] of DIGESTED_FILES) {
    const file = files.find((one) => roleOf(one.name) === role);
    if (file) hash.update(`${name}\0${file.sha256}\n`);
  }
  return hash.digest('hex');
}

/** An adapter's files in the order of its record: the weights first. */
export function inRecordOrder<F extends { readonly name: string }>(files: readonly F[]): F[] {
  const weights = files.filter(({ name }) => roleOf(name) === 'weights');
  return [...weights, ...files.filter((file) => !weights.includes(file))];
}

/**
 * Reads an adapter from the headers of its files. The weights get the name that their format prescribes.
 * @param license the license, unless one of the files is a model card that names one
 * @returns the files in the order of `inRecordOrder`
 * @throws AppError FILE_MISSING, and the errors of the format's reader (ST_*, CONFIG_*, LORA_*, …)
 */
export async function describeAdapter(
  files: readonly IncomingFile[],
  license?: string,
): Promise<AdapterDescription> {
  const weights = files.find(({ name }) => roleOf(name) === 'weights');
  if (!weights)
    throw new AppError('FILE_MISSING', 'The adapter has no weights file.', { missing: ['weights'] });
  const config = files.find(({ name }) => roleOf(name) === 'config');
  const { adapter } = await readAdapter({
    weightsPath: weights.path,
    configBytes: config ? await readFile(config.path) : null,
  });
  const { weightsName, hasConfig } = formatOf(adapter.format);
  if (config && !hasConfig) {
    throw new AppError(
      'UNEXPECTED_PART',
      `The weights are in the format ${adapter.format}, which has no ${config.name}: send only the weights.`,
      { name: config.name, format: adapter.format },
    );
  }
  const card = files.find(({ name }) => roleOf(name) === 'card');
  const known = card ? licenseOfCard(await readFile(card.path, 'utf8')) : license;
  const named = ({ name, sha256, bytes }: IncomingFile): AdapterFile => ({
    name: roleOf(name) === 'weights' ? weightsName : name,
    sha256,
    bytes,
  });
  return {
    digest: adapterDigest(files),
    sha256: weights.sha256,
    bytes: files.reduce((sum, file) => sum + file.bytes, 0),
    ...summarise(adapter),
    ...(known !== undefined && { license: known }),
    files: inRecordOrder(files).map(named),
  };
}
