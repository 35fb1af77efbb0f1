import { notConvertible, type Route } from './not-convertible.ts';
import type { ModuleNames, NameReader, NameWriter, PlacedAdapter, PlaceInModel } from './placed-adapter.ts';
import { commonScale, pathInTextModel } from './placed-adapter.ts';

/** MLX stacks experts in one tensor (switch_mlp, switch_glu). */
const EXPERTS = /\.(?:experts|switch_mlp|switch_glu)(?:\.|$)/;
const LLAMA_LIKE = /^model\.layers\.\d+\.|^(?:model\.embed_tokens|lm_head)$/;
/** GPT-2: transformer.h in transformers, model.h in mlx-lm (mlx_lm/models/gpt2.py). */
const GPT2_HF = /^transformer\.(h\.\d+\..+|wte|wpe)$/;
const GPT2_MLX = /^model\.(h\.\d+\..+|wte|wpe)$/;
const LAYER = /^model\.(?:layers|h)\.\d+\.(.+)$/;

/** Folders of mlx-lm have the paths of transformers, because its models are built alike; only GPT-2's root differs. */
export const MLX_READER: NameReader = {
  placed: ({ modules }, _options, route) =>
    modules.map((module) => {
      const whole = module.expert ? module.name.replace(/#\d+$/, '') : module.name;
      const gpt2 = GPT2_MLX.exec(whole)?.[1];
      // Which multimodal class of transformers a text model belongs to is not in the file; llama.cpp has no such classes.
      const inText = route.to === 'gguf' ? pathInTextModel(whole) : whole;
      const path = gpt2 === undefined ? inText : `transformer.${gpt2}`;
      if (gpt2 === undefined && !LLAMA_LIKE.test(path)) throw unknownPath(route, module.name);
      if (EXPERTS.test(path) && !module.expert) throw experts(route, module.name);
      return { module, place: { component: 'language_model', path } satisfies PlaceInModel };
    }),
  extra: (name) => {
    const prefix = /^(.+)\.m$/.exec(name)?.[1];
    return prefix === undefined ? null : { kind: 'magnitude', prefix };
  },
  prefixOf: ({ name }) => name,
  isConv1d: ({ modules }) => modules.some(({ name }) => GPT2_MLX.test(name)),
};

export const MLX_WRITER: NameWriter = {
  named: ({ placed, isConv1d }, _options, route) =>
    placed.map(({ module, place: { component, path } }) => {
      if (component !== 'language_model') throw unknownPath(route, module.name);
      if (EXPERTS.test(path) && !module.expert) throw experts(route, module.name);
      const gpt2 = isConv1d ? GPT2_HF.exec(path)?.[1] : undefined;
      const name = gpt2 === undefined ? path : `model.${gpt2}`;
      if (gpt2 === undefined && !LLAMA_LIKE.test(path)) throw unknownPath(route, module.name);
      return { name, a: `${name}.lora_a`, b: `${name}.lora_b` };
    }),
  extra: (kind, { name }, { kind: layer, m }) =>
    kind === 'magnitude' && layer === 'linear' ? { name: `${name}.m`, shape: [m] } : null,
  frame: (source, named, { base_model: chosen }) => ({
    config: mlxConfig(source, named, chosen ?? source.baseModel),
    metadata: new Map(),
  }),
};

/**
 * num_layers −1 means every layer (mlx_lm/tuner/utils.py, `linear_to_lora_layers`), because the number of layers of the
 * model is not known here. Layers without factors in the file get B = 0.
 */
function mlxConfig(
  { placed, extras }: PlacedAdapter,
  named: readonly ModuleNames[],
  baseModel: string | null,
): Record<string, unknown> {
  const { rank, alpha } = commonScale(placed.map(({ module }) => module));
  const keys = named.map(({ name }) => LAYER.exec(name)?.[1] ?? name);
  return {
    fine_tune_type: extras.some(({ kind }) => kind === 'magnitude') ? 'dora' : 'lora',
    lora_parameters: { rank, scale: alpha / rank, dropout: 0, keys: [...new Set(keys)].sort() },
    ...(baseModel === null ? {} : { model: baseModel }),
    num_layers: -1,
  };
}

const experts = (route: Route, name: string): Error =>
  notConvertible(
    route,
    name,
    'belongs to an expert, and the two formats stack the experts of a mixture differently',
  );

const unknownPath = (route: Route, name: string): Error =>
  notConvertible(
    route,
    name,
    'is not a path that transformers and mlx-lm share: model.layers.N.…, model.embed_tokens, lm_head, or GPT-2',
  );
