import { addAbortSignal } from 'node:stream';
import { licenseOfCard } from '../adapter/card-license.ts';
import type { LocalFile } from '../adapter/digested-file.ts';
import { CARD_FILE, CONFIG_FILE, MAX_CARD_BYTES, roleOf, WEIGHTS_FILE } from '../adapter/file-names.ts';
import { isShardIndexName } from '../adapter/shard-names.ts';
import type { StreamValidator } from '../bytes/stream-validator.ts';
import type { Import } from '../contract/transfer.ts';
import { AppError } from '../errors/app-error.ts';
import type { Outbound } from '../net/outbound.ts';
import { HttpFile } from './http-file.ts';
import { findOnHub } from './hub/hub-source.ts';
import { totalBytes, withoutPaths } from './local-file.ts';
import { type ReceiveOptions, type RemoteFile, receiveFile } from './receive-file.ts';
import type { ResolvedSource } from './resolved-endpoints.ts';
import { withRetries } from './retries.ts';
import { openClient } from './s3/s3-client.ts';
import { findInBucket, S3File } from './s3/s3-source.ts';
import { checkUrlFiles, endpointText, urlFile } from './transfer-endpoints.ts';
import { type OnProgress, TransferProgress } from './transfer-progress.ts';

/** Long enough for a store that must wake up, short enough to notice a dead server. */
export const DEFAULT_STALL_TIMEOUT_MS = 60_000;

export interface FetchOptions {
  readonly outbound: Outbound;
  /** An empty folder, which the caller removes in any case. */
  readonly folder: string;
  readonly limits: {
    /** The limit of the weights, which may be in several files. */
    readonly maxUploadBytes: number;
    readonly maxConfigBytes: number;
    /** The limit of an index, which names the file of each tensor. */
    readonly maxIndexBytes: number;
  };
  /** The URL of the Hub, without a trailing slash. */
  readonly hubEndpoint: string;
  /** Creates the validator for arriving weights; called again if they start over. */
  readonly validator?: () => StreamValidator;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
  readonly stallTimeoutMs?: number;
}

export interface Fetched {
  /** The weights, which may be in several files with an index, and the configuration if there is one: in `folder`. */
  readonly files: readonly LocalFile[];
  /** The license that the model card of the adapter names, if there is a card and it names one. */
  readonly license: string | undefined;
  readonly imported: Import;
}

interface Opened {
  /** The model card and the configuration first. */
  readonly files: readonly RemoteFile[];
  readonly commit: string | null;
  close(): void;
}

/**
 * Fetches the files of an adapter from a source into a folder.
 * @throws AppError OUTBOUND_*, FILE_MISSING, PICKLE_REFUSED, UPLOAD_TOO_LARGE, CONFIG_TOO_LARGE,
 *   TRANSFER_DIGEST_MISMATCH, STORAGE_*, the errors of the validator; the reason of the signal
 */
export async function fetchAdapter(source: ResolvedSource, options: FetchOptions): Promise<Fetched> {
  const { folder, signal, stallTimeoutMs = DEFAULT_STALL_TIMEOUT_MS, hubEndpoint } = options;
  signal?.throwIfAborted();
  const opened = await openSourceFiles(source, options, stallTimeoutMs);
  const [card] = opened.files.filter(isCard);
  const parts = opened.files.filter((file) => !isCard(file));
  const sizes = Object.fromEntries(parts.map(({ name }) => [name, undefined]));
  const progress = new TransferProgress(sizes, options.onProgress);
  const files: LocalFile[] = [];
  let license: string | undefined;
  try {
    license = card && (await licenseIn(card, options, stallTimeoutMs));
    for (const file of parts) {
      const isConfig = roleOf(file.name) === 'config';
      const mayBeMissing = isConfig && source.kind === 'url' && source.guessesConfig === true;
      const received = await receiveFile(file, {
        folder,
        storedAs: isConfig ? 'config' : `weights-${files.length}`,
        ...limitsOf(file.name, files, options),
        stallTimeoutMs,
        signal,
        onBytes: (done, total) => progress.set(file.name, done, total),
      }).catch((error: unknown) => {
        if (mayBeMissing && isMissing(error)) return undefined;
        throw error;
      });
      if (!received) {
        progress.set(file.name, 0, 0);
        continue;
      }
      files.push(received);
    }
  } finally {
    opened.close();
  }
  // The weights come first, as in uploads.
  files.sort((one, other) => Number(roleOf(one.name) === 'config') - Number(roleOf(other.name) === 'config'));
  return {
    files,
    license,
    imported: {
      kind: source.kind,
      place: endpointText(source, hubEndpoint),
      revision: source.kind === 'hub' ? (source.revision ?? 'main') : null,
      commit: opened.commit,
      bytes: totalBytes(files),
      files: withoutPaths(files),
      finished_at: new Date().toISOString(),
    },
  };
}

