import { randomBytes } from 'node:crypto';
import { mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { factorBytes, squareAdapter } from '../adapter/adapter-spec.ts';
import { adapterConfig, CONFIG, safetensorsHeader, WEIGHTS } from '../adapter/write-adapter.ts';

const RANK = 64;
const FEATURES = 4096;

/**
 * Quickly creates a PEFT adapter of about this many bytes: its factors repeat the same random bytes, which makes no
 * difference to an upload. It must not be squeezed.
 * @returns bytes of the weights file
 */
export async function writeLargeAdapter(dir: string, bytes: number): Promise<number> {
  const moduleBytes = factorBytes(squareAdapter(1, FEATURES, RANK));
  const spec = squareAdapter(Math.max(1, Math.round(bytes / moduleBytes)), FEATURES, RANK);
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, CONFIG), JSON.stringify(adapterConfig(spec)));
  const header = safetensorsHeader(spec);
  const module = randomBytes(moduleBytes);
  const file = await open(join(dir, WEIGHTS), 'w');
  try {
    await file.write(header);
    for (const _ of spec.modules) await file.write(module);
  } finally {
    await file.close();
  }
  return header.length + factorBytes(spec);
}
