import type { FastifyRequest } from 'fastify';
import { licenseOfCard } from '../../../adapter/card-license.ts';
import type { IncomingFile } from '../../../adapter/digested-file.ts';
import { CARD_FILE, MAX_CARD_BYTES, WEIGHTS_FILE } from '../../../adapter/file-names.ts';
import { AppError } from '../../../errors/app-error.ts';
import { MAX_CONFIG_BYTES } from '../../../formats/peft/limits.ts';
import { convertError } from '../../../http/convert-error.ts';
import {
  type BodyParts,
  largeFiles,
  MAX_JOB_BYTES,
  MAX_MULTIPART_OVERHEAD_BYTES,
} from '../../../http/multipart/body-parts.ts';
import { BodyWatch, uploadAborted } from '../../../http/multipart/body-watch.ts';
import { AlreadyAnswered } from '../../../http/stored-response.ts';
import type { Metrics } from '../../../metrics/metrics.ts';
import type { BlobStore } from '../../../storage/blob-store.ts';
import { removeScratch } from '../../../storage/scratch.ts';
import { partsDigest } from '../../idempotency/fingerprint.ts';
import { workspaceOf } from '../../own-workspace.ts';
import { checkStoredBytes } from '../../tenants/usage.ts';
import { joinPieces } from './join-pieces.ts';
import { type Reception, receivePart } from './receive-part.ts';

/** The parts that receiving an adapter needs. */
export interface UploadDependencies {
  readonly store: BlobStore;
  readonly metrics: Pick<Metrics, 'uploadEnded'>;
  readonly limits: UploadLimits;
}

export interface UploadLimits {
  /** The limit of a weights file. */
  readonly maxUploadBytes: number;
  /** An upload of which (almost) no bytes arrive for this long is refused. */
  readonly uploadIdleTimeoutMs: number;
}

/** The complete contents of a multipart body. */
export interface ReceivedUpload {
  /** In the order of BodyParts, not of their arrival. */
  readonly files: readonly IncomingFile[];
  /** The bytes of the fields that were sent, whatever their Content-Type is. */
  readonly fields: ReadonlyMap<string, Buffer>;
  /** Of the model card, if one came that names one. */
  readonly license: string | undefined;
}

export interface ReceiveAdapterOptions<T> {
  /** The parts that the body may have. */
  readonly parts: BodyParts;
  /** Uses the upload. Files that it does not move are removed. */
  readonly use: (upload: ReceivedUpload) => Promise<T>;
  /** The outcome under which an upload that was used is counted; the others are counted under their error code. */
  readonly outcomeOf: (result: T) => string;
}

/**
 * Streams the files of an adapter from a multipart body into a scratch folder, passes them to `use`, and removes the
 * folder in any case. The outcome is counted. A bad header, a limit or a stall ends the reception at once; what the
 * client still sends is discarded.
 * @throws AppError QUOTA_*, MULTIPART_MALFORMED, UPLOAD_*, *_PART, FIELD_TOO_LARGE, FILE_MISSING, ST_*, STORAGE_*, …
 * @throws AlreadyAnswered if the request has an Idempotency-Key and repeats an earlier one
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
      // What the client still sends is read and discarded until the connection ends (see connections.ts).
      request.raw.unpipe();
      request.raw.resume();
      await removeScratch(folder);
    }
    metrics.uploadEnded(outcomeOf(result), watch.bytes);
    return result;
  } catch (error) {
    const code = error instanceof AlreadyAnswered ? 'replayed' : convertError(error).code;
    metrics.uploadEnded(code, watch?.bytes ?? 0);
    throw error;
  }
}

/**
 * Refuses an upload by its Content-Length, before a byte is read, if the tenant has no room for it. If the body may
 * contain files that are not stored with the adapter, only a tenant that has already exceeded its limit is refused.
 * @throws AppError QUOTA_TOO_SMALL, QUOTA_STORED_BYTES, DATABASE_UNAVAILABLE
 */
async function checkAnnouncedRoom(request: FastifyRequest, parts: BodyParts): Promise<void> {
  const announced = Number(request.headers['content-length'] ?? 0) - MAX_MULTIPART_OVERHEAD_BYTES;
  const bytes = largeFiles(parts).length > 1 ? 0 : Math.max(0, announced);
  await checkStoredBytes(workspaceOf(request), bytes);
}

/** Refuses an upload by its Content-Length alone, before a byte is read. @throws AppError UPLOAD_TOO_LARGE */
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

/** Reads one part after the other until the body ends. */
async function collect(
  request: FastifyRequest,
  watch: BodyWatch,
  how: Pick<Reception, 'parts' | 'folder' | 'maxUploadBytes'>,
): Promise<ReceivedUpload> {
  const { parts } = how;
  const { signal } = watch;
  const newValidator = () => workspaceOf(request).adapters.newValidator();
  const reception = {
    ...how,
    signal,
    newValidator,
    files: new Map(),
    pieces: [],
    sentNames: new Map(),
    fields: new Map(),
    dropped: new Map(),
  };
  const { files, pieces, sentNames, fields, dropped }: Reception = reception;
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
  if (sentNames.size === 0 && fields.size === 0) {
    throw new AppError(
      'MULTIPART_MALFORMED',
      'The body has no readable part: each part must start with the boundary and a Content-Disposition that has a name.',
    );
  }
  watch.finish();
  // A complete weights file may come with the index of the shards that it was joined from.
  if (pieces.length > 0 && !files.has(WEIGHTS_FILE))
    files.set(WEIGHTS_FILE, await joinPieces(pieces, how.folder));
  const missing = parts.files.filter((name) => !files.has(name));
  if (missing.length > 0) {
    throw new AppError('FILE_MISSING', `The upload lacks ${missing.join(' and ')}.`, { missing });
  }
  const known = [...parts.files, ...parts.optionalFiles];
  const card = dropped.get(CARD_FILE);
  return {
    files: known.flatMap((name) => files.get(name) ?? []),
    fields,
    license: card && licenseOfCard(card.toString('utf8')),
  };
}

/**
 * Every part arrives as bytes. Otherwise the parser would decode fields, whatever their bytes are, and would parse the
 * parts whose Content-Type is JSON by itself.
 */
const parserOptions = ({ maxParts }: BodyParts) => ({
  isPartAFile: () => true,
  limits: { parts: maxParts, files: maxParts },
});

/** Converts what the multipart parser throws besides its FST_* errors: plain errors about the body, or about its early end. */
function multipartError(error: unknown, request: FastifyRequest): unknown {
  if (error instanceof AppError || !(error instanceof Error)) return error;
  const { code, message, name } = error as NodeJS.ErrnoException;
  if (request.raw.destroyed && !request.raw.complete) return uploadAborted(error);
  // A TypeError and the like are faults of the service, not of the client.
  if (code?.startsWith('FST_') || name !== 'Error') return error;
  return new AppError(
    'MULTIPART_MALFORMED',
    `The multipart body cannot be read: ${message}.`,
    {},
    { cause: error },
  );
}

/**
 * Looks up the Idempotency-Key once the body has been received, because only then is its content known.
 * @throws AlreadyAnswered; AppError IDEMPOTENCY_MISMATCH
 */
async function answeredBefore({ idempotent }: FastifyRequest, upload: ReceivedUpload): Promise<void> {
  if (!idempotent) return;
  await idempotent.bodyKnown(partsDigest(upload.files, upload.fields));
  if (idempotent.replay) throw new AlreadyAnswered(idempotent.replay);
}
