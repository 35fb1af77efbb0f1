import type { Algorithm, Part } from '../derived/site.ts';
import { foreignFormatOf } from '../pairs/foreign-tensors.ts';

/** What the name of a tensor in a file of kohya shows. */
export type KohyaKey =
  | {
      readonly role: 'part';
      /** Path of the module, its dots turned into "_" by most trainers. */
      readonly module: string;
      readonly algorithm: Algorithm;
      readonly part: Part;
    }
  | { readonly role: 'alpha'; readonly module: string }
  /** A number that LyCORIS trains along (use_scalar). */
  | { readonly role: 'scalar'; readonly module: string }
  /** DoRA: the lengths of rows or columns. */
  | { readonly role: 'magnitude'; readonly module: string }
  /** Differences of biases and of normalisations: added as they are. */
  | { readonly role: 'carried'; readonly module: string }
  /** Belongs to an algorithm that is not a low-rank update. */
  | { readonly role: 'unsupported'; readonly algorithm: string }
  /** Of another format or method. */
  | { readonly role: 'foreign'; readonly what: string }
  /** Belongs to a LoRA in an unknown way. */
  | { readonly role: 'unknown-lora' }
  | { readonly role: 'other'; readonly module: string };

/** How sd-scripts, musubi-tuner and LyCORIS begin the names of modules. */
const PREFIX = /^(?:lora_(?:unet|te[123]?|transformer|prior_unet)|lycoris)_/;

/** `.{i}`: parts of a split projection (sd-scripts, networks/lora_flux.py, `split_dims`), each a pair of its own. */
const LORA = /^(.+)\.lora_(?:(down|up)(?:\.(\d+))?|(mid))(?:\.weight)?$/;
const LOHA = /^(.+)\.hada_(w1_a|w1_b|w2_a|w2_b|t1|t2)$/;
const LOKR = /^(.+)\.lokr_(w1|w1_a|w1_b|w2|w2_a|w2_b|t1|t2)$/;
const PLAIN = /^(.+)\.(alpha|scalar|dora_scale|diff|diff_b|w_norm|b_norm)$/;

/** lycoris/modules: diag_oft.py and boft.py, glora.py, ia3.py. */
const UNSUPPORTED: readonly (readonly [pattern: RegExp, algorithm: string])[] = [
  [/\.(?:oft_blocks|oft_diag|oft_R)(?:\.weight)?$/, 'OFT'],
  // Short names that mean this only in a module of kohya's.
  [/^(?:lora|lycoris)_.*\.rescale$/, 'OFT'],
  [/^(?:lora|lycoris)_.*\.(?:a1|a2|b1|b2|bm)(?:\.weight)?$/, 'GLoRA'],
  [/^(?:lora|lycoris)_.*\.on_input$/, 'IA3'],
];

/** Textual inversions that were trained along (sd-scripts and OneTrainer put them into the same file). */
const BUNDLE = /^bundle_emb\./;

/** Reads the name of a tensor (sd-scripts, networks/lora.py; LyCORIS, lycoris/modules). */
export function readKohyaKey(name: string): KohyaKey {
  if (BUNDLE.test(name)) return { role: 'other', module: name };
  const unsupported = UNSUPPORTED.find(([pattern]) => pattern.test(name));
  if (unsupported) return { role: 'unsupported', algorithm: unsupported[1] };
  const what = foreignFormatOf('kohya', name);
  if (what !== undefined) return { role: 'foreign', what };
  const lora = LORA.exec(name);
  if (lora) {
    const [, path, factor, index] = lora;
    const module = index === undefined ? path! : `${path}.${index}`;
    return { role: 'part', module, algorithm: 'lora', part: (factor ?? 'mid') as Part };
  }
  for (const [pattern, algorithm] of [[LOHA, 'loha'] as const, [LOKR, 'lokr'] as const]) {
    const match = pattern.exec(name);
    if (match) return { role: 'part', module: match[1]!, algorithm, part: match[2] as Part };
  }
  const [, module = name.slice(0, Math.max(0, name.lastIndexOf('.'))), plain] = PLAIN.exec(name) ?? [];
  if (plain === 'alpha' || plain === 'scalar') return { role: plain, module };
  if (plain === 'dora_scale') return { role: 'magnitude', module };
  if (plain === 'diff') return { role: 'part', module, algorithm: 'full', part: 'diff' };
  if (plain !== undefined) return { role: 'carried', module };
  return PREFIX.test(name) ? { role: 'unknown-lora' } : { role: 'other', module };
}

/** PEFT's own LoHa and LoKr have the same suffixes; their scale is in a configuration. */
const PEFT_PREFIX = /^base_model\./;

/** Whether a file with a tensor of this name is one of kohya's or LyCORIS's. */
export function isKohyaName(name: string): boolean {
  if (PEFT_PREFIX.test(name)) return false;
  const key = readKohyaKey(name);
  if (key.role === 'foreign' || key.role === 'other') return false;
  return hasKohyaPrefix(name) || ('algorithm' in key && key.algorithm !== 'full');
}

export const hasKohyaPrefix = (name: string): boolean => PREFIX.test(name);

/** The tensor with the alpha of a factor's module; parts of a split projection share it. */
export const alphaNameOf = (factorName: string): string =>
  `${LORA.exec(factorName)?.[1] ?? factorName}.alpha`;
