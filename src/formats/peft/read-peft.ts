import type { Adapter, LoraModule, TensorEntry } from '../../adapter/adapter.ts';
import { AppError } from '../../errors.ts';
import { quote } from '../../json/quote.ts';
import type { SafetensorsHeader } from '../../safetensors/header.ts';
import { type PeftConfig, readConfig } from './read-config.ts';
import { type FactorPair, readModule } from './read-module.ts';
import { foreignLora, readTensorKey } from './tensor-keys.ts';

/**
 * Element types whose numbers mean nothing without a partner tensor (block-scaled) or that no module holds: whoever
 * sends them has a quantised checkpoint, not an adapter. Refused wherever they stand.
 */
const UNUSABLE_DTYPES: ReadonlySet<string> = new Set(['F4', 'F6_E2M3', 'F6_E3M2', 'F8_E8M0', 'C64']);

interface Sorted {
  /** By module path. */
  readonly pairs: ReadonlyMap<string, FactorPair>;
  readonly passthrough: readonly TensorEntry[];
  readonly hasBias: boolean;
  readonly hasMagnitudes: boolean;
}

/**
 * Reads a PEFT LoRA adapter from the header of its adapter_model.safetensors and its adapter_config.json.
 * @throws AppError CONFIG_*, LORA_*, NO_LORA_TENSORS, UNSUPPORTED_DTYPE, UNSUPPORTED_LORA_VARIANT
 */
export function readPeft(header: SafetensorsHeader, configBytes: Uint8Array): Adapter {
  const config = readConfig(configBytes);
  const { pairs, passthrough, hasBias, hasMagnitudes } = sortTensors(header.tensors);
  if (pairs.size === 0) throw noLora(header.tensors);
  refuseTargetParameters(config, pairs);
  const modules: LoraModule[] = [...pairs].map(([name, pair]) => readModule(name, pair, config));
  return {
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
    warnings: [...config.warnings, ...doraWarning(config, hasMagnitudes)],
  };
}

function sortTensors(tensors: readonly TensorEntry[]): Sorted {
  const pairs = new Map<string, FactorPair>();
  const passthrough: TensorEntry[] = [];
  let hasBias = false;
  let hasMagnitudes = false;
  for (const tensor of tensors) {
    const { name, dtype } = tensor;
    if (UNUSABLE_DTYPES.has(dtype)) {
      throw new AppError(
        'UNSUPPORTED_DTYPE',
        `tensor ${quote(name)}: dtype ${dtype} has no place in an adapter`,
        {
          tensor: name,
          dtype,
        },
      );
    }
    const key = readTensorKey(name);
    if (key.role === 'unknown-lora') {
      throw new AppError(
        'UNSUPPORTED_LORA_VARIANT',
        `tensor ${quote(name)} belongs to a variant of LoRA that is not known here`,
        { tensor: name },
      );
    }
    if (key.role === 'factor') {
      addFactor(pairs, key, tensor);
      continue;
    }
    hasBias ||= key.role === 'bias';
    hasMagnitudes ||= key.role === 'magnitude';
    passthrough.push(tensor);
  }
  return { pairs, passthrough, hasBias, hasMagnitudes };
}

function addFactor(
  pairs: Map<string, FactorPair>,
  { module, factor, embedding }: { module: string; factor: 'a' | 'b'; embedding: boolean },
  tensor: TensorEntry,
): void {
  const pair = pairs.get(module) ?? { embedding };
  const other = pair[factor] ?? (pair.embedding === embedding ? undefined : (pair.a ?? pair.b));
  if (other) {
    throw new AppError(
      'LORA_DUPLICATE_MODULE',
      `module ${quote(module)} appears twice: ${quote(other.name)} and ${quote(tensor.name)}`,
      { module, tensors: [other.name, tensor.name] },
    );
  }
  pairs.set(module, { ...pair, [factor]: tensor });
}

/**
 * LoRA on parameters instead of modules (experts of a mixture): its two-dimensional factors stack the experts, so
 * that B·A is not ΔW.
 */
function refuseTargetParameters(
  { targetParameters }: PeftConfig,
  pairs: ReadonlyMap<string, FactorPair>,
): void {
  const owners = targetParameters.map((path) => path.slice(0, Math.max(0, path.lastIndexOf('.'))));
  for (const module of pairs.keys()) {
    const nested = module.endsWith('.base_layer');
    if (!nested && !owners.some((owner) => owner === '' || `.${module}`.endsWith(`.${owner}`))) continue;
    throw new AppError(
      'UNSUPPORTED_LORA_VARIANT',
      `module ${quote(module)}: LoRA on parameters (target_parameters) cannot be squeezed yet`,
      { module },
    );
  }
}

function noLora(tensors: readonly TensorEntry[]): AppError {
  const foreign = foreignLora(tensors.map(({ name }) => name));
  const found = foreign ? `it has ${foreign}` : `it has ${tensors.length} other tensors`;
  return new AppError(
    'NO_LORA_TENSORS',
    `adapter_model.safetensors: no PEFT LoRA tensors (…lora_A.weight and …lora_B.weight); ${found}`,
    { tensors: tensors.length },
  );
}

function doraWarning({ useDora }: PeftConfig, hasMagnitudes: boolean): string[] {
  if (!useDora && !hasMagnitudes) return [];
  return [
    'DoRA: the magnitude vectors are carried over unchanged; errors are those of scale·B·A, not of the weights after ' +
      'the base model is normalised',
  ];
}

/** Code unit order: the same everywhere, unlike localeCompare. */
function byName(x: { readonly name: string }, y: { readonly name: string }): number {
  return x.name < y.name ? -1 : x.name > y.name ? 1 : 0;
}
