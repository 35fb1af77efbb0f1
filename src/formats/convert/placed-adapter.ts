import type { Adapter, LoraModule, TensorEntry } from '../../adapter/adapter.ts';
import { mostFrequent } from '../pairs/most-frequent.ts';
import type { Route } from './not-convertible.ts';

/** What a conversion needs to know if the files do not show it. */
export interface ConvertOptions {
  /** The part of a pipeline that the adapter belongs to. By default, the names of its modules show it. */
  readonly component?: 'unet' | 'transformer' | 'text_encoder' | 'text_encoder_2' | undefined;
  /** GGUF: general.architecture, such as llama or qwen2. */
  readonly architecture?: string | undefined;
  /** Attention heads of the base model, for architectures whose rows llama.cpp reorders (llama, mistral). */
  readonly heads?: number | undefined;
  readonly kv_heads?: number | undefined;
  readonly base_model?: string | undefined;
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

/**
 * Where a module is, whatever a format calls it: a model and the path of the module in it, as Hugging Face's classes
 * have it (diffusers, transformers).
 *
 * language_model: a decoder of transformers. flux: Flux as Black Forest Labs published it, with fused q, k and v.
 * diffusion_model: another original implementation, whose names are kept as they are. model: any other.
 */
export interface PlaceInModel {
  readonly component: Component;
  readonly path: string;
}

/** A module of an adapter with its place. ΔW = scale·B·A, and the rows of B are in the order of Hugging Face's classes. */
export interface PlacedModule {
  readonly module: LoraModule;
  readonly place: PlaceInModel;
}

/** A tensor beside the factors of a module, which several formats have with the same meaning. */
export interface Extra {
  /**
   * magnitude: DoRA's m, one number for each output: W′ = m·(W + ΔW)/‖W + ΔW‖, the norm by rows. bias: PEFT's
   * lora_bias, scaled together with B·A.
   */
  readonly kind: 'magnitude' | 'bias';
  readonly entry: TensorEntry;
  readonly moduleIndex: number;
}

/** An adapter without the names of its format. */
export interface PlacedAdapter {
  readonly placed: readonly PlacedModule[];
  readonly extras: readonly Extra[];
  /** The base layers are GPT-2's Conv1D, which store their weights transposed (PEFT: fan_in_fan_out). ΔW is not transposed. */
  readonly isConv1d: boolean;
  readonly baseModel: string | null;
}

/** How a format names the modules of an adapter. */
export interface NameReader {
  /** One for each module. @throws AppError FORMAT_NOT_CONVERTIBLE */
  readonly placed: (adapter: Adapter, options: ConvertOptions, route: Route) => PlacedModule[];
  /** What a tensor beside the factors is, and the beginning of its module's tensor names; null: it is neither kind. */
  readonly extra: (name: string) => { readonly kind: Extra['kind']; readonly prefix: string } | null;
  /** What the names of a module's factors begin with. */
  readonly prefixOf: (module: LoraModule) => string;
  readonly isConv1d: (adapter: Adapter, options: ConvertOptions) => boolean;
}

/** The names of a module in a format. */
export interface ModuleNames {
  readonly name: string;
  readonly a: string;
  readonly b: string;
  readonly alpha?: LoraModule['alpha'];
  readonly rowOrder?: LoraModule['rowOrder'];
}

/** How a format names modules of any adapter, and what stands beside them. */
export interface NameWriter {
  /** @throws AppError FORMAT_NOT_CONVERTIBLE */
  readonly named: (source: PlacedAdapter, options: ConvertOptions, route: Route) => ModuleNames[];
  /** Name and shape of a tensor beside the factors of a module; null if the format has none of this kind. */
  readonly extra: (
    kind: Extra['kind'],
    named: ModuleNames,
    module: LoraModule,
  ) => { readonly name: string; readonly shape: readonly number[] } | null;
  /** What its writer needs. */
  readonly frame: (
    source: PlacedAdapter,
    named: readonly ModuleNames[],
    options: ConvertOptions,
  ) => Pick<Adapter, 'config' | 'metadata'>;
}

const SIGNS: readonly (readonly [sign: RegExp, component: Component])[] = [
  [/^(?:down_blocks|mid_block|up_blocks)\./, 'unet'],
  [/^(?:single_)?transformer_blocks\./, 'transformer'],
  [/^text_model\./, 'text_encoder'],
  [
    /^(?:model\.layers|transformer\.h)\.\d+\.|^(?:model\.embed_tokens|transformer\.wte|lm_head)$/,
    'language_model',
  ],
  [/^(?:model\.language_model|language_model\.model)\.layers\.\d+\./, 'language_model'],
];

/**
 * The path in a text model alone of a path in a multimodal model around it: "model.language_model.layers.0…" of transformers,
 * "language_model.model.layers.0…" of its releases before 4.52 and of mlx-lm. Converters to GGUF leave the words out as
 * well (convert_hf_to_gguf.py). Other paths stay.
 */
export const pathInTextModel = (path: string): string =>
  path
    .replace(/^(?:model\.language_model|language_model\.model)\./, 'model.')
    .replace(/^language_model\.(?=lm_head$)/, '');

/** The model that paths without a prefix belong to, shown by paths that only one model has; "model" if none or two match. */
export function componentOf(paths: readonly string[]): Component {
  const found = new Set(
    SIGNS.filter(([sign]) => paths.some((path) => sign.test(path))).map(([, component]) => component),
  );
  return found.size === 1 ? [...found][0]! : 'model';
}

/** The largest rank, and the alpha (scale·rank) of most modules; of equally frequent ones the first. */
export const commonScale = (
  modules: readonly Pick<LoraModule, 'rank' | 'scale'>[],
): { rank: number; alpha: number } => ({
  rank: modules.reduce((largest, { rank }) => Math.max(largest, rank), 1),
  alpha: mostFrequent(modules.map(({ scale, rank }) => scale * rank)),
});
