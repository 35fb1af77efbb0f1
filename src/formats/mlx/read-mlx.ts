import type { FactorEntry, LoraModule, TensorEntry } from '../../adapter/adapter.ts';
import { CONFIG_FILE } from '../../adapter/file-names.ts';
import type { StagedTensor } from '../../adapter/staging-plan.ts';
import { byName } from '../../adapter/tensor-name.ts';
import { AppError } from '../../errors/app-error.ts';
import type { SafetensorsHeader } from '../../safetensors/header.ts';
import type { ReadResult } from '../format.ts';
import { checkMagnitudes } from '../pairs/check-magnitudes.ts';
import { collectPairs, type Pair, type PairKey } from '../pairs/collect-pairs.ts';
import { refuseForeign } from '../pairs/foreign-tensors.ts';
import { factorEntry, refusePair } from '../pairs/read-pair.ts';
import { stackedModules } from '../stacks.ts';
import { copiedTensor, stagedEntries } from '../staged-entries.ts';
import { type MlxConfig, readMlxConfig } from './read-config.ts';

const FACTOR = /^(.+)\.lora_([ab])$/;
const MAGNITUDE = /^(.+)\.m$/;
/** Also the scales and biases of quantised factors (QuantizedLoRALinear). */
const ANY_LORA = /(?:^|\.)lora_[^.]*$/;
/** Names of embeddings in mlx_lm/models; their factors look like those of other layers. */
const EMBEDDING = /(?:^|\.)(?:embed_tokens|word_embeddings|embed_in|tok_embeddings|wte|wpe)$/;

/**
 * Reads a LoRA adapter of MLX. Its factors are transposed, so plain ones are always made from them.
 * @throws AppError FILE_MISSING without a configuration, which has the scale; CONFIG_*, LORA_*, NO_LORA_TENSORS,
 *   FORMAT_MIXED, UNSUPPORTED_DTYPE, UNSUPPORTED_LORA_VARIANT
 */
export function readMlx(
  { tensors, metadata }: SafetensorsHeader,
  configBytes: Uint8Array | null,
): ReadResult {
  if (!configBytes) {
    for (const tensor of tensors) refuseForeign('mlx', tensor);
    throw new AppError(
      'FILE_MISSING',
      `The weights have MLX's names (…lora_a), so ${CONFIG_FILE} is required: it contains the scaling.`,
      { missing: [CONFIG_FILE] },
    );
  }
  const config = readMlxConfig(configBytes);
  const { pairs: found, passthrough, magnitudes } = collectPairs('mlx', tensors, readMlxKey);
  checkMagnitudes({
    setting: `fine_tune_type: "dora" in ${CONFIG_FILE}`,
    isSet: config.isDora,
    expected: new Map([...found.keys()].map((name) => [name, `${name}.m`])),
    magnitudes,
  });
  const pairs = [...found].map(([name, pair]) => readMlxPair(name, pair));
  const staged = [...pairs.flatMap((pair) => pair.staged), ...passthrough.map(copiedTensor)];
  const entries = stagedEntries(staged);
  const modules = pairs.flatMap((pair) => modulesOf(pair, entries, config.scale)).sort(byName);
  const rank = modules.reduce((largest, module) => Math.max(largest, module.rank), 1);
  return {
    adapter: {
      format: 'mlx',
      baseModel: config.baseModel,
      alpha: alphaOf(config.scale, rank),
      configRank: rank,
      useRslora: false,
      modules,
      passthrough: passthrough.map(({ name }) => entries.get(name)!),
      hasLoraBias: false,
      config: config.fields,
      metadata,
      warnings: [...config.warnings, ...warningsOf(config, pairs, rank)],
    },
    staging: { tensors: staged, derivations: [] },
  };
}

/** Reads the name of a tensor in adapters.safetensors (mlx_lm/tuner/lora.py, dora.py). */
export function readMlxKey(name: string): PairKey {
  const [, module, factor] = FACTOR.exec(name) ?? [];
  if (module !== undefined)
    return { role: 'factor', module, factor: factor as 'a' | 'b', embedding: EMBEDDING.test(module) };
  if (ANY_LORA.test(name)) return { role: 'unknown-lora' };
  const magnitude = MAGNITUDE.exec(name)?.[1];
  return magnitude === undefined ? { role: 'other' } : { role: 'magnitude', module: magnitude };
}

/** A pair with its sizes, and the plain factors to be made from it: A [.., r, n], B [.., m, r]. */
interface MlxPair {
  readonly name: string;
  readonly kind: LoraModule['kind'];
  readonly rank: number;
  readonly m: number;
  readonly n: number;
  /** Matrices in each tensor; undefined for a single matrix without an axis for it. */
  readonly experts: number | undefined;
  /** A of experts as one matrix, [E·r, n]: older versions of mlx-lm. */
  readonly isFlat: boolean;
  readonly staged: readonly [a: StagedTensor, b: StagedTensor];
}

