import type { PairKey } from '../pairs/collect-pairs.ts';

const FACTOR = /^(.+)\.lora_([ab])$/;
const MAGNITUDE = /^(.+)\.m$/;
/** The last part: factors that were quantised have scales and biases beside them (QuantizedLoRALinear). */
const ANY_LORA = /(?:^|\.)lora_[^.]*$/;
/** What embeddings are called in mlx_lm/models; their factors look like any other's. */
const EMBEDDING = /(?:^|\.)(?:embed_tokens|word_embeddings|embed_in|tok_embeddings|wte|wpe)$/;

/** Reads the name of a tensor in adapters.safetensors (mlx_lm/tuner/lora.py, dora.py). */
export function readMlxKey(name: string): PairKey {
  const [, module, factor] = FACTOR.exec(name) ?? [];
  if (module !== undefined)
    return { role: 'factor', module, factor: factor as 'a' | 'b', embedding: EMBEDDING.test(module) };
  if (ANY_LORA.test(name)) return { role: 'unknown-lora' };
  const magnitude = MAGNITUDE.exec(name)?.[1];
  return magnitude === undefined ? { role: 'other' } : { role: 'magnitude', module: magnitude };
}
