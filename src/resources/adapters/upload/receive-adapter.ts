import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FastifyRequest } from 'fastify';
import type { IncomingFile } from '../../../adapter/digested-file.ts';
import { WEIGHTS_FILE } from '../../../adapter/file-names.ts';
import { isShardIndexName, readShardName } from '../../../adapter/shard-names.ts';
import { AppError } from '../../../errors/app-error.ts';
import { MAX_CONFIG_BYTES } from '../../../formats/peft/limits.ts';
import { appErrorOf } from '../../../http/app-error-of.ts';
import {
  type BodyParts,
  largeFiles,
  MAX_CARD_BYTES,
  MAX_JOB_BYTES,
  MAX_MULTIPART_OVERHEAD_BYTES,
} from '../../../http/multipart/body-parts.ts';
import { BodyWatch, uploadAborted } from '../../../http/multipart/body-watch.ts';
import { AnsweredBefore } from '../../../http/stored-answer.ts';
import type { Metrics } from '../../../metrics/metrics.ts';
import { hashFile } from '../../../squeeze/hash-file.ts';
import { joinShards } from '../../../squeeze/join-shards.ts';
import type { BlobStore } from '../../../storage/blob-store.ts';
import { removeScratch } from '../../../storage/scratch.ts';
import { partsDigest } from '../../idempotency/fingerprint.ts';
import { workspaceOf } from '../../own-workspace.ts';
import { checkStoredBytes } from '../../tenants/usage.ts';
import { type Reception, receivePart } from './receive-part.ts';

/** What it takes to receive an adapter. */
export interface UploadDependencies {
  readonly store: BlobStore;
  readonly metrics: Pick<Metrics, 'uploadEnded'>;
  readonly limits: UploadLimits;
}

export interface UploadLimits {
  /** Largest weights file. */
  readonly maxUploadBytes: number;
  /** An upload from which (almost) nothing comes for this long is refused. */
  readonly uploadIdleTimeoutMs: number;
}

/** What came in one multipart body, complete. */
export interface ReceivedUpload {
  /** In the order of BodyParts, not of arrival. */
  readonly files: readonly IncomingFile[];
  /** The bytes of the fields that were sent, whatever type a part says it has. */
  readonly fields: ReadonlyMap<string, Buffer>;
}

export interface ReceiveAdapterOptions<T> {
  /** What the body may have. */
  readonly parts: BodyParts;
  /** What is done with it. Files that it leaves where they are are removed. */
  readonly use: (upload: ReceivedUpload) => Promise<T>;
  /** How an upload that was used is counted; others count as their code. */
  readonly outcomeOf: (result: T) => string;
}

/**
 * Streams an adapter's files from a multipart body into a scratch folder, hands them to `use`, and removes the
 * folder whatever happens; counts how that ended. A bad header, a limit or a stall ends it at once; what the client still
 * sends is discarded.
 * @throws AppError QUOTA_*, MULTIPART_MALFORMED, UPLOAD_*, *_PART, FIELD_TOO_LARGE, FILE_MISSING, ST_*, STORAGE_*, …
 * @throws AnsweredBefore when the request has an Idempotency-Key, and is a repetition
 */
export async function receiveAdapter<T>(
  request: FastifyRequest,
  { store, metrics, limits }: UploadDependencies,
  { parts, use, outcomeOf }: ReceiveAdapterOptions<T>,
): Promise<T> {
  let watch: BodyWatch | undefined;
  try {
    await checkAnnouncedRoom(request, parts);
    refuseAnnouncedSize(request, parts, limits.maxUploadBytes);
    const folder = await store.makeScratch();
    let result: T;
    try {
      watch = new BodyWatch(request.raw, limits.uploadIdleTimeoutMs);
      const upload = await collect(request, watch, { parts, folder, maxUploadBytes: limits.maxUploadBytes });
      await answeredBefore(request, upload);
      result = await use(upload);
    } finally {
      watch?.close();
      // Further bytes of the client are read and discarded until the connection ends (see connections.ts).
      request.raw.unpipe();
      request.raw.resume();
      await removeScratch(folder);
    }
    metrics.uploadEnded(outcomeOf(result), watch.bytes);
    return result;
  } catch (error) {
    const code = error instanceof AnsweredBefore ? 'replayed' : appErrorOf(error).code;
    metrics.uploadEnded(code, watch?.bytes ?? 0);
    throw error;
  }
}

/**
 * Refuses an upload by its Content-Length where the tenant has no room for it, before a byte is taken. Where files may
 * come that are not stored as the adapter's, only a tenant that has exceeded its limit is refused.
 * @throws AppError QUOTA_TOO_SMALL, QUOTA_STORED_BYTES, DATABASE_UNAVAILABLE
 */
async function checkAnnouncedRoom(request: FastifyRequest, parts: BodyParts): Promise<void> {
  const announced = Number(request.headers['content-length'] ?? 0) - MAX_MULTIPART_OVERHEAD_BYTES;
  const bytes = largeFiles(parts).length > 1 ? 0 : Math.max(0, announced);
  await checkStoredBytes(workspaceOf(request), bytes);
}

