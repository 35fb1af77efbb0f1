import type { Format } from '../format.ts';
import { readDiffusers } from './read-diffusers.ts';
import { isDiffusers } from './recognise.ts';
import { DIFFUSERS_WEIGHTS, planDiffusersOutput } from './write-diffusers.ts';

/** What diffusers' save_lora_weights writes, in its three generations of names, and ai-toolkit's files. */
export const DIFFUSERS: Format = {
  name: 'diffusers',
  weightsName: DIFFUSERS_WEIGHTS,
  hasConfig: false,
  recognises: ({ header, configBytes }) => configBytes === null && header !== null && isDiffusers(header),
  read: async ({ header, readTensor }) => ({
    adapter: await readDiffusers({ header: header!, readTensor }),
    staging: null,
  }),
  plan: planDiffusersOutput,
};
