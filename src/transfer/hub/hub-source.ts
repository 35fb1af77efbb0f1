import { fileDownloadInfo, modelInfo } from '@huggingface/hub';
import { type ChosenFiles, chooseWeights, chosenWeights } from '../../adapter/choose-weights.ts';
import { CARD_FILE, CONFIG_FILE, WEIGHTS_FILE } from '../../adapter/file-names.ts';
import { AppError } from '../../errors/app-error.ts';
import { HttpFile } from '../http-file.ts';
import type { ResolvedHubSource } from '../resolved-endpoints.ts';
import { HubCalls, type HubOptions } from './hub-calls.ts';

const COMMIT = /^[0-9a-f]{40}$/;
/** The ETag of a large file is the SHA-256 of its content. */
const SHA256_ETAG = /^"?([0-9a-f]{64})"?$/;

export interface HubAdapter {
  /** The commit to which the revision currently refers; the files belong to it. */
  readonly commit: string;
  readonly files: readonly HttpFile[];
}

/**
 * Finds an adapter on the Hub. The commit is determined first, so that all files belong to it, whatever is pushed
 * meanwhile.
 * @throws AppError OUTBOUND_*, FILE_MISSING, PICKLE_REFUSED; the reason of the signal
 */
export async function findOnHub(
  source: ResolvedHubSource,
  options: HubOptions & { readonly stallTimeoutMs: number },
): Promise<HubAdapter> {
  const { outbound, hubEndpoint, token, stallTimeoutMs } = options;
  const calls = new HubCalls(options);
  const { sha, filePaths } = await repositoryAt(source, calls, options);
  const revision = source.revision ?? 'main';
  const folder = source.subfolder === undefined ? '' : `${source.subfolder}/`;
  const { weights, config, card } = chosen(source, folder, revision, filePaths);
  const files: HttpFile[] = [];
  for (const name of [card, config, ...weights].filter((one) => one !== null)) {
    const path = `${folder}${name}`;
    // The library inserts paths into its URLs without encoding them.
    const inUrl = `${folder}${encodeURIComponent(name)}`;
    const found = await calls
      .attempt(() => fileDownloadInfo({ ...calls.parameters, path: inUrl, revision: sha }))
      .catch((error: unknown) => {
        options.signal?.throwIfAborted();
        // An adapter needs no card.
        if (name === card) return null;
        throw error;
      });
    if (!found) {
      if (name === card) continue;
      throw new AppError('FILE_MISSING', `${source.repo} has no ${path} at ${revision}.`, {
        missing: [name],
        repo: source.repo,
        revision,
      });
    }
    const isOfHub = new URL(found.url).origin === new URL(hubEndpoint).origin;
    files.push(
      new HttpFile(outbound, {
        name,
        url: found.url,
        sha256: SHA256_ETAG.exec(found.etag)?.[1],
        headers: token !== undefined && isOfHub ? { authorization: `Bearer ${token}` } : {},
        stallTimeoutMs,
      }),
    );
  }
  return { commit: sha, files };
}

/**
 * The paths of all files below a folder of a repository, relative to the folder.
 * @throws AppError OUTBOUND_*; the reason of the signal
 */
export async function pathsOnHub(source: ResolvedHubSource, options: HubOptions): Promise<string[]> {
  const { filePaths } = await repositoryAt(source, new HubCalls(options), options);
  const folder = source.subfolder === undefined ? '' : `${source.subfolder}/`;
  return filePaths.filter((path) => path.startsWith(folder)).map((path) => path.slice(folder.length));
}

/** The commit to which the revision currently refers, and its files. */
async function repositoryAt(
  source: ResolvedHubSource,
  calls: HubCalls,
  { hubEndpoint }: HubOptions,
): Promise<{ readonly sha: string; readonly filePaths: readonly string[] }> {
  const { repo: _repo, ...parameters } = calls.parameters;
  const revision = source.revision ?? 'main';
  const info = await calls.attempt(() =>
    modelInfo({ ...parameters, name: source.repo, revision, additionalFields: ['sha', 'filePaths'] }),
  );
  const { host } = new URL(hubEndpoint);
  const { sha, filePaths } = info as { readonly sha?: unknown; readonly filePaths: readonly unknown[] };
  if (typeof sha !== 'string' || !COMMIT.test(sha)) {
    throw new AppError(
      'OUTBOUND_FAILED',
      `${host} does not name the commit of ${revision} of ${source.repo}.`,
      {
        host,
      },
    );
  }
  if (!filePaths.every((path) => typeof path === 'string')) {
    throw new AppError('OUTBOUND_FAILED', `${host} does not list the files of ${source.repo}.`, { host });
  }
  return { sha, filePaths };
}

/**
 * The files of the adapter, from the list of files of the repository.
 * @param folder with a trailing slash, or ''
 * @param paths empty if the server has no list, as mirrors may; then PEFT's names are used
 */
function chosen(
  { repo, filename }: ResolvedHubSource,
  folder: string,
  revision: string,
  paths: readonly string[],
): ChosenFiles {
  if (paths.length === 0) return withoutList(filename ?? WEIGHTS_FILE);
  const names = paths
    .filter((path) => path.startsWith(folder))
    .map((path) => path.slice(folder.length))
    .filter((name) => !name.includes('/'));
  if (filename === undefined) return chooseWeights(names, `${repo}${folder && `/${folder}`} at ${revision}`);
  if (names.includes(filename)) return chosenWeights(names, filename);
  throw new AppError('FILE_MISSING', `${repo} has no ${folder}${filename} at ${revision}.`, {
    missing: [filename],
    repo,
    revision,
  });
}

/** @throws AppError FILE_MISSING, SHARDS_MISMATCH if the file is only a part of the weights, whose others cannot be found */
function withoutList(filename: string): ChosenFiles {
  return { ...chosenWeights([filename], filename), config: CONFIG_FILE, card: CARD_FILE };
}
