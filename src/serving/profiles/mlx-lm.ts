import { ANY_DTYPE, type Profile } from '../profile.ts';

export const MLX_LM: Profile = {
  name: 'mlx-lm',
  title: 'mlx-lm',
  formats: ['mlx'],
  sources: [
    {
      what: 'load_adapters, linear_to_lora_layers: files, fields of the configuration, kinds of layers; tensors are loaded by name',
      version: '0367286',
      url: 'https://github.com/ml-explore/mlx-lm/blob/036728670ef951c1d583689ad2255020702dcfa3/mlx_lm/tuner/utils.py',
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
  required_config: [
    { field: 'num_layers', values: null },
    { field: 'lora_parameters', values: null },
  ],
  lacks: [],
  files: ['adapters.safetensors', 'adapter_config.json'],
  weights_bytes_below: null,
  notes: [
    'One scale holds for all modules (lora_parameters.scale); ranks are those of the tensors.',
    'Modules in lora_parameters.keys that are not in the file get an update of zero.',
    'Experts with DoRA are refused by mlx-lm, and modules that the base model lacks are ignored; neither is checked.',
  ],
};
