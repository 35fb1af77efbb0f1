import type { TensorEntry } from '../../adapter/adapter.ts';
import { CONFIG_FILE } from '../../adapter/file-names.ts';
import type { StagedTensor } from '../../adapter/staging-plan.ts';
import { AppError } from '../../errors/app-error.ts';
import type { SafetensorsHeader } from '../../safetensors/header.ts';
import type { ReadResult } from '../format.ts';
import { byName } from '../pairs/by-name.ts';
import { checkMagnitudes } from '../pairs/check-magnitudes.ts';
import { collectPairs } from '../pairs/collect-pairs.ts';
import { refuseForeign } from '../pairs/foreign-names.ts';
import { stagedEntries } from '../staged-entries.ts';
import { type MlxConfig, readMlxConfig } from './read-config.ts';
import { type MlxPair, modulesOf, readMlxPair } from './read-pair.ts';
import { readMlxKey } from './tensor-keys.ts';

/**
 * Reads a LoRA adapter of MLX. Its factors are transposed, so that plain ones always have to be made of them.
 * @throws AppError FILE_MISSING without a configuration, which holds the scale; CONFIG_*, LORA_*, NO_LORA_TENSORS,
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
      `The weights have MLX's names (…lora_a), so ${CONFIG_FILE} is needed: it holds the scale.`,
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
  const staged = [...pairs.flatMap((pair) => pair.staged), ...passthrough.map(copied)];
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

/** The alpha that would give this scale. @throws AppError CONFIG_ALPHA where no double holds it */
function alphaOf(scale: number, rank: number): number {
  const alpha = scale * rank;
  if (Number.isFinite(alpha)) return alpha;
  throw new AppError(
    'CONFIG_ALPHA',
    `${CONFIG_FILE}: lora_parameters.scale: ${scale} times the rank ${rank} is more than a number can hold`,
    { field: 'lora_parameters.scale', scale, rank },
  );
}

const copied = (entry: TensorEntry): StagedTensor => ({
  name: entry.name,
  dtype: entry.dtype,
  shape: entry.shape,
  source: { kind: 'copy', entry },
});

function warningsOf(config: MlxConfig, pairs: readonly MlxPair[], rank: number): string[] {
  const warnings: string[] = [];
  // mlx-lm loads such a file all the same: it does not check shapes (load_weights, strict=False).
  if (config.rank !== undefined && config.rank !== rank)
    warnings.push(`adapter_config.json says rank ${config.rank}, the largest of the tensors is ${rank}`);
  if (pairs.some(({ isFlat }) => isFlat))
    warnings.push(
      'The experts have the form of older versions of mlx-lm (lora_a [E·r, in]); results have that of current ones',
    );
  if (config.isDora)
    warnings.push(
      'DoRA: the magnitude vectors are carried over unchanged; errors are those of scale·B·A, not of the weights after ' +
        'the base model is normalised',
    );
  return warnings;
}
