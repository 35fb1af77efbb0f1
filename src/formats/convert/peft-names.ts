import type { LoraModule } from '../../adapter/adapter.ts';
import { quote } from '../../json/quote.ts';
import { notConvertible } from './not-convertible.ts';
import type { ModuleNames, NameReader, NameWriter, PlacedAdapter } from './placed-adapter.ts';
import { commonScale, componentOf, PIPELINE_COMPONENTS } from './placed-adapter.ts';

const PREFIX = 'base_model.model.';
const MAGNITUDE = /^(.+)\.lora_magnitude_vector(?:\.[^.]+)?(?:\.weight)?$/;
const BIAS = /^(.+)\.lora_B(?:\.[^.]+)?\.bias$/;

const LAYER = /^(?:model\.layers|transformer\.h)\.(\d+)\.(.+)$/;

/** Names that occur more than once in a layer (GPT-2: attn.c_proj and mlp.c_proj; older Phi: dense). */
const AMBIGUOUS: ReadonlySet<string> = new Set(['c_proj', 'c_attn', 'c_fc', 'proj', 'dense', 'linear']);

/** A folder of PEFT: one model, whose paths are the modules' names. */
export const PEFT_READER: NameReader = {
  placed: ({ modules }, { component: chosen }) => {
    const component = chosen ?? componentOf(modules.map(({ name }) => name));
    return modules.map((module) => ({ module, place: { component, path: module.name } }));
  },
  extra: peftExtra,
  prefixOf: ({ a }) => a.name.replace(/\.lora_(?:embedding_)?A(?:\.[^.]+)?(?:\.weight)?$/, ''),
  // Some configurations of GPT-2 lack fan_in_fan_out; PEFT corrects them when it loads the adapter (tuners/lora/model.py).
  isConv1d: ({ config, modules }) => config.fan_in_fan_out === true || modules.some(isGpt2Attention),
};

/** GPT-2 has q, k and v in one layer of equal parts; related models with fewer keys and values than queries have linear layers. */
const isGpt2Attention = ({ name, m, n }: LoraModule): boolean =>
  /^transformer\.h\.\d+\.attn\.c_attn$/.test(name) && m === 3 * n;

export const PEFT_WRITER: NameWriter = {
  named: ({ placed }, { component: chosen }, route) => {
    const [first] = placed;
    return placed.map(({ module, place: { component, path } }) => {
      if (component === 'flux') {
        throw notConvertible(
          route,
          module.name,
          'belongs to Flux as its authors published it, with q, k and v in one tensor; the Flux model of diffusers has three tensors',
        );
      }
      if (component !== first!.place.component) {
        throw notConvertible(
          route,
          module.name,
          `belongs to ${component}, but ${quote(first!.module.name)} belongs to ${first!.place.component}; a PEFT adapter belongs to one model`,
        );
      }
      if (chosen !== undefined && isOfPipeline(component) && component !== chosen) {
        throw notConvertible(
          route,
          module.name,
          `belongs to ${component}, but format_options.component is ${chosen}`,
        );
      }
      return { name: path, ...peftTensors(`${PREFIX}${path}`, module.kind === 'embedding') };
    });
  },
  extra: (kind, { name }, module) => peftExtraOf(kind, `${PREFIX}${name}`, module),
  frame: (source, named, { base_model: chosen }) => ({
    config: peftConfig(source, named, chosen ?? source.baseModel),
    metadata: new Map(),
  }),
};

const isOfPipeline = (component: string): boolean =>
  (PIPELINE_COMPONENTS as readonly string[]).includes(component);

/** lora_magnitude_vector and lora_B.bias, as PEFT and diffusers name them. */
export function peftExtra(name: string): ReturnType<NameReader['extra']> {
  const magnitude = MAGNITUDE.exec(name)?.[1];
  if (magnitude !== undefined) return { kind: 'magnitude', prefix: magnitude };
  const bias = BIAS.exec(name)?.[1];
  return bias === undefined ? null : { kind: 'bias', prefix: bias };
}

/** The names of a module's tensors in PEFT, from the prefix that they share. */
export const peftTensors = (prefix: string, isEmbedding: boolean): { a: string; b: string } =>
  isEmbedding
    ? { a: `${prefix}.lora_embedding_A`, b: `${prefix}.lora_embedding_B` }
    : { a: `${prefix}.lora_A.weight`, b: `${prefix}.lora_B.weight` };

/** A magnitude has one number per output; for a convolution, PEFT gives it as many dimensions as the weights have. */
export function peftExtraOf(
  kind: 'magnitude' | 'bias',
  prefix: string,
  { kind: layer, m, a }: LoraModule,
): { name: string; shape: number[] } {
  if (kind === 'bias') return { name: `${prefix}.lora_B.bias`, shape: [m] };
  const shape = layer === 'conv' ? [1, m, ...a.shape.slice(2).map(() => 1)] : [m];
  return { name: `${prefix}.lora_magnitude_vector`, shape };
}

/**
 * A complete LoraConfig (peft/tuners/lora/config.py) for an adapter that had none. r, lora_alpha and the patterns
 * are those of the source; the writer replaces them by those of the result.
 */
function peftConfig(
  { placed, extras, isConv1d }: PlacedAdapter,
  named: readonly ModuleNames[],
  baseModel: string | null,
): Record<string, unknown> {
  const { rank, alpha } = commonScale(placed.map(({ module }) => module));
  const has = (kind: 'magnitude' | 'bias'): boolean => extras.some((extra) => extra.kind === kind);
  return {
    alpha_pattern: {},
    auto_mapping: null,
    base_model_name_or_path: baseModel,
    bias: 'none',
    fan_in_fan_out: isConv1d,
    inference_mode: true,
    init_lora_weights: true,
    layer_replication: null,
    layers_pattern: null,
    layers_to_transform: null,
    lora_alpha: alpha,
    // Older releases of PEFT do not know the field.
    ...(has('bias') ? { lora_bias: true } : {}),
    lora_dropout: 0,
    modules_to_save: null,
    peft_type: 'LORA',
    r: rank,
    rank_pattern: {},
    revision: null,
    target_modules: targetModules(named.map(({ name }) => name)),
    task_type: placed[0]?.place.component === 'language_model' ? 'CAUSAL_LM' : null,
    use_dora: has('magnitude'),
    use_rslora: false,
  };
}

/**
 * The last words of the paths, as people write them, if every layer has the same modules and no two of them end alike;
 * otherwise every path, so that PEFT adapts no module that is missing from the adapter.
 */
function targetModules(paths: readonly string[]): string[] {
  const byLayer = new Map<number, string[]>();
  for (const path of paths) {
    const match = LAYER.exec(path);
    if (!match) return [...paths];
    const layer = Number(match[1]);
    byLayer.set(layer, [...(byLayer.get(layer) ?? []), match[2]!]);
  }
  const sets = [...byLayer.values()].map((tails) => [...tails].sort().join());
  const isEverywhere =
    new Set(sets).size === 1 && byLayer.has(0) && Math.max(...byLayer.keys()) === byLayer.size - 1;
  if (!isEverywhere) return [...paths];
  const tails = byLayer.get(0)!;
  const words = tails.map((tail) => tail.slice(tail.lastIndexOf('.') + 1));
  // "c_proj" of attention alone would also match that of the MLP, so two words are needed.
  const isAmbiguous = words.some((word) => AMBIGUOUS.has(word));
  return [...new Set(isAmbiguous ? tails : words)].sort();
}
