import type { HubSource, S3Source, Source, SourcePrefix } from '../../contract/transfer.ts';
import { AppError } from '../../errors/app-error.ts';
import { invalidField } from '../../errors/field-errors.ts';
import { withConnectionRoute } from '../../transfer/connection-route.ts';
import { readSourceText } from '../../transfer/place-text.ts';
import { resolveSource } from '../../transfer/resolve-endpoints.ts';
import type { EndpointRecorder, EndpointRecorderParts } from './endpoint-recorder.ts';

/** An adapter below a prefix. */
export interface AdapterBelow {
  /** Its path below the prefix, without a file ending; it differs from the names of all others. */
  readonly name: string;
  readonly source: Source;
}

/** How long a listing may take, because a client waits for it. */
const DEADLINE_MS = 120_000;

/**
 * The adapters below a prefix, in the order of their paths. Each uses the same connection as the prefix.
 * @param deadlineMs shorter in tests
 * @throws AppError VALIDATION_FAILED, OUTBOUND_*, CONNECTION_*, SECRETS_* for a prefix that cannot be listed;
 *   SOURCE_UNAVAILABLE if it can perhaps be listed later
 */
export async function adaptersBelow(
  prefix: SourcePrefix,
  recorder: EndpointRecorder,
  parts: EndpointRecorderParts,
  deadlineMs = DEADLINE_MS,
): Promise<AdapterBelow[]> {
  const folder = parsePrefix(prefix);
  const recorded = await recorder.source(folder);
  const access = await recorder.access(recorded);
  const late = new AbortController();
  const seconds = deadlineMs / 1000;
  const timer = setTimeout(
    () => late.abort(unavailable(`${recorded.place} could not be listed within ${seconds} s.`)),
    deadlineMs,
  );
  try {
    const source = resolveSource(recorded, { access, box: parts.box, hubToken: parts.hubToken });
    // The SDK of S3 is large, and most processes list nothing.
    const { listAdapters } = await import('../../transfer/list-adapters.ts');
    const found = await withConnectionRoute(access, parts, (route) =>
      listAdapters(source, { ...route, signal: late.signal }),
    );
    return found.map(({ path, name }) => ({
      name: name === '' ? lastOf(folder) : name,
      source: below(folder, path, recorded.connection),
    }));
  } catch (error) {
    if (error instanceof AppError && error.retryable) throw unavailable(error.message);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** Reads a prefix as a folder. @throws AppError VALIDATION_FAILED */
export function parsePrefix(prefix: SourcePrefix): S3Source | HubSource {
  const folder = typeof prefix === 'string' ? readSourceText(prefix) : prefix;
  if ('url' in folder) throw invalidField('', 'a prefix must begin with s3:// or hf://');
  const file = folder.kind === 's3' ? folder.weights : folder.filename;
  if (file === undefined) return folder;
  throw invalidField('', `the prefix names the file ${JSON.stringify(file)}; it must be a folder`);
}

/** The source of an adapter below the folder: a folder, or a weights file. */
function below(folder: S3Source | HubSource, path: string, connection: string | undefined): Source {
  const slash = path.lastIndexOf('/');
  const isFile = /\.(?:safetensors|gguf)$/.test(path);
  const inside = isFile ? path.slice(0, Math.max(slash, 0)) : path;
  const file = isFile ? path.slice(slash + 1) : undefined;
  const through = connection === undefined ? {} : { connection };
  if (folder.kind === 's3') {
    const prefix = joined(folder.prefix.replace(/\/+$/, ''), inside);
    return { ...folder, ...through, prefix, ...(file !== undefined && { weights: file }) };
  }
  const subfolder = joined(folder.subfolder ?? '', inside);
  return {
    ...{ ...folder, ...through },
    ...(subfolder !== '' && { subfolder }),
    ...(file !== undefined && { filename: file }),
  };
}

const joined = (...parts: readonly string[]): string => parts.filter(Boolean).join('/');

const lastOf = (folder: S3Source | HubSource): string => {
  const path =
    folder.kind === 's3' ? joined(folder.bucket, folder.prefix) : joined(folder.repo, folder.subfolder ?? '');
  return path.split('/').filter(Boolean).at(-1)!;
};

const unavailable = (message: string): AppError => new AppError('SOURCE_UNAVAILABLE', message);