/** Refuses by Content-Length alone, before a byte of the body is kept. @throws AppError UPLOAD_TOO_LARGE */
function refuseAnnouncedSize(request: FastifyRequest, parts: BodyParts, maxUploadBytes: number): void {
  const bytes = Number(request.headers['content-length'] ?? 0);
  const large = largeFiles(parts);
  const small =
    MAX_CONFIG_BYTES +
    MAX_JOB_BYTES +
    MAX_MULTIPART_OVERHEAD_BYTES +
    parts.droppedFiles.length * MAX_CARD_BYTES;
  const limit = large.length * maxUploadBytes + small;
  if (bytes <= limit) return;
  throw new AppError(
    'UPLOAD_TOO_LARGE',
    `The upload has ${bytes} bytes; the limit for ${large.join(' and ')} is ${maxUploadBytes} bytes${large.length > 1 ? ' each' : ''}.`,
    {
      bytes,
      limit_bytes: maxUploadBytes,
    },
  );
}

/** Reads part after part until the body ends. */
async function collect(
  request: FastifyRequest,
  watch: BodyWatch,
  how: Pick<Reception, 'parts' | 'folder' | 'maxUploadBytes'>,
): Promise<ReceivedUpload> {
  const { parts } = how;
  const { signal } = watch;
  const openGate = () => workspaceOf(request).adapters.openGate();
  const reception = {
    ...how,
    signal,
    openGate,
    files: new Map(),
    pieces: [],
    called: new Map(),
    fields: new Map(),
  };
  const { files, pieces, called, fields }: Reception = reception;
  try {
    const sent = request.parts(parserOptions(parts))[Symbol.asyncIterator]();
    for (;;) {
      const { done, value: part } = await watch.race(sent.next());
      if (done) break;
      // Fields arrive like files (see parserOptions); there are no other types of parts.
      if (part.type === 'file') await receivePart(part, reception);
    }
  } catch (error) {
    throw multipartError(error, request);
  }
  if (called.size === 0 && fields.size === 0) {
    throw new AppError(
      'MULTIPART_MALFORMED',
      'The body has no readable part: each part must start with the boundary and a Content-Disposition that has a name.',
    );
  }
  watch.finish();
  // An index may lie beside weights that are whole again.
  if (pieces.length > 0 && !files.has(WEIGHTS_FILE))
    files.set(WEIGHTS_FILE, await joinPieces(pieces, how.folder));
  const missing = parts.files.filter((name) => !files.has(name));
  if (missing.length > 0) {
    throw new AppError('FILE_MISSING', `The upload lacks ${missing.join(' and ')}.`, { missing });
  }
  const known = [...parts.files, ...parts.optionalFiles];
  return { files: known.flatMap((name) => files.get(name) ?? []), fields };
}

/**
 * The weights of which several files came, as one.
 * @throws AppError FILE_MISSING, SHARDS_MISMATCH, ST_*, STORAGE_*
 */
async function joinPieces(pieces: readonly IncomingFile[], folder: string): Promise<IncomingFile> {
  const [index, other] = pieces.filter(({ name }) => isShardIndexName(name));
  if (other)
    throw new AppError('DUPLICATE_PART', 'Two shard indexes were sent; send only one.', {
      name: other.name,
    });
  const files = pieces.filter(({ name }) => !isShardIndexName(name));
  const [first] = files;
  if (!first)
    throw new AppError('FILE_MISSING', `${index!.name} was sent without the shards that it names.`, {
      missing: ['weights'],
    });
  const path = join(folder, WEIGHTS_FILE);
  await joinShards(
    { files, index: index ? { name: index.name, bytes: await readFile(index.path) } : null },
    path,
  );
  const sentAs = `${readShardName(first.name)!.base}.safetensors`;
  return { name: WEIGHTS_FILE, path, ...(await hashFile(path)), sentAs };
}

/**
 * Every part is handed over as bytes. The parser would decode fields, whatever their bytes are, and read JSON itself
 * where a part says that it is some.
 */
const parserOptions = ({ maxParts }: BodyParts) => ({
  isPartAFile: () => true,
  limits: { parts: maxParts, files: maxParts },
});

/** What the multipart parser throws besides its FST_* errors: plain errors about the body, or about its early end. */
function multipartError(error: unknown, request: FastifyRequest): unknown {
  if (error instanceof AppError || !(error instanceof Error)) return error;
  const { code, message, name } = error as NodeJS.ErrnoException;
  if (request.raw.destroyed && !request.raw.complete) return uploadAborted(error);
  // A TypeError and its like are mistakes of ours, not of the client.
  if (code?.startsWith('FST_') || name !== 'Error') return error;
  return new AppError(
    'MULTIPART_MALFORMED',
    `The multipart body cannot be read: ${message}.`,
    {},
    { cause: error },
  );
}

/**
 * The content of the body is only known now.
 * @throws AnsweredBefore; AppError IDEMPOTENCY_MISMATCH
 */
async function answeredBefore({ idempotent }: FastifyRequest, upload: ReceivedUpload): Promise<void> {
  if (!idempotent) return;
  await idempotent.bodyKnown(partsDigest(upload.files, upload.fields));
  if (idempotent.replay) throw new AnsweredBefore(idempotent.replay);
}
