import { CONFIG_FILE, isPickleName, isWeightsName, WEIGHTS_FILE } from '../../adapter/file-names.ts';
import { pickleRefused } from '../../adapter/pickle-refused.ts';
import type { UploadFilename } from '../../contract/upload.ts';
import { AppError } from '../../errors/app-error.ts';

const EXPECTED: readonly string[] = [WEIGHTS_FILE, CONFIG_FILE];
const MAX_SHOWN = 80;

/**
 * Which file of an adapter an upload is, by the name that was sent with it. Names are compared, never used as paths.
 * @param where what the name should have been in, for the message
 * @throws AppError UPLOAD_FILENAME, PICKLE_REFUSED
 */
export function uploadFilename(name: unknown, where: string): UploadFilename {
  const wanted = `a name that ends in .safetensors or .gguf, or ${CONFIG_FILE}, is expected`;
  if (typeof name !== 'string' || name === '')
    throw new AppError('UPLOAD_FILENAME', `The upload has no file name: ${wanted} in ${where}.`, {
      expected: EXPECTED,
    });
  if (name === CONFIG_FILE || isWeightsName(name)) return name;
  if (isPickleName(name)) throw pickleRefused(name);
  const shown = JSON.stringify(name.slice(0, MAX_SHOWN));
  throw new AppError('UPLOAD_FILENAME', `The file name ${shown} cannot be used: ${wanted} in ${where}.`, {
    filename: name.slice(0, MAX_SHOWN),
    expected: EXPECTED,
  });
}
