import type { LoraModule } from '../../adapter/adapter.ts';
import { AppError } from '../../errors/app-error.ts';
import type { GgufHeader } from '../../gguf/header.ts';
import { VALUE_TYPE } from '../../gguf/value-type.ts';
import { quote } from '../../json/quote.ts';
import type { ReadResult } from '../format.ts';
import { byName } from '../pairs/by-name.ts';
import { stackedModules } from '../stacked-modules.ts';
import { configOf, KEY, stringOf } from './key-values.ts';
import { isTokenEmbedding, readShape, sortTensors } from './read-factors.ts';
import { type PlainPair, stageTensors } from './stage-tensors.ts';

const HUB = 'https://huggingface.co/';

/**
 * Reads a LoRA adapter of llama.cpp (convert_lora_to_gguf.py writes it, llama-adapter.cpp reads it). One alpha holds for
 * all modules: ΔW = (alpha/r)·B·A, or B·A where alpha is 0 or absent.
 * @throws AppError GGUF_NOT_LORA, GGUF_KEY_VALUE, LORA_*, NO_LORA_TENSORS, UNSUPPORTED_DTYPE, UNSUPPORTED_LORA_VARIANT
 */
export function readGguf({ tensors, keyValues }: GgufHeader): ReadResult {
  checkKind(keyValues);
  const alpha = alphaOf(keyValues);
  const found = sortTensors(tensors);
  const { pairs, passthrough, staging } = stageTensors(
    found.pairs.map((pair) => ({ ...pair, shape: readShape(pair) })),
    found.passthrough,
  );
  const modules = pairs.flatMap((pair) => modulesOf(pair, alpha));
  const rank = modules.reduce((largest, module) => Math.max(largest, module.rank), 1);
  return {
    adapter: {
      format: 'gguf',
      baseModel: baseModelOf(keyValues),
      alpha: alpha === 0 ? rank : alpha,
      configRank: rank,
      useRslora: false,
      modules: modules.sort(byName),
      passthrough: [...passthrough].sort(byName),
      hasLoraBias: false,
      config: configOf(keyValues),
      metadata: new Map(),
      warnings: warningsOf(keyValues, passthrough.length),
    },
    staging,
  };
}

function checkKind(keyValues: GgufHeader['keyValues']): void {
  for (const [key, wanted] of [
    [KEY.generalType, 'adapter'],
    [KEY.adapterType, 'lora'],
  ] as const) {
    const said = stringOf(keyValues, key);
    if (said === wanted) continue;
    const found = said === undefined ? 'is missing' : `is ${quote(said)}`;
    throw new AppError('GGUF_NOT_LORA', `GGUF file: ${key} ${found}; in a LoRA adapter it is "${wanted}"`, {
      key,
    });
  }
  if (!stringOf(keyValues, KEY.architecture))
    throw new AppError(
      'GGUF_KEY_VALUE',
      `GGUF file: ${KEY.architecture} is missing, without which nothing loads it`,
      {
        key: KEY.architecture,
      },
    );
}

function alphaOf(keyValues: GgufHeader['keyValues']): number {
  const found = keyValues.get(KEY.alpha);
  if (!found) return 0;
  const { type, value } = found;
  if (type === VALUE_TYPE.float32 && typeof value === 'number' && Number.isFinite(value)) return value;
  throw new AppError(
    'GGUF_KEY_VALUE',
    `GGUF file: ${KEY.alpha} must be a finite float32, not ${String(value)}`,
    {
      key: KEY.alpha,
    },
  );
}

function modulesOf({ name, a, b, rank, m, n, experts }: PlainPair, alpha: number): LoraModule[] {
  const kind = isTokenEmbedding(name) ? 'embedding' : 'linear';
  const scale = alpha === 0 ? 1 : alpha / rank;
  return stackedModules({ name, kind, a, b, rank, m, n, scale }, experts);
}

function baseModelOf(keyValues: GgufHeader['keyValues']): string | null {
  const url = stringOf(keyValues, 'general.base_model.0.repo_url');
  if (url !== undefined) return url.startsWith(HUB) ? url.slice(HUB.length) : url;
  return stringOf(keyValues, 'general.base_model.0.name') ?? null;
}

function warningsOf(keyValues: GgufHeader['keyValues'], norms: number): string[] {
  const warnings: string[] = [];
  if (keyValues.has(KEY.invocationTokens))
    warnings.push('aLoRA: the adapter only acts after its invocation tokens, which are carried over');
  if (norms > 0)
    warnings.push(`${norms} norms of the base model are carried over; llama.cpp passes them over`);
  return warnings;
}
