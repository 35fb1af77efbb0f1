import { CLIP, type Layer, type LayerTable, UNET } from './layer-table.ts';
import { TRANSFORMERS } from './transformer-tables.ts';

/** A path as kohya writes it. */
export const flatten = (path: string): string => path.replaceAll('.', '_');

/** Paths with numbers left out, and their layers, by what is left of their flat names. */
type Vocabulary = ReadonlyMap<string, { readonly path: string; readonly layer: Layer }>;

/** Numbers that are not part of a word: "0" in net_0, "1" in linear_1, but not those of attn1, conv2 and fc1. */
const NUMBER = /(?<=_)\d+(?=_|$)/g;

/** @throws RangeError if two paths have the same flat name (our own mistake) */
function vocabularyOf(table: LayerTable): Vocabulary {
  const vocabulary = new Map<string, { path: string; layer: Layer }>();
  for (const [template, layer] of Object.entries(table)) {
    // "fc#", "linear#" and "attn#" stand for words with a number at their end: they are written out.
    const written = /[a-z]#(?=\.|$)/.test(template)
      ? ['1', '2'].map((digit) => template.replace(/(?<=[a-z])#(?=\.|$)/, digit))
      : [template];
    for (const path of written) {
      const flat = flatten(path);
      if (vocabulary.has(flat)) throw new RangeError(`two paths have the flat name ${flat}`);
      vocabulary.set(flat, { path, layer });
    }
  }
  return vocabulary;
}

const TABLES = { unet: UNET, text_encoder: CLIP, ...TRANSFORMERS } as const;

const VOCABULARIES = Object.fromEntries(
  Object.entries(TABLES).map(([model, table]) => [model, vocabularyOf(table)]),
) as Readonly<Record<keyof typeof TABLES, Vocabulary>>;

/** A model whose layers are in the table. */
export type KnownModel = keyof typeof VOCABULARIES;
export const KNOWN_MODELS = Object.keys(VOCABULARIES) as KnownModel[];

/**
 * The path that kohya flattened to this name, if the model's vocabulary has exactly one.
 * @returns null for a name that is not in it
 */
export function unflatten(name: string, model: KnownModel): string | null {
  const numbers = name.match(NUMBER) ?? [];
  const template = entryOf(name, model)?.path;
  if (template === undefined) return null;
  let next = 0;
  const path = template.replace(/#/g, () => numbers[next++]!);
  return flatten(path) === name ? path : null;
}

/** The layer that has this flat name in the model; undefined for a name that is not in its vocabulary. */
export const layerNamed = (name: string, model: KnownModel): Layer | undefined => entryOf(name, model)?.layer;

const entryOf = (name: string, model: KnownModel) => VOCABULARIES[model].get(name.replace(NUMBER, '#'));
