import type { Adapter, LoraModule, TensorEntry } from '../../adapter/adapter.ts';
import { CONFIG_FILE } from '../../adapter/file-names.ts';
import type { StagedTensor } from '../../adapter/staging-plan.ts';
import { byName } from '../../adapter/tensor-name.ts';
import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../json/quote.ts';
import type { SafetensorsHeader } from '../../safetensors/header.ts';
import { layOut } from '../../safetensors/layout.ts';
import type { ReadResult } from '../format.ts';
import { checkMagnitudes } from '../pairs/check-magnitudes.ts';
import { duplicateModule } from '../pairs/collect-pairs.ts';
import { mixedFormats, refuseUnusable } from '../pairs/foreign-tensors.ts';
import { expertParameters } from './expert-parameters.ts';
import { type PeftConfig, readConfig } from './read-config.ts';
import { type FactorPair, readModules } from './read-modules.ts';
import { readOtherMethod } from './read-other-method.ts';
import { readPeftKey } from './tensor-keys.ts';

interface Sorted {
  /** By module path. */
  readonly pairs: ReadonlyMap<string, FactorPair>;
  readonly passthrough: readonly TensorEntry[];
  /** The first tensor of another format, and what it belongs to. */
  readonly foreign?: readonly [TensorEntry, what: string];
  readonly hasBias: boolean;
  /** By module path. */
  readonly magnitudes: ReadonlyMap<string, TensorEntry>;
}

/**
 * Reads a PEFT adapter (LoRA, LoHa, LoKr or AdaLoRA) from the header of its adapter_model.safetensors and its adapter_config.json.
 * @throws AppError CONFIG_*, LORA_*, NO_LORA_TENSORS, FORMAT_MIXED, UNSUPPORTED_DTYPE, UNSUPPORTED_LORA_VARIANT
 */
export function readPeft(header: SafetensorsHeader, configBytes: Uint8Array): ReadResult {
  const config = readConfig(configBytes);
  if (config.method !== 'lora') return readOtherMethod(header, config);
  const { pairs, passthrough, foreign, hasBias, magnitudes } = sortTensors(header.tensors);
  if (pairs.size === 0) throw noLora(header.tensors.length, foreign?.[1]);
  if (foreign) throw mixedFormats('peft', ...foreign);
  checkDora(config, pairs, magnitudes);
  const parameters = expertParameters(pairs.keys(), config.targetParameters);
  const modules = [...pairs].flatMap(([path, pair]) => readModules(path, pair, config, parameters.get(path)));
  const adapter: Adapter = {
    format: 'peft',
    baseModel: config.baseModel,
    alpha: config.alpha,
    configRank: config.rank,
    useRslora: config.useRslora,
    modules: modules.sort(byName),
    passthrough: [...passthrough].sort(byName),
    hasLoraBias: hasBias || config.loraBias,
    config: config.fields,
    metadata: header.metadata,
    warnings: [...config.warnings, ...tyingWarning(config, modules), ...doraWarning(magnitudes.size)],
  };
  return stageExperts(adapter, header.tensors);
}

function sortTensors(tensors: readonly TensorEntry[]): Sorted {
  const pairs = new Map<string, FactorPair>();
  const passthrough: TensorEntry[] = [];
  let foreign: Sorted['foreign'];
  let hasBias = false;
  const magnitudes = new Map<string, TensorEntry>();
  for (const tensor of tensors) {
    refuseUnusable(tensor);
    const { name } = tensor;
    const key = readPeftKey(name);
    if (key.role === 'unknown-lora') {
      throw new AppError(
        'UNSUPPORTED_LORA_VARIANT',
        `Tensor ${quote(name)} belongs to an unknown variant of LoRA.`,
        { tensor: name },
      );
    }
    if (key.role === 'factor') {
      addFactor(pairs, key, tensor);
      continue;
    }
    if (key.role === 'foreign') {
      foreign ??= [tensor, key.what];
      continue;
    }
    hasBias ||= key.role === 'bias';
    if (key.role === 'magnitude') {
      const other = magnitudes.get(key.module);
      if (other) throw duplicateModule(key.module, other, tensor);
      magnitudes.set(key.module, tensor);
    }
    passthrough.push(tensor);
  }
  return { pairs, passthrough, ...(foreign ? { foreign } : {}), hasBias, magnitudes };
}

