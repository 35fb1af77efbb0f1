import { rm } from 'node:fs/promises';
import type { Multipart, MultipartFile } from '@fastify/multipart';
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
import { duplicate, multipartError, unexpectedField } from './multipart-error.ts';
import { FILE_NAMES, type FileName, fileNameOf, REQUEST_FIELD } from './part-name.ts';
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

/** Reads part after part until the body ends. */
async function collect(
  request: FastifyRequest,
  context: UploadContext,
  watch: BodyWatch,
  folder: string,
  allowRequestField: boolean,
): Promise<ReceivedUpload> {
  const files = new Map<FileName, IncomingFile>();
  let field: { readonly value: unknown } | undefined;
  try {
    const parts = request.parts()[Symbol.asyncIterator]();
    for (;;) {
      const { done, value: part } = await watch.race(parts.next());
      if (done) break;
      if (part.type === 'file') {
        const file = await receiveFile(part, files, context, watch, folder);
        files.set(file.name, file);
      } else {
        if (!allowRequestField || part.fieldname !== REQUEST_FIELD) throw unexpectedField(part.fieldname);
        if (field) throw duplicate(REQUEST_FIELD);
        field = { value: requestField(part) };
      }
    }
  } catch (error) {
    throw multipartError(error, request);
  }
  if (files.size === 0 && !field) {
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
  return { files: FILE_NAMES.map((name) => files.get(name)!), request: field?.value };
}

async function receiveFile(
  part: MultipartFile,
  received: ReadonlyMap<FileName, IncomingFile>,
  context: UploadContext,
  watch: BodyWatch,
  folder: string,
): Promise<IncomingFile & { readonly name: FileName }> {
  // The parser destroys the stream with an error when the body ends early; saveFile tells of it, if it got that far.
  part.file.on('error', () => {});
  try {
    const name = fileNameOf(part.fieldname, part.filename);
    if (received.has(name)) throw duplicate(name);
    const file = await saveFile(name, part.file, {
      folder,
      signal: watch.signal,
      ...limitsOf(name, context),
    });
    return { ...file, name };
  } catch (error) {
    part.file.destroy();
    throw error;
  }
}

function limitsOf(name: FileName, { maxUploadBytes, openGate }: UploadContext) {
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
