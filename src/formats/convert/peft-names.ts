import type { LoraModule } from '../../adapter/adapter.ts';
import { quote } from '../../json/quote.ts';
import { notConvertible } from './not-convertible.ts';
import { peftConfig } from './peft-config.ts';
import { componentOf, PIPELINE_COMPONENTS } from './place.ts';
import type { NamesIn, NamesOut } from './source.ts';

const PREFIX = 'base_model.model.';
const MAGNITUDE = /^(.+)\.lora_magnitude_vector(?:\.[^.]+)?(?:\.weight)?$/;
const BIAS = /^(.+)\.lora_B(?:\.[^.]+)?\.bias$/;

/** lora_magnitude_vector and lora_B.bias, as PEFT and diffusers name them. */
export function peftExtra(name: string): ReturnType<NamesIn['extra']> {
  const magnitude = MAGNITUDE.exec(name)?.[1];
  if (magnitude !== undefined) return { kind: 'magnitude', prefix: magnitude };
  const bias = BIAS.exec(name)?.[1];
  return bias === undefined ? null : { kind: 'bias', prefix: bias };
}

/** Where PEFT's tensors of a module are called by what follows the prefix. */
export const peftTensors = (prefix: string, isEmbedding: boolean): { a: string; b: string } =>
  isEmbedding
    ? { a: `${prefix}.lora_embedding_A`, b: `${prefix}.lora_embedding_B` }
    : { a: `${prefix}.lora_A.weight`, b: `${prefix}.lora_B.weight` };

/** A magnitude lies along the outputs; PEFT gives it as many dimensions as the weights of a convolution have. */
export function peftExtraOf(
  kind: 'magnitude' | 'bias',
  prefix: string,
  { kind: layer, m, a }: LoraModule,
): { name: string; shape: number[] } {
  if (kind === 'bias') return { name: `${prefix}.lora_B.bias`, shape: [m] };
  const shape = layer === 'conv' ? [1, m, ...a.shape.slice(2).map(() => 1)] : [m];
  return { name: `${prefix}.lora_magnitude_vector`, shape };
}

/** A folder of PEFT: one model, whose paths are the modules' names. */
export const PEFT_IN: NamesIn = {
  placed: ({ modules }, { component: said }) => {
    const component = said ?? componentOf(modules.map(({ name }) => name));
    return modules.map((module) => ({ module, place: { component, path: module.name } }));
  },
  extra: peftExtra,
  prefixOf: ({ a }) => a.name.replace(/\.lora_(?:embedding_)?A(?:\.[^.]+)?(?:\.weight)?$/, ''),
  // Some configurations of GPT-2 say that it is not so; PEFT corrects them when it loads (tuners/lora/model.py).
  isConv1d: ({ config, modules }) => config.fan_in_fan_out === true || modules.some(isGpt2Attention),
};

/** q, k and v of GPT-2 in one layer; those of its kin with fewer keys and values than queries are linear layers. */
const isGpt2Attention = ({ name, m, n }: LoraModule): boolean =>
  /^transformer\.h\.\d+\.attn\.c_attn$/.test(name) && m === 3 * n;

export const PEFT_OUT: NamesOut = {
  named: ({ placed }, { component: said }, route) => {
    const [first] = placed;
    return placed.map(({ module, place: { component, path } }) => {
      if (component === 'flux') {
        throw notConvertible(
          route,
          module.name,
          "is of Flux as its authors published it, with q, k and v in one tensor, which diffusers' Flux has not",
        );
      }
      if (component !== first!.place.component) {
        throw notConvertible(
          route,
          module.name,
          `is of the ${component}, ${quote(first!.module.name)} of the ${first!.place.component}: a folder of PEFT adapts one model`,
        );
      }
      if (said !== undefined && isOfPipeline(component) && component !== said) {
        throw notConvertible(
          route,
          module.name,
          `is of the ${component}, format_options.component says ${said}`,
        );
      }
      return { name: path, ...peftTensors(`${PREFIX}${path}`, module.kind === 'embedding') };
    });
  },
  extra: (kind, { name }, module) => peftExtraOf(kind, `${PREFIX}${name}`, module),
  frame: (source, named, { base_model: said }) => ({
    config: peftConfig(source, named, said ?? source.baseModel),
    metadata: new Map(),
  }),
};

const isOfPipeline = (component: string): boolean =>
  (PIPELINE_COMPONENTS as readonly string[]).includes(component);
