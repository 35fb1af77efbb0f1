import type { Adapter, LoraModule, TensorEntry } from '../../adapter/adapter.ts';
import { mostFrequent } from '../pairs/most-frequent.ts';
import type { Route } from './not-convertible.ts';

/** What a conversion has to be told where the files do not say it. */
export interface ConvertOptions {
  /** Of Stable Diffusion and its like, which the adapter belongs to. Default: told by the names of its modules. */
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
 * diffusion_model: another original implementation, whose names are carried along as they are. model: any other.
 */
export interface PlaceInModel {
  readonly component: Component;
  readonly path: string;
}

/** A module of an adapter with its place; what it computes is ΔW = scale·B·A, B's rows in Hugging Face's order. */
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
  /** The base layers are GPT-2's Conv1D, which keep their weights transposed (PEFT: fan_in_fan_out). ΔW is not. */
  readonly isConv1d: boolean;
  readonly baseModel: string | null;
}

/** How a format names the modules of an adapter. */
export interface NamesIn {
  /** One for each module. @throws AppError FORMAT_NOT_CONVERTIBLE */
  readonly placed: (adapter: Adapter, options: ConvertOptions, route: Route) => PlacedModule[];
  /** What a tensor beside the factors is, and the module it belongs to as its factors' names begin; null: no such. */
  readonly extra: (name: string) => { readonly kind: Extra['kind']; readonly prefix: string } | null;
  /** What the names of a module's factors begin with. */
  readonly prefixOf: (module: LoraModule) => string;
  readonly isConv1d: (adapter: Adapter, options: ConvertOptions) => boolean;
}

/** The names of a module in a format. */
export interface Named {
  readonly name: string;
  readonly a: string;
  readonly b: string;
  readonly alpha?: LoraModule['alpha'];
  readonly rowOrder?: LoraModule['rowOrder'];
}

/** How a format names modules of any adapter, and what stands beside them. */
export interface NamesOut {
  /** @throws AppError FORMAT_NOT_CONVERTIBLE */
  readonly named: (source: PlacedAdapter, options: ConvertOptions, route: Route) => Named[];
  /** Name and shape of a tensor beside the factors of a module; null where the format has none of the kind. */
  readonly extra: (
    kind: Extra['kind'],
    named: Named,
    module: LoraModule,
  ) => { readonly name: string; readonly shape: readonly number[] } | null;
  /** What its writer goes by. */
  readonly frame: (
    source: PlacedAdapter,
    named: readonly Named[],
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
];

/** The model that paths without a prefix belong to, told by those that only one has; "model" where none or two do. */
export function componentOf(paths: readonly string[]): Component {
  const found = SIGNS.filter(([sign]) => paths.some((path) => sign.test(path)));
  return found.length === 1 ? found[0]![1] : 'model';
}

/** The largest rank, and the alpha (scale·rank) of most modules; of equally frequent ones the first. */
export const commonScale = (
  modules: readonly Pick<LoraModule, 'rank' | 'scale'>[],
): { rank: number; alpha: number } => ({
  rank: modules.reduce((largest, { rank }) => Math.max(largest, rank), 1),
  alpha: mostFrequent(modules.map(({ scale, rank }) => scale * rank)),
});
