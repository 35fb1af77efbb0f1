import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ComputePool } from '../../../src/compute/pool.ts';
import type { Target } from '../../../src/contract/target.ts';
import type { AdapterFiles } from '../../../src/formats/read-adapter.ts';
import { squeeze } from '../../squeeze/successful-squeeze.ts';

/** An adapter's files as a conversion wrote them. */
export interface Converted extends AdapterFiles {
  readonly dir: string;
  readonly warnings: readonly string[];
}

/** Creates folders for conversions and removes all of them. */
export class Conversions {
  readonly #dirs: string[] = [];

  /** The files of the result, in a new folder. */
  async run(
    pool: ComputePool,
    { weightsPath, configBytes }: AdapterFiles,
    target: Target,
  ): Promise<Converted> {
    const scratchDir = mkdtempSync(join(tmpdir(), 'converted-'));
    this.#dirs.push(scratchDir);
    const { targets } = await squeeze(
      {
        kind: 'squeeze',
        sources: [{ id: 'ad_1', sha256: 'f'.repeat(64), bytes: 0, base_model: null, weight: 1 }],
        weightsPath,
        configBytes,
        targets: [target],
        options: {},
        scratchDir,
        onProgress: () => {},
        signal: new AbortController().signal,
      },
      pool,
    );
    const { files, result } = targets[0]!;
    const config = files!.find(({ name }) => name === 'adapter_config.json');
    return {
      weightsPath: files![0]!.path,
      configBytes: config ? readFileSync(config.path) : null,
      dir: join(files![0]!.path, '..'),
      warnings: result.warnings,
    };
  }

  remove(): void {
    for (const dir of this.#dirs.splice(0)) rmSync(dir, { recursive: true });
  }
}
