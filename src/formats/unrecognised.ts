import { CONFIG_FILE } from '../adapter/file-names.ts';
import { AppError } from '../errors/app-error.ts';
import type { ReadInput } from './format.ts';
import { readPeftKey } from './peft/tensor-keys.ts';

/** What to say of weights that are of no format: with PEFT's names they lack their configuration. */
export function unrecognised({ header }: Pick<ReadInput, 'header'>): AppError {
  const tensors = header?.tensors ?? [];
  if (tensors.some(({ name }) => readPeftKey(name).role === 'factor')) {
    return new AppError(
      'FILE_MISSING',
      `The weights have PEFT's names (…lora_A.weight), so ${CONFIG_FILE} is needed: it holds the scale.`,
      { missing: [CONFIG_FILE] },
    );
  }
  const [first] = tensors;
  return new AppError(
    'NO_LORA_TENSORS',
    first
      ? `No LoRA that is known here: ${tensors.length} tensors such as ${JSON.stringify(first.name.slice(0, 120))}.`
      : 'The weights have no tensors.',
    { tensors: tensors.length },
  );
}
