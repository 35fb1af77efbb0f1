import { ANY_DTYPE, PEFT_FILES, type Profile } from '../profile.ts';

const SOURCE =
  'https://github.com/predibase/lorax/blob/a7394ba386ece427d5a6125b419aa38b46d966dc/server/lorax_server';

export const LORAX: Profile = {
  name: 'lorax',
  title: 'LoRAX',
  formats: ['peft'],
  sources: [
    {
      what: 'LoraConfig and LoraWeights.load: names, scale, stacking of layers; r becomes the padded rank',
      version: 'a7394ba',
      url: `${SOURCE}/adapters/lora.py`,
    },
    {
      what: 'Model.load_adapter: one LoraConfig for all types of layers; tensors that are not used',
      version: 'a7394ba',
      url: `${SOURCE}/models/model.py`,
    },
    { what: 'pad_rank; ranks of the kernels', version: 'a7394ba', url: `${SOURCE}/utils/punica.py` },
    { what: 'Ranks with CUDA graphs', version: 'a7394ba', url: `${SOURCE}/utils/graph.py` },
  ],
  max_rank: { default: null, largest: null, steps: null, setting: null },
  min_rank: 1,
  allowed_ranks: {
    ranks: [8, ...Array.from({ length: 32 }, (_, index) => 16 * (index + 1))],
    reason:
      'others are padded, and every type of layer but the first is then scaled by lora_alpha / padded rank',
  },
  same_rank: 'all',
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
    'Ranks are padded to at least 8 for each GPU of a tensor-parallel group, so with n GPUs use 8·n or more (a multiple of 16).',
    'CUDA graphs (--compile) exist for ranks 8, 16, 32 and 64, with LORAX_COMPILE_MAX_RANK also 128; beyond 128 the fast kernels are not used.',
    'A type of layer (such as q_proj) is ignored as a whole if one layer lacks it; this is not checked, ' +
      'because it depends on the model.',
  ],
};
