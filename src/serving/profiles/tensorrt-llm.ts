import { ANY_DTYPE, PEFT_FILES, type Profile } from '../profile.ts';

export const TENSORRT_LLM: Profile = {
  name: 'tensorrt-llm',
  title: 'TensorRT-LLM',
  formats: ['peft'],
  sources: [
    {
      what: 'LoraConfig, HfLoraLoader and LoraManager.load_from_hf: default rank, names, rank and scale of tensors, DoRA',
      version: '007e181',
      url: 'https://github.com/NVIDIA/TensorRT-LLM/blob/007e181b5366648aa9b0fda4ec43f508a586bcd8/tensorrt_llm/lora_manager.py',
    },
  ],
  max_rank: { default: 64, largest: null, steps: null, setting: 'max_lora_rank' },
  min_rank: 1,
  allowed_ranks: null,
  same_rank: 'none',
  scale: { formula: 'tensor-rank', rslora: true },
  patterns: 'ignored',
  dtypes: ANY_DTYPE,
  module_kinds: ['linear'],
  target_modules: null,
  tensor_names: 'suffix',
  required_config: [
    { field: 'r', values: null },
    { field: 'lora_alpha', values: null },
  ],
  lacks: [
    {
      feature: 'modules-to-save',
      effect: 'refused',
      detail:
        'only lm_head and embed_tokens are accepted, and only from the adapter that is present at the start',
    },
    { feature: 'bias', effect: 'refused', detail: 'TensorRT-LLM stops at the name of the tensor' },
    { feature: 'lora-bias', effect: 'refused', detail: 'TensorRT-LLM stops at the name of the tensor' },
  ],
  files: [...PEFT_FILES],
  weights_bytes_below: null,
  notes: [
    'Tensors load at their own rank, but with one lora_alpha for all: with unequal ranks the scaling ' +
      'lora_alpha / rank differs, so one rank is required.',
    'DoRA works, but not on experts. Which modules can have LoRA depends on the model; this is not checked.',
  ],
};
