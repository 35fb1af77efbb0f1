import { type DownloadOptions, savedFiles } from './downloads.ts';
import { LoraSqueezeError } from './errors.ts';
import { listed } from './list.ts';
import { filled, type Transport } from './transport.ts';
import type { Artifact, CallOptions } from './types.ts';

export interface ArtifactOptions extends DownloadOptions {
  /** Saves only these paths, such as `report.html`; default: all. */
  readonly paths?: readonly string[] | undefined;
}

/** Everything that a job made and that has not been deleted. */
export const artifactsOf = (
  transport: Transport,
  id: string,
  options: CallOptions,
): AsyncGenerator<Artifact, void, undefined> =>
  listed<Artifact>(transport, filled('/v1/jobs/{id}/artifacts', { id }), {}, options);

/**
 * Saves artifacts of a job to a folder, in their tree of folders.
 * @returns their paths
 * @throws LoraSqueezeError FILE_MISSING for a path that no artifact has, DIGEST_MISMATCH; errors of the file system
 */
export async function savedArtifacts(
  transport: Transport,
  id: string,
  folder: string,
  { paths, ...options }: ArtifactOptions,
): Promise<string[]> {
  const all = new Map<string, Artifact>();
  for await (const artifact of artifactsOf(transport, id, options)) all.set(artifact.path, artifact);
  const missing = paths?.filter((path) => !all.has(path)) ?? [];
  if (missing.length > 0) {
    const detail = `Job ${id} has no artifact ${missing.join(', ')}; it has ${[...all.keys()].join(', ') || 'none'}.`;
    throw new LoraSqueezeError({ code: 'FILE_MISSING', detail, retryable: false });
  }
  const wanted = paths?.map((path) => all.get(path)!) ?? [...all.values()];
  return savedFiles(transport, wanted.map(fileOf), folder, options);
}

const RESULT = /^results\/(\d+)\/(.*)$/;

/**
 * Saves the adapters that a job made to a folder; if there are several targets, each gets a subfolder: 0, 1, …
 * @returns the paths of their files
 * @throws LoraSqueezeError DIGEST_MISMATCH; errors of the file system
 */
export async function savedResults(
  transport: Transport,
  { id, results }: { readonly id: string; readonly results: readonly unknown[] },
  folder: string,
  options: DownloadOptions,
): Promise<string[]> {
  const files = [];
  for await (const artifact of artifactsOf(transport, id, options)) {
    const [, index, name] = RESULT.exec(artifact.path) ?? [];
    if (name !== undefined)
      files.push({ ...fileOf(artifact), name: results.length === 1 ? name : `${index}/${name}` });
  }
  return savedFiles(transport, files, folder, options);
}

const fileOf = ({ path, href, sha256, bytes }: Artifact) => ({
  name: path,
  path: href,
  sha256: sha256 ?? undefined,
  bytes: bytes ?? undefined,
});
