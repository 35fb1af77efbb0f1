import { ANY_DTYPE, type Profile } from '../profile.ts';

export const LLAMA_CPP: Profile = {
  name: 'llama-cpp',
  title: 'llama.cpp',
  formats: ['gguf'],
  sources: [
    {
      what: 'llama_adapter_lora_init_impl: metadata, names of tensors, norms, shapes',
      version: '0650ea8',
      url: 'https://github.com/ggml-org/llama.cpp/blob/0650ea8c05bc6e31273182470197e9b2e50253e0/src/llama-adapter.cpp',
    },
    {
      what: 'get_scale: alpha divided by the rank of the tensors, or 1 if alpha is 0',
      version: '215841f',
      url: 'https://github.com/ggml-org/llama.cpp/blob/215841fc0178de0797d23f1cae8ab8ee1baa8eb9/src/llama-adapter.h',
    },
  ],
  max_rank: { default: null, largest: null, steps: null, setting: null },
  min_rank: 1,
  allowed_ranks: null,
  same_rank: 'none',
  scale: { formula: 'module', rslora: false },
  patterns: 'ignored',
  dtypes: ANY_DTYPE,
  module_kinds: ['linear', 'embedding'],
  target_modules: null,
  tensor_names: 'any',
  required_config: [],
  lacks: [
    {
      feature: 'modules-to-save',
      effect: 'ignored',
      detail: 'llama.cpp passes over the norms that an adapter has and refuses every other tensor',
    },
  ],
  // The path is given with --lora.
  files: [],
  weights_bytes_below: null,
  notes: [
    'The file must be of the architecture of the base model (general.architecture), and the base model must have every tensor; ' +
      'this is not checked.',
    'One alpha holds for all modules: results have the alpha 0, which means a scaling of 1, if their ranks differ.',
  ],
};
