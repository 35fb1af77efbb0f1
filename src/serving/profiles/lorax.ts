import { ANY_DTYPE, PEFT_FILES, type Profile } from '../profile.ts';

const SOURCE = 'https://github.com/predibase/lorax/blob/main/server/lorax_server';

export const LORAX: Profile = {
  name: 'lorax',
  title: 'LoRAX',
  sources: [
    {
      what: 'LoraConfig and LoraWeights.load: names, scale, stacking',
      version: '03679f3',
      url: `${SOURCE}/adapters/lora.py`,
    },
    {
      what: 'pad_rank: ranks are padded to multiples; ranks of the kernels',
      version: '0e057f0',
      url: `${SOURCE}/utils/sgmv.py`,
    },
    { what: 'Ranks with CUDA graphs', version: '0086613', url: `${SOURCE}/utils/graph.py` },
  ],
  max_rank: { default: null, largest: null, steps: null, setting: null },
  min_rank: 1,
  allowed_ranks: null,
  same_rank: 'layers',
  scale: { formula: 'config', rslora: true },
  patterns: 'ignored',
  dtypes: ANY_DTYPE,
  module_kinds: ['linear'],
  target_modules: null,
  tensor_names: 'peft',
  required_config: [],
  lacks: [
    { feature: 'dora', effect: 'ignored', detail: 'LoRAX leaves out the magnitudes' },
    { feature: 'modules-to-save', effect: 'ignored', detail: 'LoRAX applies factors only' },
    { feature: 'bias', effect: 'ignored', detail: 'LoRAX applies factors only' },
    { feature: 'lora-bias', effect: 'ignored', detail: 'LoRAX applies factors only' },
  ],
  files: [...PEFT_FILES],
  weights_bytes_below: null,
  notes: [
    'Ranks up to 8 are padded to 8 for each GPU of a tensor-parallel group, larger ones to the next multiple of 16. CUDA graphs exist for 8, 16, 32 and 64; beyond 128 the fast kernels are not used.',
    'A type of layer (say q_proj) is left out as a whole when one layer lacks it; that is not judged, as it depends on the model.',
  ],
};
