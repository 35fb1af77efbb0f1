import type { Format } from '../format.ts';
import { readCloneofsimo } from './read-cloneofsimo.ts';
import { readCloneofsimoKey } from './tensor-keys.ts';
import { CLONEOFSIMO_WEIGHTS, planCloneofsimoOutput } from './write-cloneofsimo.ts';

/** The first LoRA files of Stable Diffusion (cloneofsimo/lora): layers by number, ranks in the metadata, no scale. */
export const CLONEOFSIMO: Format = {
  name: 'cloneofsimo',
  weightsName: CLONEOFSIMO_WEIGHTS,
  hasConfig: false,
  recognises: ({ header, configBytes }) =>
    configBytes === null &&
    header !== null &&
    header.tensors.some(({ name }) => readCloneofsimoKey(name).role === 'factor'),
  read: async ({ header }) => ({ adapter: readCloneofsimo(header!), staging: null }),
  plan: planCloneofsimoOutput,
};
