import { ANY_DTYPE, PEFT_FILES, type Profile } from '../profile.ts';

export const CLOUDFLARE: Profile = {
  name: 'cloudflare',
  title: 'Cloudflare Workers AI',
  formats: ['peft'],
  sources: [
    {
      what: 'Limitations; what adapter_config.json must contain',
      version: '2026-04-21',
      url: 'https://developers.cloudflare.com/workers-ai/features/fine-tunes/loras/',
    },
  ],
  // "rank r <= 8 as well as larger ranks if up to 32": every model accepts 8.
  max_rank: { default: 8, largest: 32, steps: null, setting: 'the model that is chosen' },
  min_rank: 1,
  allowed_ranks: null,
  same_rank: 'all',
  scale: { formula: 'unstated', rslora: false },
  patterns: 'ignored',
  dtypes: ANY_DTYPE,
  module_kinds: ['linear'],
  target_modules: null,
  tensor_names: 'peft',
  required_config: [{ field: 'model_type', values: ['mistral', 'gemma', 'llama'] }],
  lacks: [
    { feature: 'dora', effect: 'ignored', detail: 'only rank-r factors are documented' },
    { feature: 'modules-to-save', effect: 'ignored', detail: 'only rank-r factors are documented' },
    { feature: 'bias', effect: 'ignored', detail: 'only rank-r factors are documented' },
    { feature: 'lora-bias', effect: 'ignored', detail: 'only rank-r factors are documented' },
  ],
  files: [...PEFT_FILES],
  weights_bytes_below: 300_000_000,
  notes: [
    'Only rank, size, names and model_type are documented. The other rules are cautious: one rank, a scaling ' +
      'of 1, factors only.',
    'model_type must be added to adapter_config.json before the upload; results keep it if the source has it.',
    'At most 100 adapters per account, and only for models that are not quantised; this is not checked.',
  ],
};
