import type { Format } from '../format.ts';
import { readXlabs } from './read-xlabs.ts';
import { readXlabsKey } from './tensor-keys.ts';
import { planXlabsOutput, XLABS_WEIGHTS } from './write-xlabs.ts';

/** LoRA for FLUX as XLabs' trainer saves it: fused QKV, the scale in the factors. */
export const XLABS: Format = {
  name: 'xlabs',
  weightsName: XLABS_WEIGHTS,
  hasConfig: false,
  recognises: ({ header, configBytes }) =>
    configBytes === null &&
    header !== null &&
    header.tensors.some(({ name }) => readXlabsKey(name).role === 'factor'),
  read: async ({ header }) => ({ adapter: readXlabs(header!), staging: null }),
  plan: planXlabsOutput,
};
