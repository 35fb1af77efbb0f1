import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Matrix } from './linear-algebra.ts';
import { parseSafetensors, type Tensor, tensorMatrix } from './safetensors.ts';

export const WEIGHTS = 'adapter_model.safetensors';
export const CONFIG = 'adapter_config.json';

/** One LoRA pair as PEFT would load it: ΔW = scale·b·a. */
export interface OracleModule {
  readonly a: Matrix;
  readonly b: Matrix;
  readonly rank: number;
  readonly scale: number;
  readonly dtype: string;
  /** Names of the two tensors in the file. */
  readonly tensorNames: readonly [string, string];
}

export interface OracleAdapter {
  readonly config: Readonly<Record<string, unknown>>;
  readonly metadata: Readonly<Record<string, string>>;
  /** By the path of the adapted module, without PEFT's prefix, in code unit order. */
  readonly modules: ReadonlyMap<string, OracleModule>;
  readonly passthrough: ReadonlyMap<string, Tensor>;
}

const FACTOR_A =
  /^(?:base_model\.model\.)?(.+)\.(lora_A(?:\.default)?\.weight|lora_embedding_A(?:\.default)?)$/;

/**
 * Reads a PEFT adapter folder, with the scale that PEFT would use (peft/tuners/lora/layer.py, update_layer).
 */
export function readPeftAdapter(dir: string): OracleAdapter {
  return parsePeftAdapter(readFileSync(join(dir, WEIGHTS)), readFileSync(join(dir, CONFIG), 'utf8'));
}

export function parsePeftAdapter(weights: Uint8Array, configText: string): OracleAdapter {
  const config = JSON.parse(configText);
  const { metadata, tensors } = parseSafetensors(weights);
  const passthrough = new Map(tensors);
  const modules = new Map<string, OracleModule>();
  for (const name of [...tensors.keys()].sort()) {
    const [, path, suffix] = FACTOR_A.exec(name) ?? [];
    if (path === undefined || suffix === undefined) continue;
    const nameB = name.slice(0, -suffix.length) + suffix.replace('_A', '_B');
    const tensorA = tensors.get(name)!;
    const tensorB = tensors.get(nameB);
    if (!tensorB) throw new Error(`${name} has no ${nameB}`);
    const a = tensorMatrix(tensorA);
    const b = tensorMatrix(tensorB);
    const rank = pattern(config.rank_pattern, path) ?? config.r;
    if (a.rows !== rank || b.columns !== rank) {
      throw new Error(`${path}: the configuration says rank ${rank}, the tensors ${a.rows} and ${b.columns}`);
    }
    const alpha = pattern(config.alpha_pattern, path) ?? config.lora_alpha;
    const scale = alpha / (config.use_rslora ? Math.sqrt(rank) : rank);
    modules.set(path, { a, b, rank, scale, dtype: tensorA.dtype, tensorNames: [name, nameB] });
    passthrough.delete(name);
    passthrough.delete(nameB);
  }
  return { config, metadata, modules, passthrough };
}

/** The value of the first key that matches the module (peft/utils/other.py, get_pattern_key). */
function pattern(patterns: Record<string, number> | null | undefined, path: string): number | undefined {
  const key = Object.keys(patterns ?? {}).find((each) => new RegExp(`^(?:.*\\.)?(?:${each})$`).test(path));
  return key === undefined ? undefined : patterns![key];
}
