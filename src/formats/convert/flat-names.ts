import { CLIP_PATHS, FLUX_PATHS, TRANSFORMER_PATHS, UNET_PATHS } from './unet-paths.ts';

/** A path as kohya writes it. */
export const flatten = (path: string): string => path.replaceAll('.', '_');

/** Paths with numbers left out, by what is left of their flat names. */
type Vocabulary = ReadonlyMap<string, string>;

/** Numbers that are no part of a word: "0" in net_0, "1" in linear_1, but not those of attn1, conv2 and fc1. */
const NUMBER = /(?<=_)\d+(?=_|$)/g;

/** @throws RangeError where two paths have the same flat name (our own mistake) */
function vocabularyOf(paths: readonly string[]): Vocabulary {
  const vocabulary = new Map<string, string>();
  // "fc#" and "linear#" stand for words with a number at their end: they are written out.
  const written = paths.flatMap((path) =>
    /[a-z]#$/.test(path) ? ['1', '2'].map((digit) => path.replace(/#$/, digit)) : [path],
  );
  for (const path of written) {
    const flat = flatten(path);
    if (vocabulary.has(flat)) throw new RangeError(`two paths are written ${flat}`);
    vocabulary.set(flat, path);
  }
  return vocabulary;
}

const VOCABULARIES = {
  unet: vocabularyOf(UNET_PATHS),
  text_encoder: vocabularyOf(CLIP_PATHS),
  transformer: vocabularyOf(TRANSFORMER_PATHS),
  flux: vocabularyOf(FLUX_PATHS),
} as const;

/**
 * The path that kohya flattened to this name, where the model's vocabulary has exactly one.
 * @returns null for a name that is not in it
 */
export function unflatten(name: string, model: keyof typeof VOCABULARIES): string | null {
  const numbers = name.match(NUMBER) ?? [];
  const template = VOCABULARIES[model].get(name.replace(NUMBER, '#'));
  if (template === undefined) return null;
  let next = 0;
  const path = template.replace(/#/g, () => numbers[next++]!);
  return flatten(path) === name ? path : null;
}
