import { ANY_DTYPE, type Profile } from '../profile.ts';

export const MLX_LM: Profile = {
  name: 'mlx-lm',
  title: 'mlx-lm',
  formats: ['mlx'],
  sources: [
    {
      what: 'load_adapters, linear_to_lora_layers: files, fields of the configuration, kinds of layers; tensors are loaded by name',
      version: 'd78bf58',
      url: 'https://github.com/ml-explore/mlx-lm/blob/d78bf58e217c904ec282ed8da9b947491f78c022/mlx_lm/tuner/utils.py',
    },
    {
      what: 'load_adapters refuses shapes other than those of lora_parameters.rank, and tensors that the model lacks',
      version: 'merged after v0.31.3',
      url: 'https://github.com/ml-explore/mlx-lm/pull/1727',
    },
  ],
  max_rank: { default: null, largest: null, steps: null, setting: null },
  min_rank: 1,
  allowed_ranks: null,
  same_rank: 'all',
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
  lacks: [
    {
      feature: 'modules-to-save',
      effect: 'refused',
      detail: 'mlx-lm loads no tensors other than lora_a, lora_b and m',
    },
  ],
  files: ['adapters.safetensors', 'adapter_config.json'],
  weights_bytes_below: null,
  notes: [
    'All modules share one scaling and one rank (lora_parameters). Versions up to v0.31.3 also load different ranks.',
    'Modules in lora_parameters.keys that are not in the file get an update of zero.',
    'Experts with DoRA and modules that the base model lacks are refused by mlx-lm; neither is checked.',
  ],
};