function addFactor(
  pairs: Map<string, FactorPair>,
  { module, factor, embedding }: { module: string; factor: 'a' | 'b'; embedding: boolean },
  tensor: TensorEntry,
): void {
  const pair = pairs.get(module) ?? { embedding };
  const other = pair[factor] ?? (pair.embedding === embedding ? undefined : (pair.a ?? pair.b));
  if (other) throw duplicateModule(module, other, tensor);
  pairs.set(module, { ...pair, [factor]: tensor });
}

function noLora(tensors: number, foreign: string | undefined): AppError {
  const found = foreign ? `it has tensors of ${foreign}` : `it has ${tensors} other tensors`;
  return new AppError(
    'NO_LORA_TENSORS',
    `adapter_model.safetensors has no PEFT LoRA tensors (…lora_A.weight and …lora_B.weight); ${found}.`,
    { tensors },
  );
}

/**
 * Either half of a tied pair gives the whole ΔW (lora_A of the head is B of the embedding, transposed), and PEFT loads
 * both into the same memory.
 */
function tyingWarning({ fields }: PeftConfig, modules: readonly LoraModule[]): string[] {
  const isTied = fields.ensure_weight_tying === true && modules.some(({ kind }) => kind === 'embedding');
  if (!isTied) return [];
  return [
    'ensure_weight_tying: an embedding and a head that share their factors are squeezed separately. PEFT ties them ' +
      'again when it loads the result.',
  ];
}

/** @throws AppError LORA_MAGNITUDE_MISMATCH, LORA_UNPAIRED */
function checkDora(
  { useDora }: PeftConfig,
  pairs: ReadonlyMap<string, FactorPair>,
  magnitudes: ReadonlyMap<string, TensorEntry>,
): void {
  for (const [module, { name }] of magnitudes) {
    if (pairs.has(module)) continue;
    throw new AppError(
      'LORA_UNPAIRED',
      `Tensor ${quote(name)} belongs to a module without factors, ${quote(module)}.`,
      { module, tensor: name },
    );
  }
  checkMagnitudes({
    setting: `use_dora: true in ${CONFIG_FILE}`,
    isSet: useDora,
    expected: new Map(
      [...pairs].map(([module, { a, b }]) => [
        module,
        (a ?? b)!.name.replace(
          /\.lora_(?:embedding_)?[AB](?:\.[^.]+)?(?:\.weight)?$/,
          '.lora_magnitude_vector',
        ),
      ]),
    ),
    magnitudes,
  });
}

function doraWarning(magnitudes: number): string[] {
  if (magnitudes === 0) return [];
  return [
    `DoRA: in W′ = m·(W + ΔW)/‖W + ΔW‖ the update ΔW is squeezed, and the magnitudes m (${magnitudes} ` +
      'vectors) are carried over unchanged. Errors are those of ΔW, not of W′, which depends on the base model.',
  ];
}

/**
 * Plans a file in which the experts of a mixture are plain factors: every B [out, r·E] becomes [E, out, r]; everything else is
 * copied. An adapter without experts needs no such file.
 * @param adapter with the entries of the source; B of an expert has the layout of the planned file at the source's position
 * @param tensors of the source, all of them
 */
function stageExperts(adapter: Adapter, tensors: readonly TensorEntry[]): ReadResult {
  const counts = new Map(
    adapter.modules.flatMap(({ b, expert }) => (expert ? [[b.name, expert.count] as const] : [])),
  );
  if (counts.size === 0) return { adapter, staging: null };
  const staged = tensors.map((entry) => stagedTensor(entry, counts.get(entry.name)));
  const { offsets } = layOut(staged, new Map());
  const moved = new Map(tensors.map(({ name, beginByte }, index) => [name, offsets[index]! - beginByte]));
  const move = <T extends TensorEntry>(entry: T): T => {
    const by = moved.get(entry.name)!;
    return { ...entry, beginByte: entry.beginByte + by, endByte: entry.endByte + by };
  };
  return {
    adapter: {
      ...adapter,
      modules: adapter.modules.map(
        (module): LoraModule => ({ ...module, a: move(module.a), b: move(module.b) }),
      ),
      passthrough: adapter.passthrough.map(move),
    },
    staging: { tensors: staged, derivations: [] },
  };
}

function stagedTensor(entry: TensorEntry, experts: number | undefined): StagedTensor {
  const { name, dtype, shape } = entry;
  if (experts === undefined) return { name, dtype, shape, source: { kind: 'copy', entry } };
  const [out, stacked] = shape as [number, number];
  const rank = stacked / experts;
  return {
    name,
    dtype,
    shape: [experts, out, rank],
    source: { kind: 'permute', entry, shape: [out, rank, experts], axes: [2, 0, 1] },
  };
}
