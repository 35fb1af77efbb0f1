import type { LoraModule } from '../../adapter/adapter.ts';
import { quote } from '../../json/quote.ts';
import type { ConvertOptions } from './convert-options.ts';
import { needsOption, notConvertible, type Route } from './not-convertible.ts';

/**
 * How the rows of B change between transformers and llama.cpp, where it reorders q and k: for each head transformers has
 * the first halves of all pairs that are rotated together, then the second ones; llama.cpp has pairs side by side
 * (convert_hf_to_gguf.py, `LlamaModel.permute`). k has as many heads as there are key and value heads.
 * @param name of the module's tensor in GGUF, such as blk.0.attn_q
 * @returns undefined where the rows stay
 * @throws AppError FORMAT_NOT_CONVERTIBLE without the heads, or where they do not divide the rows
 */
export function rowOrder(
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
      `llama.cpp reorders the rows of ${quote(module.name)} head by head (num_attention_heads of the base model's config.json; ` +
        'kv_heads is num_key_value_heads)',
    );
  }
  const count = isQuery ? heads : (kv_heads ?? heads);
  const half = module.m / count / 2;
  if (!Number.isInteger(half)) {
    const option = isQuery || kv_heads === undefined ? 'heads' : 'kv_heads';
    throw notConvertible(
      route,
      module.name,
      `has ${module.m} rows, which are no ${count} heads of even size: see format_options.${option}`,
    );
  }
  const shape = direction === 'to-gguf' ? [count, 2, half] : [count, half, 2];
  return { shape, axes: [0, 2, 1] };
}