/** @param before the files that have already been received */
function limitsOf(
  name: string,
  before: readonly LocalFile[],
  { limits, validator }: Pick<FetchOptions, 'limits' | 'validator'>,
): Pick<ReceiveOptions, 'maxBytes' | 'tooLarge' | 'newValidator'> {
  if (roleOf(name) === 'config') return { maxBytes: limits.maxConfigBytes, tooLarge: 'CONFIG_TOO_LARGE' };
  const tooLarge = 'UPLOAD_TOO_LARGE' as const;
  if (isShardIndexName(name)) return { maxBytes: limits.maxIndexBytes, tooLarge };
  const taken = before.filter((file) => roleOf(file.name) === 'weights');
  return {
    maxBytes: Math.max(0, limits.maxUploadBytes - totalBytes(taken)),
    tooLarge,
    newValidator: validator,
  };
}

const isCard = ({ name }: Pick<RemoteFile, 'name'>): boolean => roleOf(name) === 'card';

/** The license that a model card names. An adapter needs no card: one that cannot be read is none. */
async function licenseIn(
  card: RemoteFile,
  { signal }: FetchOptions,
  stallTimeoutMs: number,
): Promise<string | undefined> {
  try {
    return licenseOfCard(await withRetries(() => beginningOf(card, stallTimeoutMs, signal), signal));
  } catch {
    signal?.throwIfAborted();
    return undefined;
  }
}

/** The first bytes of a model card, which is where it names the license, as text. */
async function beginningOf(
  card: RemoteFile,
  stallTimeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<string> {
  const { name, host } = card;
  const { stream } = await card.open(0, signal);
  if (signal) addAbortSignal(signal, stream);
  const stalled = () =>
    stream.destroy(new AppError('OUTBOUND_FAILED', `${host} stopped sending ${name}.`, { host, file: name }));
  const stall = setTimeout(stalled, stallTimeoutMs);
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.byteLength;
      if (bytes >= MAX_CARD_BYTES) break;
      stall.refresh();
    }
  } finally {
    clearTimeout(stall);
    stream.destroy();
  }
  return Buffer.concat(chunks).toString('utf8', 0, MAX_CARD_BYTES);
}

/**
 * Statuses for a file that does not exist, including those of servers that do not distinguish it from a forbidden
 * one.
 */
const MISSING_STATUSES = [403, 404, 410];
const isMissing = (error: unknown): boolean =>
  error instanceof AppError &&
  error.code === 'OUTBOUND_REFUSED' &&
  MISSING_STATUSES.includes(error.context.status as number);

async function openSourceFiles(
  source: ResolvedSource,
  options: FetchOptions,
  stallTimeoutMs: number,
): Promise<Opened> {
  const { outbound, hubEndpoint, signal } = options;
  switch (source.kind) {
    case 'url': {
      checkUrlFiles(source);
      const open = (name: string) => {
        const file = urlFile(source, roleOf(name));
        const { secretHeaders } = source;
        return file ? [new HttpFile(outbound, { name, ...file, secretHeaders, stallTimeoutMs })] : [];
      };
      return { files: [CARD_FILE, CONFIG_FILE, WEIGHTS_FILE].flatMap(open), commit: null, close: () => {} };
    }
    case 's3': {
      const client = openClient(source, outbound, stallTimeoutMs);
      try {
        const { weights, config, card } = await findInBucket(client, source, signal);
        const names = [card, config, ...weights].filter((name) => name !== null);
        const files = names.map((name) => new S3File(client, source, name));
        return { files, commit: null, close: () => client.destroy() };
      } catch (error) {
        client.destroy();
        throw error;
      }
    }
    case 'hub': {
      const { repo, token } = source;
      const found = await findOnHub(source, { outbound, hubEndpoint, repo, token, signal, stallTimeoutMs });
      return { ...found, close: () => {} };
    }
  }
}
