import { ANY_DTYPE, PEFT_FILES, type Profile } from '../profile.ts';

export const FIREWORKS: Profile = {
  name: 'fireworks',
  title: 'Fireworks AI',
  formats: ['peft'],
  sources: [
    {
      what: 'Requirements of an uploaded LoRA addon: files, r, target_modules',
      version: '2026',
      url: 'https://fireworks.ai/docs/fine-tuning/fine-tuned-import',
    },
  ],
  max_rank: { default: 64, largest: 64, steps: null, setting: null },
  min_rank: 4,
  allowed_ranks: null,
  same_rank: 'all',
  // Fields other than r and target_modules "are ignored"; the source does not say whether that includes lora_alpha.
  scale: { formula: 'unstated', rslora: false },
  patterns: 'ignored',
  dtypes: ANY_DTYPE,
  module_kinds: ['linear'],
  target_modules: [
    'q_proj',
    'k_proj',
    'v_proj',
    'o_proj',
    'up_proj',
    'w1',
    'down_proj',
    'w2',
    'gate_proj',
    'w3',
    'block_sparse_moe.gate',
  ],
  tensor_names: 'peft',
  required_config: [
    { field: 'r', values: null },
    { field: 'target_modules', values: null },
  ],
  lacks: [
    { feature: 'dora', effect: 'ignored', detail: 'fields other than r and target_modules are ignored' },
    {
      feature: 'modules-to-save',
      effect: 'ignored',
      detail: 'fields other than r and target_modules are ignored',
    },
    { feature: 'bias', effect: 'ignored', detail: 'fields other than r and target_modules are ignored' },
    { feature: 'lora-bias', effect: 'ignored', detail: 'fields other than r and target_modules are ignored' },
  ],
  files: [...PEFT_FILES],
  weights_bytes_below: null,
  notes: ['Only some base models accept LoRA addons; this is not checked.'],
};
