import type { TensorEntry } from '../../adapter/adapter.ts';
import { AppError } from '../../errors/app-error.ts';
import { counted } from '../../errors/counted.ts';
import { quoteSome } from '../../json/quote.ts';

/** How many tensors a message names. */
const MAX_NAMED = 3;

/** What a file, or a part of one, says about DoRA, and which magnitude vectors it has. */
export interface DoraCheck {
  /** The field that makes it DoRA, such as "use_dora: true of adapter_config.json". */
  readonly setting: string;
  /** Whether the field has that value; null without a configuration, when one vector makes all modules DoRA. */
  readonly isSet: boolean | null;
  /** By module, the name of its vector, whether the file has it or not. */
  readonly expected: ReadonlyMap<string, string>;
  /** By module. */
  readonly magnitudes: ReadonlyMap<string, TensorEntry>;
}

/**
 * Refuses DoRA with only some of its magnitude vectors, and vectors that nothing declares. PEFT, diffusers and mlx-lm give
 * every module a vector or none: one that is missing stays at the norm of the base weights, one that is not declared is
 * left out, and neither is reported (peft/tuners/lora/layer.py, `update_layer`; diffusers, utils/peft_utils.py,
 * `get_peft_kwargs`; mlx_lm/tuner/utils.py, `load_adapters`).
 * @throws AppError LORA_MAGNITUDE_MISMATCH naming the setting and the tensors
 */
export function checkMagnitudes({ setting, isSet, expected, magnitudes }: DoraCheck): void {
  if (isSet === false && magnitudes.size > 0) {
    const names = [...magnitudes.values()].map(({ name }) => name);
    throw mismatch(
      `The file has DoRA magnitude vectors (${quoteSome(names, MAX_NAMED)}) without ${setting}, so loaders ignore them. Add ` +
        'the setting, or remove the vectors if the adapter is plain LoRA.',
      setting,
      names,
    );
  }
  if (isSet === false || (isSet === null && magnitudes.size === 0)) return;
  const missing = [...expected].filter(([module]) => !magnitudes.has(module)).map(([, name]) => name);
  if (missing.length === 0) return;
  const [reason, remedy] =
    isSet === null
      ? ['Other modules have DoRA magnitude vectors', 'remove the existing vectors']
      : [`The adapter has ${setting}`, 'remove the setting'];
  throw mismatch(
    `${reason}, but ${missing.length} of ${counted(expected.size, 'module')} ${missing.length === 1 ? 'has' : 'have'} no magnitude vector (${quoteSome(missing, MAX_NAMED)}). Save the ` +
      `adapter again with all of its tensors, or ${remedy} if it is plain LoRA.`,
    setting,
    missing,
  );
}

const mismatch = (what: string, setting: string, names: readonly string[]): AppError =>
  new AppError('LORA_MAGNITUDE_MISMATCH', what, {
    setting,
    tensors: names.slice(0, MAX_NAMED),
    count: names.length,
  });
