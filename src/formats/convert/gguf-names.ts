import type { Adapter, LoraModule } from '../../adapter/adapter.ts';
import { VALUE_TYPE } from '../../gguf/value-type.ts';
import { quote } from '../../json/quote.ts';
import { KEY } from '../gguf/key-values.ts';
import {
  EMBEDDING,
  GGUF_ARCHITECTURES,
  type GgufArchitecture,
  ggufArchitecture,
  ggufName,
  hfPath,
} from './gguf-architectures.ts';
import { needsOption, notConvertible, type Route } from './not-convertible.ts';
import type { ConvertOptions, NameReader, NameWriter } from './placed-adapter.ts';
import { commonScale, pathInTextModel } from './placed-adapter.ts';

/** GGUF: the names of llama.cpp against those of transformers, by architecture. */
export const GGUF_READER: NameReader = {
  placed: ({ modules, config }, options, route) => {
    const { name: called, architecture } = architectureOf(architectureNamedIn(config, options), route);
    return modules.map((module) => {
      const name = tensorName(module.name);
      const path = hfPath(architecture, name);
      if (path === null) throw notConvertible(route, module.name, `is not a known module of ${called}`);
      const order = architecture.reordersRows
        ? rowOrder('from-gguf', name, module, options, route)
        : undefined;
      return {
        module: order ? { ...module, rowOrder: order } : module,
        place: { component: 'language_model', path },
      };
    });
  },
  extra: () => null,
  prefixOf: ({ name }) => name,
  isConv1d: ({ config }, options) => {
    const named = architectureNamedIn(config, options);
    return typeof named === 'string' && ggufArchitecture(named)?.architecture.isConv1d === true;
  },
};

export const GGUF_WRITER: NameWriter = {
  named: ({ placed }, options, route) => {
    const { name: called, architecture } = architectureOf(options.architecture, route);
    return placed.map(({ module, place: { component, path } }) => {
      const name = component === 'language_model' ? ggufName(architecture, pathInTextModel(path)) : null;
      if (name === null) throw notConvertible(route, module.name, `is not a known module of ${called}`);
      if (name === EMBEDDING && architecture.isTied) {
        const why = `is the embedding, which is also the head in ${called}; llama.cpp aborts when a LoRA applies to both`;
        throw notConvertible(route, module.name, why);
      }
      const order = architecture.reordersRows ? rowOrder('to-gguf', name, module, options, route) : undefined;
      return {
        name,
        a: `${name}.weight.lora_a`,
        b: `${name}.weight.lora_b`,
        ...(order ? { rowOrder: order } : {}),
      };
    });
  },
  extra: () => null,
  frame: ({ placed, baseModel }, _named, options) => ({
    config: {
      [KEY.architecture]: ggufArchitecture(options.architecture!)!.name,
      [KEY.generalType]: 'adapter',
      [KEY.adapterType]: 'lora',
      // The writer replaces it.
      [KEY.fileType]: { type: VALUE_TYPE.uint32, value: 0 },
      ...baseOf(options.base_model ?? baseModel),
      [KEY.alpha]: commonScale(placed.map(({ module }) => module)).alpha,
    },
    metadata: new Map(),
  }),
};

/** @throws AppError FORMAT_NOT_CONVERTIBLE */
function architectureOf(
  named: unknown,
  route: Route,
): { readonly name: string; readonly architecture: GgufArchitecture } {
  const known = GGUF_ARCHITECTURES.join(', ');
  if (typeof named !== 'string') {
    throw needsOption(
      route,
      'architecture',
      `the names do not show the architecture of the base model; the known ones are ${known}`,
    );
  }
  const found = ggufArchitecture(named);
  if (found) return found;
  throw needsOption(route, 'architecture', `${quote(named)} is not known; the known ones are ${known}`);
}

/** The request takes precedence over the file, whose architecture may be an unknown one that uses known names. */
const architectureNamedIn = (config: Adapter['config'], { architecture }: ConvertOptions): unknown =>
  architecture ?? config[KEY.architecture];

/** The name of a tensor without the number of the expert at its end. */
const tensorName = (name: string): string => name.replace(/#\d+$/, '').replace(/\.weight$/, '');

/** How files of llama.cpp name the base model (gguf-py, metadata.py): a repository, or any name. */
function baseOf(model: string | null): Record<string, unknown> {
  if (model === null) return {};
  const isRepository = /^[\w.-]+\/[\w.-]+$/.test(model);
  return {
    'general.base_model.count': { type: VALUE_TYPE.uint32, value: 1 },
    'general.base_model.0.name': isRepository ? model.slice(model.indexOf('/') + 1) : model,
    ...(isRepository ? { 'general.base_model.0.repo_url': `https://huggingface.co/${model}` } : {}),
  };
}

/**
 * How the rows of B change between transformers and llama.cpp, where it reorders q and k: for each head transformers has
 * the first halves of all pairs that are rotated together, then the second ones; llama.cpp has pairs side by side
 * (convert_hf_to_gguf.py, `LlamaModel.permute`). k has as many heads as there are key and value heads.
 * @param name of the module's tensor in GGUF, such as blk.0.attn_q
 * @returns undefined if the rows keep their order
 * @throws AppError FORMAT_NOT_CONVERTIBLE without the heads, or if they do not divide the rows
 */
function rowOrder(
  direction: 'to-gguf' | 'from-gguf',
  name: string,
  module: LoraModule,
  { heads, kv_heads }: ConvertOptions,
  route: Route,
): LoraModule['rowOrder'] {
  const isQuery = name.endsWith('.attn_q');
  if (!isQuery && !name.endsWith('.attn_k')) return undefined;
  if (heads === undefined) {
    throw needsOption(
      route,
      'heads',
      `llama.cpp reorders the rows of ${quote(module.name)} head by head. Set heads to num_attention_heads and ` +
        "kv_heads to num_key_value_heads from the base model's config.json",
    );
  }
  const count = isQuery ? heads : (kv_heads ?? heads);
  const half = module.m / count / 2;
  if (!Number.isInteger(half)) {
    const option = isQuery || kv_heads === undefined ? 'heads' : 'kv_heads';
    throw notConvertible(
      route,
      module.name,
      `has ${module.m} rows, which cannot be divided into ${count} heads of equal size: change format_options.${option}`,
    );
  }
  const shape = direction === 'to-gguf' ? [count, 2, half] : [count, half, 2];
  return { shape, axes: [0, 2, 1] };
}
