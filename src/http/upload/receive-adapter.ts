import { rm } from 'node:fs/promises';
import type { Multipart } from '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import { AppError } from '../../errors.ts';
import {
  type IncomingFile,
  MAX_CONFIG_BYTES,
  WEIGHTS_FILE,
  type WeightsGate,
} from '../../service/adapter-service.ts';
import type { BlobStore } from '../../storage/blob-store.ts';
import { BodyWatch } from './body-watch.ts';
import { MAX_MULTIPART_OVERHEAD_BYTES, MAX_REQUEST_FIELD_BYTES } from './limits.ts';
import { FILE_NAMES, fileNameOf, REQUEST_FIELD } from './part-name.ts';
import { saveFile } from './save-file.ts';

export interface UploadContext {
  readonly store: Pick<BlobStore, 'makeScratch'>;
  readonly openGate: () => WeightsGate;
  readonly maxUploadBytes: number;
  readonly uploadIdleTimeoutMs: number;
  /** Called at the end, good or bad, with the bytes of the body that came. */
  readonly onEnd: (bytes: number) => void;
}

/** What came in one multipart body, complete. */
export interface ReceivedUpload {
  readonly files: readonly IncomingFile[];
  /** The `request` part: a string, or already parsed where the part said it is JSON. undefined where not sent. */
  readonly request: unknown;
}

/**
 * Streams an adapter's files from a multipart body into a scratch folder, hands them to `use`, and removes the
 * folder whatever happens. A bad header, a limit or a stall ends it at once; what the client still sends is discarded.
 * @param allowRequestField whether a `request` part may come along
 * @throws AppError MULTIPART_MALFORMED, UPLOAD_*, *_PART, FIELD_TOO_LARGE, FILE_MISSING, ST_*, STORAGE_*, …
 */
export async function receiveAdapter<T>(
  request: FastifyRequest,
  context: UploadContext,
  allowRequestField: boolean,
  use: (upload: ReceivedUpload) => Promise<T>,
): Promise<T> {
  refuseAnnouncedSize(request, context.maxUploadBytes);
  const folder = await context.store.makeScratch();
  let watch: BodyWatch | undefined;
  try {
    watch = new BodyWatch(request.raw, context.uploadIdleTimeoutMs);
    const upload = await collect(request, context, watch, folder, allowRequestField);
    return await use(upload);
  } finally {
    watch?.close();
    context.onEnd(watch?.bytes ?? 0);
    // Whoever still sends is read and forgotten until the connection ends (see plugins/linger.ts).
    request.raw.unpipe();
    request.raw.resume();
    await rm(folder, { recursive: true, force: true });
  }
}

async function collect(
  request: FastifyRequest,
  context: UploadContext,
  watch: BodyWatch,
  folder: string,
  allowRequestField: boolean,
): Promise<ReceivedUpload> {
  const files = new Map<string, IncomingFile>();
  let field: unknown;
  let parts = 0;
  const iterator = request.parts()[Symbol.asyncIterator]();
  for (;;) {
    const next = await watch
      .race(iterator.next())
      .catch((error) => Promise.reject(multipartError(error, request)));
    if (next.done) break;
    parts++;
    const part = next.value;
    if (part.type === 'field' && allowRequestField && part.fieldname === REQUEST_FIELD) {
      if (field !== undefined) throw duplicate(REQUEST_FIELD);
      field = requestField(part);
      continue;
    }
    if (part.type === 'field') throw unexpectedField(part.fieldname);
    part.file.on('error', () => {});
    try {
      const name = fileNameOf(part.fieldname, part.filename);
      if (files.has(name)) throw duplicate(name);
      const options = { folder, signal: watch.signal, ...limitsOf(name, context) };
      files.set(name, await saveFile(name, part.file, options));
    } catch (error) {
      part.file.destroy();
      throw multipartError(error, request);
    }
  }
  if (parts === 0) {
    throw new AppError(
      'MULTIPART_MALFORMED',
      'The body has no part that can be read: each part starts with the boundary and a Content-Disposition with a name.',
    );
  }
  watch.finish();
  const missing = FILE_NAMES.filter((name) => !files.has(name));
  if (missing.length > 0) {
    throw new AppError('FILE_MISSING', `The upload lacks ${missing.join(' and ')}.`, { missing });
  }
  return { files: FILE_NAMES.map((name) => files.get(name)!), request: field };
}

function limitsOf(name: string, { maxUploadBytes, openGate }: UploadContext) {
  return name === WEIGHTS_FILE
    ? { maxBytes: maxUploadBytes, tooLarge: 'UPLOAD_TOO_LARGE' as const, gate: openGate() }
    : { maxBytes: MAX_CONFIG_BYTES, tooLarge: 'CONFIG_TOO_LARGE' as const };
}

/** Refuses by Content-Length alone, before a byte of the body is kept. */
function refuseAnnouncedSize(request: FastifyRequest, maxUploadBytes: number): void {
  const bytes = Number(request.headers['content-length'] ?? 0);
  const limit = maxUploadBytes + MAX_CONFIG_BYTES + MAX_REQUEST_FIELD_BYTES + MAX_MULTIPART_OVERHEAD_BYTES;
  if (bytes <= limit) return;
  throw new AppError(
    'UPLOAD_TOO_LARGE',
    `The upload has ${bytes} bytes; ${WEIGHTS_FILE} may have ${maxUploadBytes}.`,
    {
      bytes,
      limit_bytes: maxUploadBytes,
    },
  );
}

function requestField(part: Extract<Multipart, { type: 'field' }>): unknown {
  if (part.valueTruncated) {
    throw new AppError(
      'FIELD_TOO_LARGE',
      `The part "${REQUEST_FIELD}" is larger than ${MAX_REQUEST_FIELD_BYTES} bytes.`,
      {
        field: REQUEST_FIELD,
        limit_bytes: MAX_REQUEST_FIELD_BYTES,
      },
    );
  }
  return part.value;
}

function unexpectedField(name: string): AppError {
  const shown = JSON.stringify(name.slice(0, 80));
  return new AppError('UNEXPECTED_PART', `The part ${shown} is not expected here.`, {
    name: name.slice(0, 80),
  });
}

const duplicate = (name: string): AppError =>
  new AppError('DUPLICATE_PART', `The part ${name} was sent twice.`, { name });

/** What the multipart parser throws besides its FST_* errors: plain errors about the body, or about its early end. */
function multipartError(error: unknown, request: FastifyRequest): unknown {
  if (error instanceof AppError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (request.raw.destroyed && !request.raw.complete) {
    return new AppError(
      'UPLOAD_ABORTED',
      'The connection ended before the upload did.',
      {},
      { cause: error },
    );
  }
  if (code?.startsWith('FST_')) return error;
  return new AppError(
    'MULTIPART_MALFORMED',
    `The multipart body cannot be read: ${message}.`,
    {},
    { cause: error },
  );
}
