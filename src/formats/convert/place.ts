/**
 * Where a module is, whatever a format calls it: a model and the path of the module in it, as Hugging Face's classes
 * have it (diffusers, transformers).
 *
 * language_model: a decoder of transformers. flux: Flux as Black Forest Labs published it, with fused q, k and v.
 * diffusion_model: another original implementation, whose names are carried along as they are. model: any other.
 */
export interface Place {
  readonly component: Component;
  readonly path: string;
}

export const PIPELINE_COMPONENTS = [
  'unet',
  'transformer',
  'transformer_2',
  'text_encoder',
  'text_encoder_2',
  'text_encoder_3',
] as const;
export type Component =
  | (typeof PIPELINE_COMPONENTS)[number]
  | 'diffusion_model'
  | 'flux'
  | 'language_model'
  | 'model';

const SIGNS: readonly (readonly [sign: RegExp, component: Component])[] = [
  [/^(?:down_blocks|mid_block|up_blocks)\./, 'unet'],
  [/^(?:single_)?transformer_blocks\./, 'transformer'],
  [/^text_model\./, 'text_encoder'],
  [
    /^(?:model\.layers|transformer\.h)\.\d+\.|^(?:model\.embed_tokens|transformer\.wte|lm_head)$/,
    'language_model',
  ],
];

/** The model that paths without a prefix belong to, told by those that only one has; "model" where none or two do. */
export function componentOf(paths: readonly string[]): Component {
  const found = SIGNS.filter(([sign]) => paths.some((path) => sign.test(path)));
  return found.length === 1 ? found[0]![1] : 'model';
}
