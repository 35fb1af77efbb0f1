import type { TensorEntry } from './adapter.ts';

/** Kinds of tensors in a weights file, in the order of the answer. */
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
/** The kind of a tensor that is not a LoRA factor. */
export type CarriedClass = Exclude<SizeClass, 'lora'>;

const MAGNITUDE = /\.lora_magnitude_vector(?:\.|$)|\.dora_scale$|\.magnitude$/;
/** PEFT's lora_bias, which belongs to the factor wherever that is. */
export const LORA_BIAS = /\.lora_B(?:\.[^.]+)?\.bias$/;
/** PEFT's save_embedding_layers: the base model's own weights of a module that LoRA is on. */
const BASE_LAYER = /(?:^|\.)base_layer\./;
/** Names of transformers for what turns tokens into vectors, and PEFT's trainable tokens. */
const EMBEDDING =
  /(?:^|\.)(?:embed_tokens|embed_in|embeddings?|word_embeddings|tok_embeddings|wte|wpe|shared|trainable_tokens_\w+)(?:\.|$)|^bundle_emb\./;
const HEAD = /(?:^|\.)(?:lm_head|embed_out|score|classifier|qa_outputs|\w*_head)(?:\.|$)/;
const BIAS = /\.(?:bias|diff_b|b_norm)$/;

/**
 * What a carried tensor is, by its name (those of PEFT, transformers and kohya).
 * @param saved modules that the configuration says were trained in full
 */
export function classOf({ name }: Pick<TensorEntry, 'name'>, saved: SavedModules): CarriedClass {
  if (MAGNITUDE.test(name)) return 'magnitudes';
  if (LORA_BIAS.test(name)) return 'biases';
  if (BASE_LAYER.test(name)) return 'base_layers';
  if (EMBEDDING.test(name)) return 'embeddings';
  if (HEAD.test(name) || saved.of(name).length > 0) return 'heads';
  return BIAS.test(name) ? 'biases' : 'other';
}

/** What follows a part of a path. */
interface Step {
  readonly next: Map<string, Step>;
  /** The module whose path ends here. */
  module?: string;
}

/**
 * The modules that a configuration says were trained in full (PEFT's modules_to_save), each named by the end of its
 * path. Kept by the parts of their names: a stranger's list may have tens of thousands, and so may the tensors.
 */
export class SavedModules {
  readonly names: readonly string[];
  readonly #first: Step = { next: new Map() };

  /** @param config of an adapter; it need not mention them */
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

  /** Those that a tensor is one of, by whole parts of its path. */
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
