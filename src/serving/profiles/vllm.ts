import { ANY_DTYPE, PEFT_FILES, type Profile } from '../profile.ts';

const SOURCE = 'https://github.com/vllm-project/vllm/blob/main';

export const VLLM: Profile = {
  name: 'vllm',
  title: 'vLLM',
  formats: ['peft'],
  sources: [
    {
      what: 'LoRAConfig: the values of --max-lora-rank and its default',
      version: 'v0.26',
      url: `${SOURCE}/vllm/config/lora.py`,
    },
    {
      what: 'PEFTHelper: fields read, scale, what is refused',
      version: 'v0.26',
      url: `${SOURCE}/vllm/lora/peft_helper.py`,
    },
    {
      what: 'LoRAModel: file names, tensor names; DoRA',
      version: 'v0.26',
      url: `${SOURCE}/vllm/lora/lora_model.py`,
    },
    {
      what: 'PackedLoRALayerWeights.pack_moe: factors of experts are stacked',
      version: 'v0.26',
      url: `${SOURCE}/vllm/lora/lora_weights.py`,
    },
    {
      what: 'modules_to_save of classifiers, in releases after this profile',
      version: 'merged after v0.26',
      url: 'https://github.com/vllm-project/vllm/pull/53555',
    },
  ],
  max_rank: {
    default: 16,
    largest: 512,
    steps: [1, 8, 16, 32, 64, 128, 256, 320, 512],
    setting: '--max-lora-rank',
  },
  min_rank: 1,
  allowed_ranks: null,
  same_rank: 'experts',
  scale: { formula: 'config', rslora: true },
  patterns: 'ignored',
  dtypes: ANY_DTYPE,
  module_kinds: ['linear', 'embedding'],
  target_modules: null,
  tensor_names: 'suffix',
  required_config: [
    { field: 'r', values: null },
    { field: 'lora_alpha', values: null },
    { field: 'target_modules', values: null },
  ],
  lacks: [
    { feature: 'dora', effect: 'refused', detail: 'vLLM does not load DoRA' },
    {
      feature: 'modules-to-save',
      effect: 'refused',
      detail:
        'vLLM accepts factors only; releases after v0.26 also accept the heads "score" and "classifier"',
    },
    { feature: 'bias', effect: 'refused', detail: 'vLLM accepts bias "none" only' },
    { feature: 'lora-bias', effect: 'refused', detail: 'vLLM cannot load the bias of lora_B' },
  ],
  files: [...PEFT_FILES],
  weights_bytes_below: null,
  notes: [
    'Every adapter occupies the memory of --max-lora-rank, whatever its own rank: squeeze to that value, or ' +
      'lower the value to the smallest that fits.',
    'Unequal ranks load, because tensors keep their own rank and a folded scaling is 1 for all; they save no ' +
      'memory there.',
    'Which modules can have LoRA depends on the model; this is not checked.',
  ],
};
