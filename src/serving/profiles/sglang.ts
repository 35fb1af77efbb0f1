import { ANY_DTYPE, PEFT_FILES, type Profile } from '../profile.ts';

const SOURCE =
  'https://github.com/sgl-project/sglang/blob/0ceb81fe4868b3364267a661da67b5d88aa45fc3/python/sglang/srt/lora';

export const SGLANG: Profile = {
  name: 'sglang',
  title: 'SGLang',
  formats: ['peft'],
  sources: [
    {
      what: 'LoRAConfig: fields read, rank_pattern and alpha_pattern',
      version: '0ceb81f',
      url: `${SOURCE}/lora_config.py`,
    },
    {
      what: 'LoRAManager.validate_new_adapter: rank, DoRA, patterns',
      version: '0ceb81f',
      url: `${SOURCE}/lora_manager.py`,
    },
    { what: 'LoRAAdapter: scale = lora_alpha / r', version: '0ceb81f', url: `${SOURCE}/lora.py` },
    {
      what: 'use_rslora is ignored',
      version: 'open in 2026-09',
      url: 'https://github.com/sgl-project/sglang/issues/40835',
    },
  ],
  max_rank: { default: null, largest: null, steps: null, setting: '--max-lora-rank' },
  min_rank: 1,
  allowed_ranks: null,
  same_rank: 'all',
  scale: { formula: 'config', rslora: false },
  patterns: 'refused',
  dtypes: ANY_DTYPE,
  module_kinds: ['linear', 'embedding'],
  target_modules: null,
  tensor_names: 'any',
  required_config: [
    { field: 'r', values: null },
    { field: 'lora_alpha', values: null },
    { field: 'target_modules', values: null },
  ],
  lacks: [
    { feature: 'dora', effect: 'refused', detail: 'SGLang does not load DoRA' },
    {
      feature: 'modules-to-save',
      effect: 'ignored',
      detail: 'SGLang applies factors only, so everything else that was trained is lost',
    },
    { feature: 'bias', effect: 'ignored', detail: 'SGLang applies factors only' },
    { feature: 'lora-bias', effect: 'ignored', detail: 'SGLang applies factors only' },
  ],
  files: [...PEFT_FILES],
  weights_bytes_below: null,
  notes: [
    'Without --max-lora-rank the largest rank is that of the adapters given at the start; adapters loaded later must not exceed it.',
    'Adapters that add tokens to the vocabulary (added_tokens.json) are refused; that file is not part of an adapter here.',
    'Modules outside --lora-target-modules are refused; this is not checked.',
  ],
};
