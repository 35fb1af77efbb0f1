import { ANY_DTYPE, PEFT_FILES, type Profile } from '../profile.ts';

const SOURCE = 'https://github.com/huggingface/peft/blob/v0.21.0/src/peft';

export const PEFT_TRANSFORMERS: Profile = {
  name: 'peft',
  title: 'PEFT (transformers)',
  formats: ['peft'],
  sources: [
    {
      what: 'LoraConfig: every field of adapter_config.json',
      version: 'v0.21.0',
      url: `${SOURCE}/tuners/lora/config.py`,
    },
    {
      what: 'set_peft_model_state_dict: names of tensors',
      version: 'v0.21.0',
      url: `${SOURCE}/utils/save_and_load.py`,
    },
  ],
  max_rank: { default: null, largest: null, steps: null, setting: null },
  min_rank: 1,
  allowed_ranks: null,
  same_rank: 'none',
  scale: { formula: 'module', rslora: true },
  patterns: 'read',
  dtypes: ANY_DTYPE,
  module_kinds: ['linear', 'conv', 'embedding'],
  target_modules: null,
  tensor_names: 'peft',
  required_config: [{ field: 'peft_type', values: ['LORA'] }],
  lacks: [],
  files: [...PEFT_FILES],
  weights_bytes_below: null,
  notes: [
    'Adapters that share a model for hot-swapping must all have the same rank: set uniform, or a rank.',
  ],
};
