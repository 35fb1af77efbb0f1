import type { FormatName } from '../../adapter/format-name.ts';

/** Names that PEFT has too, in files without its prefix. */
export const SHARED_WITH_PEFT = /\.lora_(?:(?:embedding_)?[AB]|magnitude_vector)(?:\.|$)/;

/** What the factors of each format are called, and what only their files have; the first that fits wins. */
const NAMES: readonly (readonly [FormatName, RegExp])[] = [
  ['peft', /^base_model\.model\..+\.lora_/],
  ['kohya', /\.lora_(?:down|up)(?:\.\d+)?(?:\.weight)?$/],
  ['kohya', /^(?:lora_(?:unet|te\d?|transformer|prior_unet)|lycoris)_[^.]+\./],
  ['xlabs', /(?:^|\.)(?:double|single)_blocks\.\d+\.processor\.(?:qkv|proj)_lora[12]?\.(?:down|up)\.weight$/],
  ['cloneofsimo', /^[^:.]+:\d+:(?:up|down)$/],
  ['mlx', /\.lora_[ab](?:\.|$)/],
  ['diffusers', SHARED_WITH_PEFT],
  [
    'diffusers',
    /\.(?:lora|lora_linear_layer|to_(?:q|k|v|out)_lora|add_[qkv]_proj_lora)\.(?:down|up)\.weight$/,
  ],
  // Layers of processors whose names are not known: of FLUX they are XLabs'.
  ['xlabs', /(?:^|\.)(?:double|single)_blocks\.\d+\.processor\./],
  ['diffusers', /[._]lora\d?\.(?:down|up)\.|\.lora_linear_layer\./],
];

/** The format that a tensor of this name belongs to; undefined where the name is nobody's. */
export const formatOfName = (name: string): FormatName | undefined =>
  NAMES.find(([, pattern]) => pattern.test(name))?.[0];
