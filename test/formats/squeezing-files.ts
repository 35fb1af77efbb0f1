import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ComputePool } from '../../src/compute/pool.ts';
import type { SqueezeOptions } from '../../src/contract/job-request.ts';
import type { Target } from '../../src/contract/target.ts';
import { squeeze } from '../squeeze/successful-squeeze.ts';

/** The files of an adapter, whatever its format. */
export interface Bytes {
  readonly weights: Uint8Array;
  /** adapter_config.json; null if the format has none. */
  readonly config: string | null;
}

export interface SqueezedBytes extends Bytes {
  /** Without the model card, which does not depend on the format. */
  readonly names: readonly string[];
  readonly warnings: readonly string[];
}

/** Squeezes an adapter to one target. @returns null if the result is the source */
export async function squeezeBytes(
  pool: ComputePool,
  source: Bytes,
  target: Target,
  options: SqueezeOptions = { method: 'exact' },
): Promise<SqueezedBytes | null> {
  const [result] = await squeezeToEach(pool, source, [target], options);
  return result!;
}

/** Squeezes an adapter to several targets in one job. @returns one for each, as squeezeBytes */
export async function squeezeToEach(
  pool: ComputePool,
  { weights, config }: Bytes,
  wanted: readonly Target[],
  options: SqueezeOptions = { method: 'exact' },
): Promise<(SqueezedBytes | null)[]> {
  const dir = mkdtempSync(join(tmpdir(), 'squeezing-'));
  try {
    const weightsPath = join(dir, 'weights');
    writeFileSync(weightsPath, weights);
    const { targets } = await squeeze(
      {
        kind: 'squeeze',
        sources: [{ id: 'ad_1', sha256: 'f'.repeat(64), bytes: 0, base_model: null, weight: 1 }],
        weightsPath,
        configBytes: config === null ? null : Buffer.from(config),
        targets: wanted,
        options,
        scratchDir: dir,
        onProgress: () => {},
        signal: new AbortController().signal,
      },
      pool,
    );
    return targets.map(({ files, result }) => {
      if (!files) return null;
      const configFile = files.find(({ name }) => name === 'adapter_config.json');
      return {
        weights: readFileSync(files[0]!.path),
        config: configFile ? readFileSync(configFile.path, 'utf8') : null,
        names: files.map(({ name }) => name).filter((name) => name !== 'README.md'),
        warnings: result.warnings,
      };
    });
  } finally {
    rmSync(dir, { recursive: true });
  }
}
