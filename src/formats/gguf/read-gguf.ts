import type { FactorEntry, LoraModule, TensorEntry } from '../../adapter/adapter.ts';
import {
  STAGED_DTYPE,
  type StagedSource,
  type StagedTensor,
  type StagingPlan,
} from '../../adapter/staging-plan.ts';
import { byName } from '../../adapter/tensor-name.ts';
import { AppError } from '../../errors/app-error.ts';
import { counted } from '../../errors/counted.ts';
import type { GgufHeader } from '../../gguf/header.ts';
import { VALUE_TYPE } from '../../gguf/value-type.ts';
import { quote } from '../../json/quote.ts';
import { dtypeBits, isFactorDtype } from '../../safetensors/dtype.ts';
import type { ReadResult } from '../format.ts';
import { stackedModules } from '../stacks.ts';
import { stagedEntries } from '../staged-entries.ts';
import { KEY, readConfigValues, readStringValue } from './key-values.ts';
import {
  type FoundPair,
  isTokenEmbedding,
  type PairShape,
  pairTensors,
  readShape,
  refuse,
} from './read-factors.ts';

const HUB = 'https://huggingface.co/';

const QUANTISED = 'Q8_0';

/** A pair with its sizes, and the positions of its factors A [.., r, n] and B [.., m, r]. */
interface PlainPair extends PairShape {
  readonly name: string;
  readonly a: FactorEntry;
  readonly b: FactorEntry;
}

/**
 * Reads a LoRA adapter of llama.cpp (convert_lora_to_gguf.py writes it, llama-adapter.cpp reads it). All modules have one
 * alpha: ΔW = (alpha/r)·B·A, or B·A if alpha is 0 or absent.
 * @throws AppError GGUF_NOT_LORA, GGUF_KEY_VALUE, LORA_*, NO_LORA_TENSORS, UNSUPPORTED_DTYPE, UNSUPPORTED_LORA_VARIANT
 */
export function readGguf({ tensors, keyValues }: GgufHeader): ReadResult {
  checkKind(keyValues);
  const alpha = alphaOf(keyValues);
  const found = pairTensors(tensors);
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
      config: readConfigValues(keyValues),
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
    const value = readStringValue(keyValues, key);
    if (value === wanted) continue;
    const found = value === undefined ? 'is missing' : `is ${quote(value)}`;
    throw new AppError(
      'GGUF_NOT_LORA',
      `In the GGUF file, ${key} ${found}; in a LoRA adapter it is "${wanted}".`,
      {
        key,
      },
    );
  }
  if (!readStringValue(keyValues, KEY.architecture))
    throw new AppError(
      'GGUF_KEY_VALUE',
      `In the GGUF file, ${KEY.architecture} is missing, and llama.cpp does not load an adapter without it.`,
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
    `In the GGUF file, ${KEY.alpha} must be a finite float32, not ${String(value)}.`,
    {
      key: KEY.alpha,
    },
  );
}

/**
 * Makes plain factors of the pairs. The file itself has them if none is quantised and none belongs to the token embedding,
 * whose A is transposed; otherwise a plan makes another file.
 * @throws AppError UNSUPPORTED_DTYPE for quantisations other than Q8_0, and for a quantised A of the token embedding
 */
function stageTensors(
  pairs: readonly (FoundPair & { readonly shape: PairShape })[],
  passthrough: readonly TensorEntry[],
): { pairs: PlainPair[]; passthrough: readonly TensorEntry[]; staging: StagingPlan | null } {
  const staged = pairs.flatMap(({ name, shape, a, b }) => {
    const lead = shape.experts === undefined ? [] : [shape.experts];
    return [
      stagedFactor(a, [...lead, shape.rank, shape.n], isTokenEmbedding(name)),
      stagedFactor(b, [...lead, shape.m, shape.rank], false),
    ];
  });
  const isNeeded = staged.some(({ source }) => source.kind !== 'copy');
  const tensors = [...staged, ...passthrough.map((entry) => copied(entry, isNeeded))];
  const entries = isNeeded ? stagedEntries(tensors) : undefined;
  const place = (one: StagedTensor): TensorEntry =>
    entries?.get(one.name) ?? { ...(one.source as { entry: TensorEntry }).entry, shape: one.shape };
  return {
    pairs: pairs.map(({ name, shape }, index) => ({
      ...shape,
      name,
      a: factorAt(place, staged[2 * index]!),
      b: factorAt(place, staged[2 * index + 1]!),
    })),
    passthrough: passthrough.map((entry) => entries?.get(entry.name) ?? entry),
    staging: isNeeded ? { tensors, derivations: [] } : null,
  };
}

function stagedFactor(entry: TensorEntry, shape: readonly number[], transposed: boolean): StagedTensor {
  const { name, dtype } = entry;
  if (dtype === QUANTISED && !transposed)
    return { name, dtype: STAGED_DTYPE, shape, source: { kind: 'dequantise', entry, encoding: 'q8_0' } };
  if (!isFactorDtype(dtype)) {
    const where = transposed
      ? 'the token embedding may be F32, F16 or BF16'
      : 'factors may be F32, F16, BF16 or Q8_0';
    throw refuse('UNSUPPORTED_DTYPE', entry, `has the type ${dtype}, which cannot be squeezed; ${where}`);
  }
  const source: StagedSource = transposed
    ? { kind: 'permute', entry, shape: [...shape].reverse(), axes: [1, 0] }
    : { kind: 'copy', entry };
  return { name, dtype, shape, source };
}

function copied(entry: TensorEntry, isStaged: boolean): StagedTensor {
  const { name, dtype, shape } = entry;
  if (isStaged && dtypeBits(dtype) === undefined)
    throw refuse(
      'UNSUPPORTED_DTYPE',
      entry,
      `has the type ${dtype}, which cannot be carried over when the factors must be decoded`,
    );
  return { name, dtype, shape, source: { kind: 'copy', entry } };
}

function factorAt(place: (one: StagedTensor) => TensorEntry, one: StagedTensor): FactorEntry {
  const entry = place(one) as FactorEntry;
  // Half the size of the decoded numbers, and eight times as exact as Q8_0.
  return one.source.kind === 'dequantise' ? { ...entry, matchDtype: 'F16' } : entry;
}

function modulesOf({ name, a, b, rank, m, n, experts }: PlainPair, alpha: number): LoraModule[] {
  const kind = isTokenEmbedding(name) ? 'embedding' : 'linear';
  const scale = alpha === 0 ? 1 : alpha / rank;
  return stackedModules({ name, kind, a, b, rank, m, n, scale }, experts);
}

function baseModelOf(keyValues: GgufHeader['keyValues']): string | null {
  const url = readStringValue(keyValues, 'general.base_model.0.repo_url');
  if (url !== undefined) return url.startsWith(HUB) ? url.slice(HUB.length) : url;
  return readStringValue(keyValues, 'general.base_model.0.name') ?? null;
}

function warningsOf(keyValues: GgufHeader['keyValues'], norms: number): string[] {
  const warnings: string[] = [];
  if (keyValues.has(KEY.invocationTokens))
    warnings.push('aLoRA: the adapter acts only after its invocation tokens, which are carried over.');
  if (norms > 0)
    warnings.push(
      `${counted(norms, 'norm of the base model is', 'norms of the base model are')} carried over. llama.cpp ignores norms.`,
    );
  return warnings;
}