/**
 * Reads the factors of a module. Layers have a [in, r] and b [r, out], both transposed, embeddings a [num, r] and
 * b [r, dim]; the experts of a mixture a [E, r, in] (or [E·r, in]) and b [E, out, r], as they are (mlx_lm/tuner/lora.py).
 * @throws AppError LORA_RANK_DIMS, LORA_RANK_ZERO, LORA_RANK_MISMATCH, UNSUPPORTED_DTYPE, ST_VALIDATION_OVERFLOW
 */
function readMlxPair(name: string, { a, b, embedding }: Pair): MlxPair {
  const isFlat = a.shape.length === 2 && b.shape.length === 3;
  const isStack = (a.shape.length === 3 || isFlat) && b.shape.length === 3;
  if (!isStack && (a.shape.length !== 2 || b.shape.length !== 2))
    throw refusePair('LORA_RANK_DIMS', name, 'has factors whose shapes match no kind of layer', a, b);
  const experts = isStack ? b.shape[0]! : undefined;
  const stackShape = isFlat ? [experts!, a.shape[0]! / experts!, a.shape[1]!] : a.shape;
  const [rank, n] = (isStack ? stackShape.slice(1) : [...a.shape].reverse()) as [number, number];
  const [m, rankB] = (isStack ? b.shape.slice(1) : [...b.shape].reverse()) as [number, number];
  if (isStack && stackShape[0] !== experts)
    throw refusePair('LORA_RANK_DIMS', name, 'has factors with different numbers of experts', a, b);
  if (rank === 0 || rankB === 0) throw refusePair('LORA_RANK_ZERO', name, 'has rank 0', a, b);
  if (rank !== rankB)
    throw refusePair(
      'LORA_RANK_MISMATCH',
      name,
      `has factors of different ranks (${rank} and ${rankB})`,
      a,
      b,
    );
  if (m === 0 || n === 0 || experts === 0)
    throw refusePair('LORA_RANK_DIMS', name, 'has a dimension of 0', a, b);
  if (!Number.isSafeInteger(m * n))
    throw refusePair(
      'ST_VALIDATION_OVERFLOW',
      name,
      `has a ΔW of ${m} × ${n}, which is more than 2^53 elements`,
      a,
      b,
    );
  const lead = experts === undefined ? [] : [experts];
  return {
    name,
    kind: embedding && !isStack ? 'embedding' : 'linear',
    rank,
    m,
    n,
    experts,
    isFlat,
    staged: [stagedFactor(name, a, [...lead, rank, n]), stagedFactor(name, b, [...lead, m, rank])],
  };
}

function stagedFactor(module: string, entry: TensorEntry, shape: readonly number[]): StagedTensor {
  const { name } = entry;
  const dtype = factorEntry(module, entry).dtype;
  return shape.length === 3
    ? { name, dtype, shape, source: { kind: 'copy', entry } }
    : { name, dtype, shape, source: { kind: 'permute', entry, shape: entry.shape, axes: [1, 0] } };
}

/** The module, or one for each expert. @param entries of the file that is made */
function modulesOf(
  { name, kind, rank, m, n, experts, staged }: MlxPair,
  entries: ReadonlyMap<string, TensorEntry>,
  scale: number,
): LoraModule[] {
  const [a, b] = staged.map((one) => entries.get(one.name) as FactorEntry) as [FactorEntry, FactorEntry];
  return stackedModules({ name, kind, a, b, rank, m, n, scale }, experts);
}

/** The alpha that would give this scale. @throws AppError CONFIG_ALPHA if a double cannot represent it */
function alphaOf(scale: number, rank: number): number {
  const alpha = scale * rank;
  if (Number.isFinite(alpha)) return alpha;
  throw new AppError(
    'CONFIG_ALPHA',
    `In ${CONFIG_FILE}, lora_parameters.scale (${scale}) times the rank (${rank}) is larger than any float64 number.`,
    { field: 'lora_parameters.scale', scale, rank },
  );
}

function warningsOf(config: MlxConfig, pairs: readonly MlxPair[], rank: number): string[] {
  const warnings: string[] = [];
  // mlx-lm loads such a file, because it does not check shapes (load_weights, strict=False).
  if (config.rank !== undefined && config.rank !== rank)
    warnings.push(
      `The rank in adapter_config.json is ${config.rank}, but the largest rank of the tensors is ${rank}.`,
    );
  if (pairs.some(({ isFlat }) => isFlat))
    warnings.push(
      'The experts have the form of older versions of mlx-lm (lora_a [E·r, in]). Results have the form of current versions.',
    );
  if (config.isDora)
    warnings.push(
      'DoRA: the magnitude vectors are carried over unchanged. Errors are those of scale·B·A, not of the normalised weights.',
    );
  return warnings;
}
