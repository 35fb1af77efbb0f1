import { once } from 'node:events';
import type { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { parse } from 'range-parser';
import { type Static, Type } from 'typebox';
import type { AdapterFile } from '../contract/adapter.ts';
import { AppError } from '../errors/app-error.ts';
import type { ByteRange } from '../storage/blob-store.ts';
import { allowsRange, entityTag, matchesNone, reprDigest } from './entity-tag.ts';
import { BINARY, response, textHeader } from './schemas.ts';

/**
 * Cache-Control of content that never changes, because its address derives from its digest or from a job that has
 * ended.
 */
export const IMMUTABLE = 'private, max-age=31536000, immutable';
/** Cache-Control of content that may be cached but must be revalidated. */
export const REVALIDATED = 'private, no-cache';

/** A file as it is sent. */
export interface SentFile extends AdapterFile {
  /** Default: application/octet-stream. */
  readonly mediaType?: string;
  /** The Cache-Control header. Default: IMMUTABLE. */
  readonly keep?: string;
}

export const FileHeaders = Type.Object({
  range: Type.Optional(
    Type.String({ description: 'One byte range; if several are requested, the response is the whole file' }),
  ),
  'if-range': Type.Optional(Type.String({ description: 'Honour `Range` only if the file has this ETag' })),
  'if-none-match': Type.Optional(Type.String({ description: "ETag of the client's copy" })),
});
type FileRequest = FastifyRequest<{ Headers: Static<typeof FileHeaders> }>;

const FILE_HEADERS = {
  etag: textHeader('SHA-256 of the file, hex, in quotes'),
  'repr-digest': textHeader('SHA-256 of the whole file (RFC 9530)'),
  'accept-ranges': textHeader('`bytes`'),
};
const BYTES = { mediaType: 'application/octet-stream', headers: FILE_HEADERS };

/** The responses of a route that ends in sendFile; it may also fail with RANGE_NOT_SATISFIABLE and STORAGE_FAILED. */
export const FILE_RESPONSES = {
  200: response('The file', BINARY, BYTES),
  206: response('The requested part', BINARY, {
    ...BYTES,
    headers: { ...FILE_HEADERS, 'content-range': textHeader('The range of bytes, and the total number') },
  }),
  304: { description: "The client's copy is current", type: 'null' },
};

/** The flag in the parser's code for a malformed header. */
const MALFORMED = 1;

/**
 * Answers GET or HEAD with a file, or with the requested range of it.
 * @param open opens a stream of the file, or of a range inside it
 * @throws AppError RANGE_NOT_SATISFIABLE; as `open`
 */
export async function sendFile(
  request: FileRequest,
  reply: FastifyReply,
  { name, sha256, bytes, mediaType, keep }: SentFile,
  open: (range: ByteRange | undefined) => Promise<Readable>,
): Promise<FastifyReply> {
  const tag = entityTag(sha256);
  const known = { etag: tag, 'cache-control': keep ?? IMMUTABLE, 'accept-ranges': 'bytes' };
  if (matchesNone(request.headers['if-none-match'], tag)) return reply.headers(known).code(304).send();

  // Range is defined for GET only (RFC 9110 §14.2).
  const mayRange = request.method === 'GET' && allowsRange(request.headers['if-range'], tag);
  const range = byteRange(mayRange ? request.headers.range : undefined, bytes);
  if (range === 'unsatisfiable') {
    reply.headers({ ...known, 'content-range': `bytes */${bytes}` });
    const requested = JSON.stringify(request.headers.range);
    throw new AppError(
      'RANGE_NOT_SATISFIABLE',
      `${name} has ${bytes} bytes; the range ${requested} lies outside the file.`,
      { bytes },
    );
  }
  const part = range === 'whole' ? undefined : range;
  const stream = request.method === 'HEAD' ? undefined : await waitForFirstByte(await open(part));
  if (part) reply.code(206).header('content-range', `bytes ${part.start}-${part.end}/${bytes}`);
  return reply
    .headers({
      ...known,
      'content-type': mediaType ?? 'application/octet-stream',
      'content-length': part ? part.end - part.start + 1 : bytes,
      'content-disposition': `attachment; filename="${name}"`,
      'repr-digest': reprDigest(sha256, 'hex'),
    })
    .send(stream);
}

/**
 * Parses a Range header (RFC 9110 §14.1.2). "whole" if it is absent, malformed, in another unit or asks for several
 * ranges: a server may ignore such a header and send everything.
 */
export function byteRange(header: string | undefined, bytes: number): ByteRange | 'whole' | 'unsatisfiable' {
  if (header === undefined) return 'whole';
  const { code, type, ranges } = parse(bytes, header);
  if (type !== 'bytes' || code & MALFORMED || ranges.length > 1) return 'whole';
  return ranges[0] ?? 'unsatisfiable';
}

/**
 * The stream, once its first bytes have arrived: an earlier failure is answered with a problem document, without
 * headers that describe the file. A later failure can only close the connection.
 * @throws the error of the stream
 */
async function waitForFirstByte(stream: Readable): Promise<Readable> {
  await once(stream, 'readable');
  return stream;
}
