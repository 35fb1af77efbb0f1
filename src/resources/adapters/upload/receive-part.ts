import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { MultipartFile } from '@fastify/multipart';
import type { IncomingFile } from '../../../adapter/digested-file.ts';
import { CONFIG_FILE, isPickleName, MAX_CARD_BYTES, WEIGHTS_FILE } from '../../../adapter/file-names.ts';
import { pickleRefused } from '../../../adapter/pickle-refused.ts';
import { isShardFile, isShardIndexName, readShardName } from '../../../adapter/shard-names.ts';
import type { StreamValidator } from '../../../bytes/stream-validator.ts';
import { AppError } from '../../../errors/app-error.ts';
import { MAX_CONFIG_BYTES } from '../../../formats/peft/limits.ts';
import { MAX_INDEX_BYTES } from '../../../formats/shards/shard-index.ts';
import { type BodyParts, MAX_JOB_BYTES, REQUEST_FIELD } from '../../../http/multipart/body-parts.ts';
import { fileNameOf, unexpectedField } from './part-name.ts';
import { saveFile } from './save-file.ts';

const MAX_SHOWN = 80;

/** A body that is being received, with what has arrived so far. */
export interface Reception {
  readonly parts: BodyParts;
  /** The folder for its files. */
  readonly folder: string;
  readonly maxUploadBytes: number;
  readonly newValidator: () => StreamValidator;
  /** Aborted when the body stalls. */
  readonly signal: AbortSignal;
  /** By the names of the files in the service. */
  readonly files: Map<string, IncomingFile>;
  /** Shards of weights and their index, under the names with which they were sent. */
  readonly pieces: IncomingFile[];
  /** Maps the name of each file in the service to the name with which the client sent it; includes dropped files. */
  readonly sentNames: Map<string, string>;
  readonly fields: Map<string, Buffer>;
  /** Files that are read but not stored, by their names in the service. */
  readonly dropped: Map<string, Buffer>;
}

/**
 * Receives one part, which is a field or a file.
 * @throws AppError UNEXPECTED_PART, DUPLICATE_PART, FIELD_TOO_LARGE, UPLOAD_TOO_LARGE, CONFIG_TOO_LARGE, the errors
 *   of the validator, STORAGE_*; other errors are those of the part's stream
 */
export async function receivePart(part: MultipartFile, reception: Reception): Promise<void> {
  // The parser destroys the stream with an error if the body ends early; the reader of the stream reports it.
  part.file.on('error', () => {});
  try {
    if (isField(reception.parts, part.fieldname)) await receiveField(part, reception);
    else await receiveFilePart(part, reception);
  } catch (error) {
    part.file.destroy();
    throw error;
  }
}

/** Whether a part is a field. `request` always is one, so that it is refused as a field where it does not belong. */
const isField = ({ fields }: BodyParts, name: string): boolean =>
  name === REQUEST_FIELD || fields.includes(name);

async function receiveField(
  { fieldname: name, file }: MultipartFile,
  { parts, fields, signal }: Reception,
): Promise<void> {
  if (!parts.fields.includes(name)) throw unexpectedField(parts, name);
  if (fields.has(name)) throw duplicate(name);
  const chunks: Buffer[] = [];
  await readWithin(file, signal, MAX_JOB_BYTES, {
    tooLarge: () => fieldTooLarge(name),
    keep: (chunk) => chunks.push(chunk),
  });
  fields.set(name, Buffer.concat(chunks));
}

async function receiveFilePart(
  { fieldname, filename, file }: MultipartFile,
  { parts, folder, signal, files, pieces, sentNames, dropped, ...how }: Reception,
): Promise<void> {
  const name = fileNameOf(parts, fieldname, filename);
  const before = sentNames.get(name);
  const sent = filename || fieldname;
  const isPiece = isShardFile(name);
  const isShard = readShardName(name) !== undefined;
  const other = isShard
    ? sentNames.get(WEIGHTS_FILE)
    : pieces.find((piece) => readShardName(piece.name))?.name;
  if (other !== undefined && (isShard || name === WEIGHTS_FILE)) throw twoWeights(other, sent);
  if (before !== undefined)
    throw name === WEIGHTS_FILE && before !== sent ? twoWeights(before, sent) : duplicate(name);
  sentNames.set(name, sent);
  if (parts.droppedFiles.includes(name)) {
    const chunks: Buffer[] = [];
    await readWithin(file, signal, MAX_CARD_BYTES, {
      tooLarge: () => cardTooLarge(name),
      keep: (chunk) => chunks.push(chunk),
    });
    dropped.set(name, Buffer.concat(chunks));
    return;
  }
  if (isPiece) {
    // Shards are stored under numbered names, because their own names come from the client.
    const storedAs = `piece-${pieces.length}`;
    pieces.push(
      await saveFile(name, file, { folder, signal, storedAs, ...limitsOfPiece(name, pieces, how) }),
    );
    return;
  }
  const saved = await saveFile(name, file, { folder, signal, ...limitsOf(name, sent, how) });
  files.set(name, { ...saved, ...(filename && { sentAs: filename }) });
}

