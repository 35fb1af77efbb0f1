/** What tells rows apart is shown up to here, however much less was asked for; names of strangers have no end. */
const MOST_LABEL = 64;
/** Parts of a path that are shorter are not made shorter still. */
const LEAST_PART = 6;
const NUMBERED = /^(.*?(?:^|[._])\d+)[._](.+)$/;

/** Where a module is in its model, as far as its name says. */
export interface ModulePlace {
  /** Everything up to the first number: `model.layers.11`; empty where there is none. */
  readonly layer: string;
  /** What follows: `self_attn.q_proj`. */
  readonly projection: string;
}

/** Splits `transformer.h.11.attn.c_attn` into `transformer.h.11` and `attn.c_attn`. */
export function modulePlace(name: string): ModulePlace {
  const found = NUMBERED.exec(name);
  return found ? { layer: found[1]!, projection: found[2]! } : { layer: '', projection: name };
}

/** Numbers in names in the order of numbers: layer 2 before layer 11. */
export const byNumbers = new Intl.Collator('en', { numeric: true }).compare;

/** Labels without what all of them begin with: `transformer.h.11` becomes `11`. */
export function withoutCommonStart(labels: readonly string[]): string[] {
  if (labels.length < 2) return labels.map((label) => /\d+$/.exec(label)?.[0] ?? label);
  const [first] = labels;
  let common = 0;
  while (common < first!.length && labels.every((label) => label[common] === first![common])) common++;
  // Whole parts only, so that 10 and 11 do not become 0 and 1.
  while (common > 0 && !/[._]/.test(first![common - 1]!)) common--;
  return labels.map((label) => label.slice(common));
}

/**
 * Paths as labels of about so many characters that stay apart: without the parts that all have in common, then with
 * their longest parts cut, and longer again where that made two alike.
 * @param paths each once
 */
export function distinctLabels(paths: readonly string[], most: number): string[] {
  const separator = paths.some((path) => path.includes('.')) ? '.' : '_';
  const isLong = paths.some((path) => path.length > most);
  const whole = isLong ? withoutCommonParts(paths, separator) : [...paths];
  let labels = whole.map((path) => abridged(path, separator, most));
  for (let room = most; room < MOST_LABEL && new Set(labels).size < labels.length; ) {
    room = Math.min(MOST_LABEL, room + 8);
    const alike = repeated(labels);
    labels = labels.map((label, index) =>
      alike.has(label) ? abridged(whole[index]!, separator, room) : label,
    );
  }
  return labels;
}

/** `attentions.1.transformer_blocks.0.attn1.to_k` without the `transformer_blocks.0` that every row has. */
function withoutCommonParts(paths: readonly string[], separator: string): string[] {
  const bounded = paths.map((path) => separator + path + separator);
  const shortest = bounded.reduce((least, path) => (path.length < least.length ? path : least));
  const parts = shortest.slice(1, -1).split(separator, MOST_LABEL);
  for (let length = parts.length; length > 0; length--)
    for (let from = 0; from + length <= parts.length; from++) {
      const run = separator + parts.slice(from, from + length).join(separator) + separator;
      if (!bounded.every((path) => path.includes(run))) continue;
      const rest = bounded.map((path) => path.replace(run, () => separator).slice(1, -1));
      if (rest.every((path) => path !== '') && new Set(rest).size === rest.length) return rest;
    }
  return [...paths];
}

function abridged(path: string, separator: string, most: number): string {
  if (path.length <= most) return path;
  const parts = path.split(separator);
  let length = path.length;
  const byLength = parts.map((part, index) => ({ index, length: part.length }));
  for (const part of byLength.sort((x, y) => y.length - x.length)) {
    const kept = Math.max(LEAST_PART - 2, part.length - (length - most) - 1);
    if (length <= most || part.length <= LEAST_PART || kept + 1 >= part.length) break;
    parts[part.index] = `${parts[part.index]!.slice(0, kept)}…`;
    length -= part.length - kept - 1;
  }
  const label = parts.join(separator);
  return label.length <= MOST_LABEL ? label : `…${label.slice(1 - MOST_LABEL)}`;
}

function repeated(labels: readonly string[]): ReadonlySet<string> {
  const seen = new Set<string>();
  return new Set(labels.filter((label) => seen.has(label) || !seen.add(label)));
}
