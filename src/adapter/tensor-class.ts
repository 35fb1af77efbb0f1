import type { TensorEntry } from './adapter.ts';

/** Classes of tensors in a weights file, in the order in which answers list them. */
export const SIZE_CLASSES = [
  'lora',
  'heads',
  'embeddings',
  'base_layers',
  'biases',
  'magnitudes',
  'other',
] as const;
export type SizeClass = (typeof SIZE_CLASSES)[number];
/** The class of a tensor that is not a LoRA factor. */
export type CarriedClass = Exclude<SizeClass, 'lora'>;

const MAGNITUDE = /\.lora_magnitude_vector(?:\.|$)|\.dora_scale$|\.magnitude$/;
/** PEFT's lora_bias, which is counted with the factor wherever the factor is. */
export const LORA_BIAS = /\.lora_B(?:\.[^.]+)?\.bias$/;
/** PEFT's save_embedding_layers: the base model's own weights of a module that has LoRA factors. */
const BASE_LAYER = /(?:^|\.)base_layer\./;
/** Names that transformers gives to embedding layers, and PEFT's trainable tokens. */
const EMBEDDING =
  /(?:^|\.)(?:embed_tokens|embed_in|embeddings?|word_embeddings|tok_embeddings|wte|wpe|shared|trainable_tokens_\w+)(?:\.|$)|^bundle_emb\./;
const HEAD = /(?:^|\.)(?:lm_head|embed_out|score|classifier|qa_outputs|\w*_head)(?:\.|$)/;
const BIAS = /\.(?:bias|diff_b|b_norm)$/;

/**
 * The class of a carried tensor, recognised by its name (the names that PEFT, transformers and kohya use).
 * @param saved modules that were trained in full, according to the configuration
 */
export function classOf({ name }: Pick<TensorEntry, 'name'>, saved: SavedModules): CarriedClass {
  if (MAGNITUDE.test(name)) return 'magnitudes';
  if (LORA_BIAS.test(name)) return 'biases';
  if (BASE_LAYER.test(name)) return 'base_layers';
  if (EMBEDDING.test(name)) return 'embeddings';
  if (HEAD.test(name) || saved.of(name).length > 0) return 'heads';
  return BIAS.test(name) ? 'biases' : 'other';
}

/** A node of the tree of path segments. */
interface Step {
  readonly next: Map<string, Step>;
  /** The module whose path ends here. */
  module?: string;
}

/**
 * The modules that were trained in full, according to a configuration (PEFT's modules_to_save), each named by the end
 * of its path. Stored as a tree of path segments because an untrusted list may contain tens of thousands of names, to
 * be compared with as many tensors.
 */
export class SavedModules {
  readonly names: readonly string[];
  readonly #first: Step = { next: new Map() };

  /** @param config of an adapter; it need not list any */
  constructor({ modules_to_save: saved }: Readonly<Record<string, unknown>>) {
    this.names = Array.isArray(saved) ? saved.filter((name) => typeof name === 'string') : [];
    for (const name of this.names) {
      let step = this.#first;
      for (const part of name.split('.')) {
        const known = step.next.get(part) ?? { next: new Map() };
        step.next.set(part, known);
        step = known;
      }
      step.module = name;
    }
  }

  /** The names in the list that match the path of this tensor, by whole path segments. */
  of(tensor: string): string[] {
    const found: string[] = [];
    const path = this.names.length > 0 ? tensor.split('.').slice(0, -1) : [];
    for (let begin = 0; begin < path.length; begin++) {
      let step = this.#first.next.get(path[begin]!);
      for (let at = begin + 1; step; step = step.next.get(path[at++]!)) {
        if (step.module !== undefined) found.push(step.module);
      }
    }
    return found;
  }
}
