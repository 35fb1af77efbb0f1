import { open } from 'node:fs/promises';
import type { SafetensorsHeader } from './header.ts';
import { HeaderGate } from './header-gate.ts';

/** One read for most headers. */
const CHUNK_BYTES = 64 * 1024;

/**
 * Reads and checks the header of a safetensors file, with the same verdicts as HeaderGate gives to an upload.
 * The data is not read; that it is all there follows from the size of the file.
 * @throws AppError PICKLE_REFUSED, LFS_POINTER, UNSUPPORTED_FORMAT, ST_*; errors of the file system as they are
 */
export async function readHeader(path: string): Promise<SafetensorsHeader> {
  const file = await open(path, 'r');
  try {
    const { size: totalBytes } = await file.stat();
    const gate = new HeaderGate();
    const buffer = new Uint8Array(CHUNK_BYTES);
    for (let position = 0; !gate.header; ) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
      if (bytesRead === 0) break;
      gate.push(buffer.subarray(0, bytesRead));
      position += bytesRead;
    }
    return gate.finish(totalBytes);
  } finally {
    await file.close();
  }
}
