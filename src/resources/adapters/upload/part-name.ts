import { CONFIG_FILE, isPickleName, isWeightsName, WEIGHTS_FILE } from '../../../adapter/file-names.ts';
import { pickleRefused } from '../../../adapter/pickle-refused.ts';
import { isShardFile } from '../../../adapter/shard-names.ts';
import { AppError } from '../../../errors/app-error.ts';
import type { BodyParts } from '../../../http/multipart/body-parts.ts';

const MAX_SHOWN = 80;
const ARCHIVE = /\.(zip|tar|tgz|gz|bz2|xz|zst|7z|rar)$/i;

/** Short names for the parts of an upload, each with the file it stands for. */
const SHORT_NAMES: ReadonlyMap<string, string> = new Map([
  ['weights', WEIGHTS_FILE],
  ['config', CONFIG_FILE],
]);

/**
 * Which file of the upload a part is, by its name or else by its filename (`curl -F files=@adapter_config.json`).
 * Names are compared, never used as paths.
 * @returns the name of the file in the service: WEIGHTS_FILE for weights of any name; shards and their index keep the
 *   names with which they were sent
 * @throws AppError MULTIPART_MALFORMED, PICKLE_REFUSED, UNSUPPORTED_FORMAT, UNEXPECTED_PART
 */
export function fileNameOf(
  parts: BodyParts,
  fieldname: string | undefined,
  filename: string | undefined,
): string {
  if (fieldname === undefined) throw new AppError('MULTIPART_MALFORMED', 'A part has no name.');
  const known = [...parts.files, ...parts.optionalFiles, ...parts.droppedFiles];
  const short = parts.isAnyFormat ? SHORT_NAMES.get(fieldname) : undefined;
  const name = short ?? [fieldname, filename].find((one) => one !== undefined && known.includes(one));
  if (name !== undefined) return name;
  const given = parts.isAnyFormat ? [fieldname, filename].filter((one) => one !== undefined) : [];
  const piece = given.find(isShardFile);
  if (piece !== undefined) return piece;
  if (given.some(isWeightsName)) return WEIGHTS_FILE;
  const sent = (filename ?? fieldname).slice(0, MAX_SHOWN);
  if (isPickleName(filename ?? '')) throw pickleRefused(filename!);
  if (ARCHIVE.test(filename ?? '')) {
    throw new AppError(
      'UNSUPPORTED_FORMAT',
      `${JSON.stringify(sent)} looks like an archive; ${wanted(parts)}, uncompressed.`,
    );
  }
  throw unexpected(parts, sent, {
    name: fieldname.slice(0, MAX_SHOWN),
    filename: filename?.slice(0, MAX_SHOWN) ?? null,
  });
}

/** The error for a part that is a form field with an unknown name. */
export function unexpectedField(parts: BodyParts, fieldname: string): AppError {
  const name = fieldname.slice(0, MAX_SHOWN);
  return unexpected(parts, name, { name });
}

function unexpected(parts: BodyParts, sent: string, context: AppError['context']): AppError {
  const { files, optionalFiles, droppedFiles, fields } = parts;
  const beside = [...fields, ...(parts.isAnyFormat ? [] : optionalFiles)].join(', ');
  return new AppError(
    'UNEXPECTED_PART',
    `The part ${JSON.stringify(sent)} is not expected; ${wanted(parts)}. Other parts may be ${beside}.`,
    { ...context, expected: [...files, ...optionalFiles, ...droppedFiles, ...fields] },
  );
}

const wanted = ({ isAnyFormat }: BodyParts): string =>
  isAnyFormat
    ? `send the parts ${WEIGHTS_FILE} (or any other .safetensors or .gguf) and, if the format has it, ` +
      `${CONFIG_FILE}`
    : `send the parts ${WEIGHTS_FILE} and ${CONFIG_FILE}`;
