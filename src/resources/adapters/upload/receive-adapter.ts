import { rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { MultipartFile } from '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import { CONFIG_FILE, WEIGHTS_FILE } from '../../../adapter/file-names.ts';
import type { Gate } from '../../../bytes/gate.ts';
import { AppError } from '../../../errors/app-error.ts';
import { type BodyParts, largeFiles, REQUEST_FIELD } from '../../../http/multipart/body-parts.ts';
import { BodyWatch } from '../../../http/multipart/body-watch.ts';
import { dropFile } from '../../../http/multipart/drop-file.ts';
import {
  MAX_CARD_BYTES,
  MAX_MULTIPART_OVERHEAD_BYTES,
  MAX_REQUEST_FIELD_BYTES,
} from '../../../http/multipart/limits.ts';
import { duplicate, multipartError, twoWeights } from '../../../http/multipart/multipart-error.ts';
import { AnsweredBefore } from '../../../http/stored-answer.ts';
import type { BlobStore } from '../../../storage/blob-store.ts';
import { partsDigest } from '../../idempotency/fingerprint.ts';
import { type IncomingFile, MAX_CONFIG_BYTES } from '../service.ts';
import { namedGate, pickleGate } from './named-gate.ts';
import { fileNameOf, unexpectedField } from './part-name.ts';
import { saveFile } from './save-file.ts';

export interface UploadContext {
  readonly store: Pick<BlobStore, 'makeScratch'>;
  readonly openGate: () => Gate;
  readonly maxUploadBytes: number;
  readonly uploadIdleTimeoutMs: number;
  /** Called at the end, good or bad, with the bytes of the body that came. */
  readonly onEnd: (bytes: number) => void;
}

/** What came in one multipart body, complete. */
export interface ReceivedUpload {
  /** In the order of BodyParts, not of arrival. */
  readonly files: readonly IncomingFile[];
  /** The bytes of the fields that were sent, whatever type a part says it has. */
  readonly fields: ReadonlyMap<string, Buffer>;
}

/**
 * Streams an adapter's files from a multipart body into a scratch folder, hands them to `use`, and removes the
 * folder whatever happens. A bad header, a limit or a stall ends it at once; what the client still sends is discarded.
 * @param parts what the body may have
 * @throws AppError MULTIPART_MALFORMED, UPLOAD_*, *_PART, FIELD_TOO_LARGE, FILE_MISSING, ST_*, STORAGE_*, …
 * @throws AnsweredBefore when the request has an Idempotency-Key, and is a repetition
 */
export async function receiveAdapter<T>(
  request: FastifyRequest,
  context: UploadContext,
  parts: BodyParts,
  use: (upload: ReceivedUpload) => Promise<T>,
): Promise<T> {
  refuseAnnouncedSize(request, context.maxUploadBytes, parts);
  const folder = await context.store.makeScratch();
  let watch: BodyWatch | undefined;
  try {
    watch = new BodyWatch(request.raw, context.uploadIdleTimeoutMs);
    const upload = await collect(request, context, watch, folder, parts);
    await answeredBefore(request, upload);
    return await use(upload);
  } finally {
    watch?.close();
    context.onEnd(watch?.bytes ?? 0);
    // Whoever still sends is read and forgotten until the connection ends (see connections.ts).
    request.raw.unpipe();
    request.raw.resume();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Only now is it known what the body brings. @throws AnsweredBefore; AppError IDEMPOTENCY_MISMATCH */
async function answeredBefore({ idempotent }: FastifyRequest, upload: ReceivedUpload): Promise<void> {
  if (!idempotent) return;
  await idempotent.bodyKnown(partsDigest(upload.files, upload.fields));
  if (idempotent.replay) throw new AnsweredBefore(idempotent.replay);
}

/** Reads part after part until the body ends. */
async function collect(
  request: FastifyRequest,
  context: UploadContext,
  watch: BodyWatch,
  folder: string,
  parts: BodyParts,
): Promise<ReceivedUpload> {
  const files = new Map<string, IncomingFile>();
  /** What clients called the files that came, under our names; also of those that were dropped. */
  const called = new Map<string, string>();
  const fields = new Map<string, Buffer>();
  try {
    const sent = request.parts(parserOptions(parts))[Symbol.asyncIterator]();
    for (;;) {
      const { done, value: part } = await watch.race(sent.next());
      if (done) break;
      // Fields come as files do (see parserOptions); there is no part of another type.
      if (part.type !== 'file') continue;
      if (isField(parts, part.fieldname))
        fields.set(part.fieldname, await receiveField(part, parts, fields, watch));
      else {
        const file = await receiveFile(part, parts, called, context, watch, folder);
        if (file) files.set(file.name, file);
      }
    }
  } catch (error) {
    throw multipartError(error, request);
  }
  if (called.size === 0 && fields.size === 0) {
    throw new AppError(
      'MULTIPART_MALFORMED',
      'The body has no part that can be read: each part starts with the boundary and a Content-Disposition with a name.',
    );
  }
  watch.finish();
  const missing = parts.files.filter((name) => !files.has(name));
  if (missing.length > 0) {
    throw new AppError('FILE_MISSING', `The upload lacks ${missing.join(' and ')}.`, { missing });
  }
  const known = [...parts.files, ...parts.optionalFiles];
  return { files: known.flatMap((name) => files.get(name) ?? []), fields };
}

/**
 * Every part is handed over as bytes. The parser would decode fields, whatever their bytes are, and read JSON itself
 * where a part says that it is some.
 */
const parserOptions = ({ maxParts }: BodyParts) => ({
  isPartAFile: () => true,
  limits: { parts: maxParts, files: maxParts },
});

/** `request` is one everywhere, to be refused as such where it does not belong. */
const isField = ({ fields }: BodyParts, name: string): boolean =>
  name === REQUEST_FIELD || fields.includes(name);

/** @throws AppError UNEXPECTED_PART, DUPLICATE_PART, FIELD_TOO_LARGE */
async function receiveField(
  { fieldname, file }: MultipartFile,
  parts: BodyParts,
  before: ReadonlyMap<string, Buffer>,
  { signal }: BodyWatch,
): Promise<Buffer> {
  file.on('error', () => {});
  try {
    if (!parts.fields.includes(fieldname)) throw unexpectedField(parts, fieldname);
    if (before.has(fieldname)) throw duplicate(fieldname);
    return await readField(fieldname, file, signal);
  } catch (error) {
    file.destroy();
    throw error;
  }
}

async function receiveFile(
  part: MultipartFile,
  parts: BodyParts,
  called: Map<string, string>,
  context: UploadContext,
  watch: BodyWatch,
  folder: string,
): Promise<IncomingFile | undefined> {
  // The parser destroys the stream with an error when the body ends early; saveFile tells of it, if it got that far.
  part.file.on('error', () => {});
  try {
    const name = fileNameOf(parts, part.fieldname, part.filename);
    const before = called.get(name);
    const sent = part.filename || part.fieldname;
    if (before !== undefined)
      throw name === WEIGHTS_FILE && before !== sent ? twoWeights(before, sent) : duplicate(name);
    called.set(name, sent);
    if (parts.droppedFiles.includes(name)) {
      await dropFile(name, part.file, watch.signal);
      return undefined;
    }
    const limits = limitsOf(name, sent, context);
    const saved = await saveFile(name, part.file, { folder, signal: watch.signal, ...limits });
    return { ...saved, ...(part.filename && { sentAs: part.filename }) };
  } catch (error) {
    part.file.destroy();
    throw error;
  }
}

/** The configuration is small JSON; everything else is tensors. @param sent what the client called it */
function limitsOf(name: string, sent: string, { maxUploadBytes, openGate }: UploadContext) {
  if (name === CONFIG_FILE) return { maxBytes: MAX_CONFIG_BYTES, tooLarge: 'CONFIG_TOO_LARGE' as const };
  const gate = name === WEIGHTS_FILE ? pickleGate(sent, openGate()) : namedGate(name, openGate());
  return { maxBytes: maxUploadBytes, tooLarge: 'UPLOAD_TOO_LARGE' as const, gate };
}

/** Refuses by Content-Length alone, before a byte of the body is kept. */
function refuseAnnouncedSize(request: FastifyRequest, maxUploadBytes: number, parts: BodyParts): void {
  const bytes = Number(request.headers['content-length'] ?? 0);
  const large = largeFiles(parts);
  const small =
    MAX_CONFIG_BYTES +
    MAX_REQUEST_FIELD_BYTES +
    MAX_MULTIPART_OVERHEAD_BYTES +
    parts.droppedFiles.length * MAX_CARD_BYTES;
  const limit = large.length * maxUploadBytes + small;
  if (bytes <= limit) return;
  throw new AppError(
    'UPLOAD_TOO_LARGE',
    `The upload has ${bytes} bytes; ${large.join(' and ')} may have ${maxUploadBytes}${large.length > 1 ? ' each' : ''}.`,
    {
      bytes,
      limit_bytes: maxUploadBytes,
    },
  );
}

async function readField(name: string, part: Readable, signal: AbortSignal): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const keep = async (source: AsyncIterable<Buffer>): Promise<void> => {
    for await (const chunk of source) {
      bytes += chunk.length;
      if (bytes > MAX_REQUEST_FIELD_BYTES) throw fieldTooLarge(name);
      chunks.push(chunk);
    }
  };
  try {
    await pipeline(part, keep, { signal });
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  }
  return Buffer.concat(chunks);
}

const fieldTooLarge = (name: string): AppError =>
  new AppError('FIELD_TOO_LARGE', `The part "${name}" is larger than ${MAX_REQUEST_FIELD_BYTES} bytes.`, {
    field: name,
    limit_bytes: MAX_REQUEST_FIELD_BYTES,
  });
