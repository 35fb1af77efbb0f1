import { AppError } from '../../errors.ts';
import type { BodyParts } from './body-parts.ts';

const MAX_SHOWN = 80;
const PICKLE = /\.(bin|pt|pth|ckpt|pkl|pickle)$/i;
const ARCHIVE = /\.(zip|tar|tgz|gz|bz2|xz|zst|7z|rar)$/i;

/**
 * Which of the body's files a part is: by its name, else by its filename (`curl -F files=@adapter_config.json`).
 * Names are compared, never used as paths.
 * @throws AppError MULTIPART_MALFORMED, PICKLE_REFUSED, UNSUPPORTED_FORMAT, UNEXPECTED_PART
 */
export function fileNameOf(
  { files, optionalFiles }: BodyParts,
  fieldname: string | undefined,
  filename: string | undefined,
): string {
  if (fieldname === undefined) throw new AppError('MULTIPART_MALFORMED', 'A part has no name.');
  const known = [...files, ...optionalFiles];
  const name = [fieldname, filename].find((one) => one !== undefined && known.includes(one));
  if (name !== undefined) return name;
  const sent = JSON.stringify((filename ?? fieldname).slice(0, MAX_SHOWN));
  const wanted = `send the parts ${files.join(' and ')}`;
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
    expected: known,
  });
}
