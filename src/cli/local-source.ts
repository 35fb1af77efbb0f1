import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { CONFIG_FILE, WEIGHTS_FILE } from '../adapter/file-names.ts';
import { readAdapter } from '../formats/read-adapter.ts';
import { adapterDigest, describeAdapter } from '../resources/adapters/described-adapter.ts';
import type { SourceFiles } from '../squeeze/job-context.ts';
import type { ResultFile } from './engine.ts';
import { fileChunks } from './file-chunks.ts';
import { sourcePaths } from './source-folder.ts';

/** An adapter read where it lies, as a service that it was uploaded to would know it. */
export interface LocalSource {
  readonly files: SourceFiles;
  /** The same files under the names of their format, for a result that is the source itself. */
  readonly itself: readonly ResultFile[];
}

/** Here, where nothing gives out ids, adapters are told apart by their content. */
const localId = (digest: string): string => `ad_${digest.slice(0, 32)}`;
export const localIdOf = (files: readonly ResultFile[]): string => localId(adapterDigest(files));

/**
 * Checks and hashes an adapter's files.
 * @param source a folder, or a file of weights
 * @throws AppError FILE_MISSING, PICKLE_REFUSED, UNEXPECTED_PART for a configuration that the format does not have, and
 *   whatever its reader finds (ST_*, CONFIG_*, LORA_*, …)
 */
export async function localSource(source: string, signal: AbortSignal): Promise<LocalSource> {
  const { weights: weightsPath, config } = await sourcePaths(source);
  const configBytes = config === null ? null : await readFile(config);
  // First what is quick to refuse.
  await readAdapter({ weightsPath, configBytes });
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of fileChunks(weightsPath, hash, signal)) bytes += chunk.length;
  const read: ResultFile[] = [{ name: WEIGHTS_FILE, path: weightsPath, sha256: hash.digest('hex'), bytes }];
  if (config !== null && configBytes !== null) {
    const sha256 = createHash('sha256').update(configBytes).digest('hex');
    read.push({ name: CONFIG_FILE, path: config, sha256, bytes: configBytes.length });
  }
  const { digest, sha256, base_model, files } = await describeAdapter(read);
  return {
    files: { id: localId(digest), sha256, bytes, base_model, weightsPath, configBytes },
    // Weights and configuration, in this order in both.
    itself: files.map((file, index) => ({ ...file, path: read[index]!.path })),
  };
}
