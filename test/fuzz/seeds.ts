import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { keyValuesOf, pair } from '../formats/gguf/build.ts';
import { buildGguf } from '../gguf/gguf-file.ts';
import { adalora, cloneofsimo, diffusers, kohya, loha, lokr, mlx, peft, xlabs } from './dialects.ts';
import { fileOf, type Site } from './generated-files.ts';

const FIXTURES = join(import.meta.dirname, '../fixtures');
const REGRESSIONS = join(import.meta.dirname, 'regressions');
/** Small inputs are mutated fast, and reach as much. */
const MAX_SEED_BYTES = 4_096;

const filesIn = (folder: string): Buffer[] =>
  readdirSync(folder)
    .map((name) => readFileSync(join(folder, name)))
    .filter(({ length }) => length <= MAX_SEED_BYTES);

const SITE: Site = { path: 0, style: 0, rank: 4, m: 6, n: 5, kernel: 1, dtype: 'F16' };
const styles = Array.from({ length: 8 }, (_, style): Site => ({ ...SITE, style, path: style % 6 }));
const ADAPTERS = [peft, adalora, loha, lokr, kohya, diffusers, xlabs, cloneofsimo, mlx].flatMap((dialect) =>
  styles.map((site) => fileOf(dialect(site), 0x3f)),
);
const GGUF = buildGguf({
  keyValues: keyValuesOf(),
  tensors: [...pair('blk.0.attn_q', 2), ...pair('output', 2)],
});
const ATTACKS = ['safetensors', 'lora'].flatMap((folder) => filesIn(join(FIXTURES, 'attacks', folder)));

const NAMES = [
  'adapter_model.safetensors\0x',
  'files\0adapter_config.json',
  'weights\0a.gguf',
  'x\0../../adapter_model.bin',
  '__proto__\0a.zip',
].map((text) => Buffer.from(text));

/** The initial inputs of each target. */
const SEEDS: Readonly<Record<string, readonly Buffer[]>> = {
  safetensors: [...ATTACKS, ...ADAPTERS],
  gguf: [GGUF],
  config: filesIn(join(FIXTURES, 'attacks/config')),
  'part-name': NAMES,
  reader: [...ATTACKS, ...ADAPTERS, GGUF],
};

/** Inputs that once caused failures. */
export function regressionsOf(target: string): Buffer[] {
  try {
    return filesIn(join(REGRESSIONS, target));
  } catch {
    return [];
  }
}

/** Writes the seeds of a target into its corpus folder. */
export function writeSeeds(target: string, folder: string): void {
  mkdirSync(folder, { recursive: true });
  const seeds = [...(SEEDS[target] ?? []), ...regressionsOf(target)];
  for (const [index, bytes] of seeds.entries()) writeFileSync(join(folder, `seed-${index}`), bytes);
}
