import { readBeginning } from '../bytes/read-beginning.ts';
import type { SafetensorsHeader } from './header.ts';
import { HeaderGate } from './header-gate.ts';

/**
 * Reads and checks the header of a safetensors file, with the same verdicts as HeaderGate gives to an upload.
 * The data is not read; that it is all there follows from the size of the file.
 * @throws AppError PICKLE_REFUSED, LFS_POINTER, UNSUPPORTED_FORMAT, ST_*; errors of the file system as they are
 */
export const readHeader = async (path: string): Promise<SafetensorsHeader> =>
  (await readBeginning(path, new HeaderGate()))!;
