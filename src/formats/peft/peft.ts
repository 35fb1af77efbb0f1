import { WEIGHTS_FILE } from '../../adapter/file-names.ts';
import type { Format } from '../format.ts';
import { readPeftSource } from './read-peft.ts';
import { hasPeftConfig } from './recognise-config.ts';
import { foreignLora } from './tensor-keys.ts';
import { planPeftOutput } from './write-peft.ts';

/** A folder as PEFT's save_pretrained writes it: adapter_model.safetensors and adapter_config.json. */
export const PEFT: Format = {
  name: 'peft',
  weightsName: WEIGHTS_FILE,
  hasConfig: true,
  recognises: ({ header, configBytes }) =>
    header !== null &&
    configBytes !== null &&
    hasPeftConfig(configBytes, foreignLora(header.tensors.map(({ name }) => name)) !== undefined),
  read: async ({ header, configBytes }) => readPeftSource(header!, configBytes!),
  plan: planPeftOutput,
};