/**
 * The limit and validator of a file: the configuration is small JSON, everything else has tensors.
 * @param sent the name of the file in the request
 */
function limitsOf(
  name: string,
  sent: string,
  { maxUploadBytes, newValidator }: Pick<Reception, 'maxUploadBytes' | 'newValidator'>,
) {
  if (name === CONFIG_FILE) return { maxBytes: MAX_CONFIG_BYTES, tooLarge: 'CONFIG_TOO_LARGE' as const };
  const validator =
    name === WEIGHTS_FILE ? pickleValidator(sent, newValidator()) : namedValidator(name, newValidator());
  return { maxBytes: maxUploadBytes, tooLarge: 'UPLOAD_TOO_LARGE' as const, validator };
}

/** All shards together must not be larger than weights in a single file. */
function limitsOfPiece(
  name: string,
  pieces: readonly IncomingFile[],
  { maxUploadBytes, newValidator }: Pick<Reception, 'maxUploadBytes' | 'newValidator'>,
) {
  if (isShardIndexName(name)) return { maxBytes: MAX_INDEX_BYTES, tooLarge: 'UPLOAD_TOO_LARGE' as const };
  const taken = pieces.reduce((sum, piece) => sum + (isShardIndexName(piece.name) ? 0 : piece.bytes), 0);
  return {
    maxBytes: Math.max(0, maxUploadBytes - taken),
    tooLarge: 'UPLOAD_TOO_LARGE' as const,
    validator: namedValidator(name, newValidator()),
  };
}

/** A validator whose errors name the file, for bodies with several files of a kind. */
const namedValidator = (name: string, validator: StreamValidator): StreamValidator =>
  withMappedErrors(
    validator,
    (error) =>
      new AppError(
        error.code,
        `${name}: ${error.message}`,
        { ...error.context, file: name },
        { cause: error },
      ),
  );

/** A validator whose error names the sent file if that is a pickle file, so that the command to convert it is right. */
const pickleValidator = (sent: string, validator: StreamValidator): StreamValidator =>
  isPickleName(sent)
    ? withMappedErrors(validator, (error) => (error.code === 'PICKLE_REFUSED' ? pickleRefused(sent) : error))
    : validator;

function withMappedErrors(validator: StreamValidator, map: (error: AppError) => AppError): StreamValidator {
  const asking = <T>(ask: () => T): T => {
    try {
      return ask();
    } catch (error) {
      throw error instanceof AppError ? map(error) : error;
    }
  };
  return {
    push: (chunk) => asking(() => validator.push(chunk)),
    finish: (totalBytes) => asking(() => validator.finish(totalBytes)),
  };
}

/**
 * Reads a part completely.
 * @throws AppError `tooLarge`; the reason of the signal; other errors are those of the part's stream
 */
async function readWithin(
  part: Readable,
  signal: AbortSignal,
  maxBytes: number,
  { tooLarge, keep }: { readonly tooLarge: () => AppError; readonly keep: (chunk: Buffer) => void },
): Promise<void> {
  let bytes = 0;
  const read = async (chunks: AsyncIterable<Buffer>): Promise<void> => {
    for await (const chunk of chunks) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw tooLarge();
      keep(chunk);
    }
  };
  try {
    await pipeline(part, read, { signal });
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  }
}

const fieldTooLarge = (name: string): AppError =>
  new AppError('FIELD_TOO_LARGE', `The part "${name}" is larger than the limit of ${MAX_JOB_BYTES} bytes.`, {
    field: name,
    limit_bytes: MAX_JOB_BYTES,
  });

const cardTooLarge = (name: string): AppError =>
  new AppError(
    'UPLOAD_TOO_LARGE',
    `${name} is larger than ${MAX_CARD_BYTES} bytes; it is optional, so leave it out.`,
    {
      file: name,
      limit_bytes: MAX_CARD_BYTES,
    },
  );

const duplicate = (name: string): AppError =>
  new AppError('DUPLICATE_PART', `The part ${name} was sent twice.`, { name });

/** @param first the name with which the earlier weights were sent @param second the name of these */
function twoWeights(first: string, second: string): AppError {
  const [one, other] = [first, second].map((name) => name.slice(0, MAX_SHOWN));
  return new AppError(
    'DUPLICATE_PART',
    `Two weights files were sent, ${JSON.stringify(one)} and ${JSON.stringify(other)}; send only one.`,
    { name: other!, names: [one, other] },
  );
}
