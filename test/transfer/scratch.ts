import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LocalFile } from '../../src/adapter/digested-file.ts';

export const WEIGHTS = 'adapter_model.safetensors';
export const CONFIG = 'adapter_config.json';
export const LIMITS = { maxUploadBytes: 64_000_000, maxConfigBytes: 10_000, maxIndexBytes: 20_000 };

export const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Folders for one test file. */
export class Scratch {
  private readonly root = mkdtempSync(join(tmpdir(), 'squeeze-transfer-'));
  private count = 0;

  folder(): string {
    const folder = join(this.root, String(++this.count));
    mkdirSync(folder);
    return folder;
  }

  /** An adapter's files, as the storage returns them. */
  adapter(weights: Uint8Array, config: Uint8Array): LocalFile[] {
    const folder = this.folder();
    return [[WEIGHTS, weights] as const, [CONFIG, config] as const].map(([name, bytes]) => {
      const path = join(folder, name);
      writeFileSync(path, bytes);
      return { name, path, sha256: sha256Of(bytes), bytes: bytes.byteLength };
    });
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
