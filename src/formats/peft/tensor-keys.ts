import { foreignFormatOf } from '../pairs/foreign-tensors.ts';

/** What the name of a tensor in a PEFT file shows. */
type PeftKey =
  | {
      readonly role: 'factor';
      readonly module: string;
      readonly factor: 'a' | 'b';
      readonly embedding: boolean;
    }
  | { readonly role: 'bias' }
  | { readonly role: 'magnitude'; readonly module: string }
  /** Of another format or method. */
  | { readonly role: 'foreign'; readonly what: string }
  /** Belongs to LoRA in an unknown way. */
  | { readonly role: 'unknown-lora' }
  /** A head, an embedding, a bias of the base model, … */
  | { readonly role: 'other' };

/** PeftModel wraps the model twice, and state dicts have both attributes. Files of some trainers lack them. */
const PREFIX = /^base_model\.model\./;
/** Only state dicts that were saved without save_pretrained have the adapter's name ("default"). */
const LINEAR = /^(.+)\.lora_([AB])(?:\.[^.]+)?\.weight$/;
const EMBEDDING = /^(.+)\.lora_embedding_([AB])(?:\.[^.]+)?$/;
const BIAS = /\.lora_B(?:\.[^.]+)?\.bias$/;
const MAGNITUDE = /^(.+)\.lora_magnitude_vector(?:\.[^.]+)?(?:\.weight)?$/;
/** PEFT saves every tensor with "lora_" in its name; module names of kohya start with it. */
const ANY_LORA = /(?:^|\.)lora_(?!(?:unet|te\d?|transformer|prior_unet)_)/;

/** Reads the name of a tensor (peft/utils/save_and_load.py, `get_peft_model_state_dict`). */
export function readPeftKey(name: string): PeftKey {
  const path = name.replace(PREFIX, '');
  for (const [pattern, embedding] of [[LINEAR, false] as const, [EMBEDDING, true] as const]) {
    const match = pattern.exec(path);
    if (match) return { role: 'factor', module: match[1]!, factor: match[2] === 'A' ? 'a' : 'b', embedding };
  }
  if (BIAS.test(path)) return { role: 'bias' };
  const magnitude = MAGNITUDE.exec(path)?.[1];
  if (magnitude !== undefined) return { role: 'magnitude', module: magnitude };
  const what = foreignFormatOf('peft', path);
  if (what !== undefined) return { role: 'foreign', what };
  return { role: ANY_LORA.test(path) ? 'unknown-lora' : 'other' };
}
