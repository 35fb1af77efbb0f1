import { type DownloadOptions, saveFiles } from './downloads.ts';
import { LoraSqueezeError } from './errors.ts';
import { listAll } from './list.ts';
import { fillPath, type Transport } from './transport.ts';
import type { Artifact, CallOptions } from './types.ts';

export interface ArtifactOptions extends DownloadOptions {
  /** Saves only these paths, such as `report.html`; default: all. */
  readonly paths?: readonly string[] | undefined;
}

/** Everything that a job made and that has not been deleted. */
export const listArtifacts = (
  transport: Transport,
  id: string,
  options: CallOptions,
): AsyncGenerator<Artifact, void, undefined> =>
  listAll<Artifact>(transport, fillPath('/v1/jobs/{id}/artifacts', { id }), {}, options);

/**
 * Saves artifacts of a job to a folder, in their tree of folders.
 * @returns their paths
 * @throws LoraSqueezeError FILE_MISSING for a path that no artifact has, DIGEST_MISMATCH; errors of the file system
 */
export async function saveArtifacts(
  transport: Transport,
  id: string,
  folder: string,
  { paths, ...options }: ArtifactOptions,
): Promise<string[]> {
  const all = new Map<string, Artifact>();
  for await (const artifact of listArtifacts(transport, id, options)) all.set(artifact.path, artifact);
  const missing = paths?.filter((path) => !all.has(path)) ?? [];
  if (missing.length > 0) {
    const detail = `Job ${id} has no artifact ${missing.join(', ')}; it has ${[...all.keys()].join(', ') || 'none'}.`;
    throw new LoraSqueezeError({ code: 'FILE_MISSING', detail, retryable: false });
  }
  const wanted = paths?.map((path) => all.get(path)!) ?? [...all.values()];
  return saveFiles(transport, wanted.map(fileOf), folder, options);
}

const RESULT = /^results\/(\d+)\/(.*)$/;

/**
 * Saves the adapters that a job made to a folder; if there are several targets, each gets a subfolder: 0, 1, …
 * @returns the paths of their files
 * @throws LoraSqueezeError DIGEST_MISMATCH; errors of the file system
 */
export async function saveResults(
  transport: Transport,
  { id, results }: { readonly id: string; readonly results: readonly unknown[] },
  folder: string,
  options: DownloadOptions,
): Promise<string[]> {
  const files = [];
  for await (const artifact of listArtifacts(transport, id, options)) {
    const [, index, name] = RESULT.exec(artifact.path) ?? [];
    if (name !== undefined)
      files.push({ ...fileOf(artifact), name: results.length === 1 ? name : `${index}/${name}` });
  }
  return saveFiles(transport, files, folder, options);
}

const fileOf = ({ path, href, sha256, bytes }: Artifact) => ({
  name: path,
  path: href,
  sha256: sha256 ?? undefined,
  bytes: bytes ?? undefined,
});
