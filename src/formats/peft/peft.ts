import { WEIGHTS_FILE } from '../../adapter/file-names.ts';
import type { SafetensorsHeader } from '../../safetensors/header.ts';
import type { Format } from '../format.ts';
import { readPeftSource } from './read-peft.ts';
import { hasPeftConfig } from './recognise-config.ts';
import { readPeftKey } from './tensor-keys.ts';
import { planPeftOutput } from './write-peft.ts';

/** A folder as PEFT's save_pretrained writes it: adapter_model.safetensors and adapter_config.json. */
export const PEFT: Format = {
  name: 'peft',
  weightsName: WEIGHTS_FILE,
  hasConfig: true,
  recognises: ({ header, configBytes }) =>
    header !== null && configBytes !== null && hasPeftConfig(configBytes, isForeign(header)),
  read: async ({ header, configBytes }) => readPeftSource(header!, configBytes!),
  plan: planPeftOutput,
};

/** Whether weights are another trainer's. Where some are PEFT's, its reader says which are not. */
function isForeign({ tensors }: SafetensorsHeader): boolean {
  const roles = new Set(tensors.map(({ name }) => readPeftKey(name).role));
  return roles.has('foreign') && !roles.has('factor');
}
