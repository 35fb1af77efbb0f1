import { AppError } from '../../errors.ts';
import { CONFIG_FILE, WEIGHTS_FILE } from '../../service/adapter-service.ts';

export const FILE_NAMES = [WEIGHTS_FILE, CONFIG_FILE] as const;
export type FileName = (typeof FILE_NAMES)[number];

/** The part of POST /v1/squeeze that holds the SqueezeRequest. */
export const REQUEST_FIELD = 'request';

const MAX_SHOWN = 80;
const PICKLE = /\.(bin|pt|pth|ckpt|pkl|pickle)$/i;
const ARCHIVE = /\.(zip|tar|tgz|gz|bz2|xz|zst|7z|rar)$/i;

const isFileName = (name: string | undefined): name is FileName => FILE_NAMES.includes(name as FileName);

/**
 * Which of the adapter's files a part is: by its name, else by its filename (`curl -F files=@adapter_config.json`).
 * Names are compared, never used as paths.
 * @throws AppError MULTIPART_MALFORMED, PICKLE_REFUSED, UNSUPPORTED_FORMAT, UNEXPECTED_PART
 */
export function fileNameOf(fieldname: string | undefined, filename: string | undefined): FileName {
  if (fieldname === undefined) throw new AppError('MULTIPART_MALFORMED', 'A part has no name.');
  if (isFileName(fieldname)) return fieldname;
  if (isFileName(filename)) return filename;
  const sent = JSON.stringify((filename ?? fieldname).slice(0, MAX_SHOWN));
  const wanted = `send the parts ${FILE_NAMES.join(' and ')}`;
  if (PICKLE.test(filename ?? '')) {
    throw new AppError(
      'PICKLE_REFUSED',
      `${sent} looks like a pickle file, which is never opened; ${wanted}.`,
    );
  }
  if (ARCHIVE.test(filename ?? '')) {
    throw new AppError('UNSUPPORTED_FORMAT', `${sent} looks like an archive; ${wanted}, uncompressed.`);
  }
  throw new AppError('UNEXPECTED_PART', `The part ${sent} is not expected; ${wanted}.`, {
    name: fieldname.slice(0, MAX_SHOWN),
    filename: filename?.slice(0, MAX_SHOWN) ?? null,
    expected: FILE_NAMES,
  });
}
