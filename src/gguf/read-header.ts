import { readBeginning } from '../bytes/read-beginning.ts';
import { GgufGate } from './gguf-gate.ts';
import type { GgufHeader } from './header.ts';

/** What a GGUF file begins with. As the length of a safetensors header it would be 1.2 GB, far beyond the limit. */
export const GGUF_MAGIC: Uint8Array = Buffer.from('GGUF', 'latin1');

/**
 * Reads and checks the header of a GGUF file, with the same verdicts as GgufGate gives to an upload. The data is not
 * read; that it is all there follows from the size of the file.
 * @returns null for a file that does not begin with "GGUF"
 * @throws AppError GGUF_*; errors of the file system as they are
 */
export const readGgufHeader = (path: string): Promise<GgufHeader | null> =>
  readBeginning(
    path,
    new GgufGate(),
    (bytes) => Buffer.compare(bytes.subarray(0, GGUF_MAGIC.length), GGUF_MAGIC) === 0,
  );
