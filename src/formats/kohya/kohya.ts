import type { Format } from '../format.ts';
import { readKohya } from './read-kohya.ts';
import { isKohyaName } from './tensor-keys.ts';
import { KOHYA_WEIGHTS_FILE, planKohyaOutput, withOneAlpha } from './write-kohya.ts';

/**
 * One file as sd-scripts, musubi-tuner and LyCORIS write it and web UIs load it: lora_down, lora_up and alpha of each
 * module, and the parameters of the training in the metadata.
 */
export const KOHYA: Format = {
  name: 'kohya',
  weightsName: KOHYA_WEIGHTS_FILE,
  hasConfig: false,
  recognises: ({ header, configBytes }) =>
    configBytes === null && header !== null && header.tensors.some(({ name }) => isKohyaName(name)),
  read: readKohya,
  folded: withOneAlpha,
  plan: planKohyaOutput,
};
