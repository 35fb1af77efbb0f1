import type { PairKey } from '../pairs/collect-pairs.ts';

/** Parts of a pipeline; diffusers and ai-toolkit put them before the path. */
const COMPONENT = /^(unet|transformer(?:_\d)?|text_encoder(?:_\d)?|prior|diffusion_model)\.(.+)$/;

/** The place of a module: its part of the pipeline, '' if the file names none, and its path in it. */
export interface ModulePath {
  readonly component: string;
  readonly path: string;
}

/** The parts of a factor's name. */
export interface FactorName extends ModulePath {
  readonly factor: 'a' | 'b';
  readonly embedding: boolean;
  readonly style: 'peft' | 'lora' | 'processor';
  /** The name of an alpha of the module. */
  readonly alphaName: string;
}

/** PEFT's names, as diffusers writes them today; an adapter's name may stand in between. */
const PEFT = /^(.+)\.lora_([AB])(?:\.[^.]+)?\.weight$/;
const EMBEDDING = /^(.+)\.lora_embedding_([AB])$/;
/** Before PEFT: `lora` in the U-Net, `lora_linear_layer` in text encoders. */
const LORA = /^(.+)\.(?:lora|lora_linear_layer)\.(down|up)\.weight$/;
/** The oldest names: attention processors with a layer for each projection. */
const PROCESSOR = /^((.+)\.(to_q|to_k|to_v|to_out|add_[qkv]_proj)_lora)\.(down|up)\.weight$/;

/** What the layers of an attention processor belong to (diffusers, utils/state_dict_utils.py); others keep their name. */
const TEXT_PROJECTIONS = new Map([
  ['to_q', 'q_proj'],
  ['to_k', 'k_proj'],
  ['to_v', 'v_proj'],
  ['to_out', 'out_proj'],
]);
const IMAGE_PROJECTIONS = new Map([['to_out', 'to_out.0']]);

/** Splits the name of a factor into its parts; undefined for every other tensor. */
export function readFactorName(name: string): FactorName | undefined {
  const [component, rest] = splitComponent(name);
  const prefix = component === '' ? '' : `${component}.`;
  const found = (
    path: string,
    factor: string,
    style: FactorName['style'],
    alphaOf = path,
    embedding = false,
  ): FactorName => ({
    component,
    path: withoutProcessor(path),
    factor: factor === 'A' || factor === 'down' ? 'a' : 'b',
    embedding,
    style,
    alphaName: `${prefix}${alphaOf}.alpha`,
  });
  const processor = PROCESSOR.exec(rest);
  if (processor) {
    const [, layer, attention, projection, factor] = processor;
    const isText = component.startsWith('text_encoder') || attention!.endsWith('self_attn');
    const leaf = (isText ? TEXT_PROJECTIONS : IMAGE_PROJECTIONS).get(projection!) ?? projection!;
    return found(`${withoutProcessor(`${attention}.`)}${leaf}`, factor!, 'processor', layer);
  }
  const peft = PEFT.exec(rest);
  if (peft) return found(peft[1]!, peft[2]!, 'peft');
  const embedding = EMBEDDING.exec(rest);
  if (embedding) return found(embedding[1]!, embedding[2]!, 'peft', embedding[1], true);
  const lora = LORA.exec(rest);
  return lora ? found(lora[1]!, lora[2]!, 'lora') : undefined;
}

/** The name of a module: its component and its path. */
export const moduleNameOf = ({ component, path }: ModulePath): string =>
  component === '' ? path : `${component}.${path}`;

const BIAS = /^(.+\.(?:lora_B(?:\.[^.]+)?|lora\.up|lora_linear_layer\.up|[a-z_]+_lora\.up))\.bias$/;
const MAGNITUDE = /^(.+)\.(?:lora_magnitude_vector(?:\.[^.]+)?(?:\.weight)?|magnitude|dora_scale)$/;
const ALPHA = /^(.+)\.alpha$/;
const ANY_LORA = /lora|hada_|lokr_|oft_/i;

/** Reads the name of a tensor of diffusers (loaders/lora_pipeline.py) or ai-toolkit. */
export function readDiffusersKey(name: string): PairKey {
  const factor = readFactorName(name);
  if (factor) {
    return {
      role: 'factor',
      module: moduleNameOf(factor),
      factor: factor.factor,
      embedding: factor.embedding,
    };
  }
  const bias = BIAS.exec(name);
  if (bias) return { role: 'bias', module: moduleOf(bias[1]!) };
  const magnitude = MAGNITUDE.exec(name);
  if (magnitude) return { role: 'magnitude', module: moduleOf(magnitude[1]!) };
  const alpha = ALPHA.exec(name);
  if (alpha) return { role: 'alpha', module: moduleOf(alpha[1]!) };
  return { role: ANY_LORA.test(name) ? 'unknown-lora' : 'other' };
}

/** The module of a name that may end in a part of a factor's name: ".lora", ".lora_A", ".to_q_lora.down.weight". */
function moduleOf(name: string): string {
  for (const rest of ['', '.weight', '.down.weight']) {
    const factor = readFactorName(`${name}${rest}`);
    if (factor) return moduleNameOf(factor);
  }
  const [component, path] = splitComponent(name);
  return moduleNameOf({ component, path: withoutProcessor(path) });
}

function splitComponent(name: string): readonly [component: string, rest: string] {
  const match = COMPONENT.exec(name);
  return match ? [match[1]!, match[2]!] : ['', name];
}

/** The processor of an attention is not a module of the model: its layers belong to the attention. */
const withoutProcessor = (path: string): string => path.replaceAll('.processor.', '.');
