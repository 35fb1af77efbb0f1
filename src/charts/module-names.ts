/**
 * Labels may become this long to stay distinct, even if shorter ones were requested. Untrusted names can be of any
 * length.
 */
const MAX_LABEL = 64;
/** Parts of a path are not shortened below this length. */
const MIN_PART = 6;
/** A part of a name that is a number. */
const NUMBER = /(?<=^|[._:])\d+(?=$|[._:])/g;

/** The position of a module in its model, as far as its name shows it. */
export interface ModulePlace {
  /** The path of the layer: `model.layers.11`; empty if the name has no number. */
  readonly layer: string;
  /** What follows: `self_attn.q_proj`. */
  readonly projection: string;
}

/** Largest number of levels in which models number their layers: block, attention, transformer block. */
const MAX_LEVELS = 4;

/**
 * Splits the names of an adapter's modules into layers and projections: `stages.2.blocks.5.mlp.fc1` into
 * `stages.2.blocks.5` and `mlp.fc1`. Names do not show how many numbers belong to the layer (Mixtral numbers its
 * experts, ConvNeXt its blocks), so the number is chosen that fills the grid of layers and projections best; of equals, the smaller.
 * The middle block of SDXL has one number less than the others: a name is split earlier if what follows is then more frequent.
 */
export function modulePlaces(names: readonly string[]): ModulePlace[] {
  const ends = names.map(numberEnds);
  const deepest = ends.reduce((maximum, { length }) => Math.max(maximum, length), 1);
  let best: ModulePlace[] = [];
  let maximum = 0;
  let chosen = 1;
  // If there are more levels than numbers in any name, all positions are the same again.
  for (let levels = 1; levels <= Math.min(deepest, MAX_LEVELS); levels++) {
    const places = names.map((name, index) => placeAt(name, ends[index]!, levels));
    const layers = new Set(places.map(({ layer }) => layer)).size;
    const projections = new Set(places.map(({ projection }) => projection)).size;
    const share = names.length / (layers * projections);
    if (share > maximum * (1 + 1e-9)) [best, maximum, chosen] = [places, share, levels];
  }
  const counts = new Map<string, number>();
  for (const { projection } of best) counts.set(projection, (counts.get(projection) ?? 0) + 1);
  const countOf = ({ projection }: ModulePlace): number => counts.get(projection) ?? 0;
  return best.map((place, index) => {
    let result = place;
    for (let levels = chosen - 1; levels >= 1; levels--) {
      const earlier = placeAt(names[index]!, ends[index]!, levels);
      if (countOf(earlier) > countOf(result)) result = earlier;
    }
    return result;
  });
}

/** The end positions of those numbers in a name that are followed by something. */
function numberEnds(name: string): number[] {
  const ends: number[] = [];
  for (const { index, 0: found } of name.matchAll(NUMBER)) ends.push(index + found.length);
  return ends.filter((end) => end < name.length);
}

/** The layer ends with the number of this level, or with the last earlier number that is followed by something. */
function placeAt(name: string, ends: readonly number[], levels: number): ModulePlace {
  const end = ends[Math.min(levels, ends.length) - 1];
  return end === undefined
    ? { layer: '', projection: name }
    : { layer: name.slice(0, end), projection: name.slice(end + 1) };
}

/** Compares names with their numbers in numerical order: layer 2 comes before layer 11. */
export const byNumbers = new Intl.Collator('en', { numeric: true }).compare;

/** Removes the common beginning of labels: `transformer.h.11` becomes `11`. */
export function withoutCommonStart(labels: readonly string[]): string[] {
  if (labels.length < 2) return labels.map((label) => /\d+$/.exec(label)?.[0] ?? label);
  const [first] = labels;
  let common = 0;
  while (common < first!.length && labels.every((label) => label[common] === first![common])) common++;
  // Whole parts only, so that 10 and 11 do not become 0 and 1.
  while (common > 0 && !/[._]/.test(first![common - 1]!)) common--;
  return labels.map((label) => label.slice(common));
}

/** Separators of the parts of a name in various libraries. */
const SEPARATOR = /[._:]/;
const DIGITS = /^\d+$/;
/** A label with more words would not be short. */
const MAX_WORDS = 4;

/**
 * Short labels of layers that still differ: `stages.2.blocks.5` becomes `2.5`, and `down_blocks.1.attentions.0`
 * beside `mid_block.attentions.0` becomes `down 1.0`. Words and numbers that do not distinguish layers are left out.
 * @param layers without duplicates
 */
export function layerLabels(layers: readonly string[]): string[] {
  const split = layers.map((layer) => {
    const parts = layer.split(SEPARATOR);
    const words = parts.filter((part) => !DIGITS.test(part));
    return { words, numbers: parts.filter((part) => DIGITS.test(part)), kind: words.join(' ') };
  });
  const common = new Set(split[0]?.words.filter((word) => split.every(({ words }) => words.includes(word))));
  const kinds = new Map<string, string[][]>();
  for (const { kind, numbers } of split) {
    if (!kinds.has(kind)) kinds.set(kind, []);
    kinds.get(kind)!.push(numbers);
  }
  const differing = new Map([...kinds].map(([kind, alike]) => [kind, differences(alike)]));
  // As few words as are needed to distinguish the layers, among those that not all labels have.
  for (let maximum = 1; maximum <= MAX_WORDS; maximum++) {
    const labels = split.map(({ words, numbers, kind }) => {
      const differs = numbers.filter((_, at) => differing.get(kind)!.has(at));
      const shown = differs.length > 0 || kinds.size > 1 ? differs : numbers.slice(-1);
      const own = words.filter((word) => !common.has(word)).slice(0, maximum);
      return [...own, shown.join('.')].join(' ').trim();
    });
    if (new Set(labels).size === labels.length && !labels.includes('')) return labels;
  }
  return withoutCommonStart(layers);
}

/** The positions at which lists of equal length differ. */
const differences = ([first, ...others]: readonly (readonly string[])[]): ReadonlySet<number> =>
  new Set(first!.flatMap((part, at) => (others.some((other) => other[at] !== part) ? [at] : [])));

/**
 * Shortens paths to distinct labels of about the given length: first without the parts that all have in common, then
 * without as many of their first parts as necessary (`block_sparse_moe.experts.0.w1` becomes `experts.0.w1`). If that
 * makes two labels equal, their longest parts are cut instead, and less so if that makes two labels equal.
 * @param paths without duplicates
 */
export function distinctLabels(paths: readonly string[], maximum: number): string[] {
  const separator = paths.some((path) => path.includes('.')) ? '.' : '_';
  const isLong = paths.some((path) => path.length > maximum);
  const whole = isLong
    ? withoutFirstParts(withoutCommonParts(paths, separator), separator, maximum)
    : [...paths];
  let labels = whole.map((path) => abridged(path, separator, maximum));
  for (let room = maximum; room < MAX_LABEL && new Set(labels).size < labels.length; ) {
    room = Math.min(MAX_LABEL, room + 8);
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
  const shortest = bounded.reduce((minimum, path) => (path.length < minimum.length ? path : minimum));
  const parts = shortest.slice(1, -1).split(separator, MAX_LABEL);
  for (let length = parts.length; length > 0; length--)
    for (let from = 0; from + length <= parts.length; from++) {
      const run = separator + parts.slice(from, from + length).join(separator) + separator;
      if (!bounded.every((path) => path.includes(run))) continue;
      const rest = bounded.map((path) => path.replace(run, () => separator).slice(1, -1));
      if (rest.every((path) => path !== '') && new Set(rest).size === rest.length) return rest;
    }
  return [...paths];
}

/** Each path that is too long without its first parts, if what remains fits and is the end of no other path. */
function withoutFirstParts(paths: readonly string[], separator: string, maximum: number): string[] {
  const ends = paths.map((path) => endsWithin(path, separator, maximum));
  const counts = new Map<string, number>();
  for (const end of [...paths, ...ends.flat()]) counts.set(end, (counts.get(end) ?? 0) + 1);
  return paths.map((path, index) =>
    path.length <= maximum ? path : (ends[index]!.findLast((end) => counts.get(end) === 1) ?? path),
  );
}

/** The ends of a path that begin with a part that is not a number and have at maximum this length, the shortest first. */
function endsWithin(path: string, separator: string, maximum: number): string[] {
  const ends: string[] = [];
  for (let at = path.length; ; ) {
    at = at > 0 ? path.lastIndexOf(separator, at - 1) : -1;
    if (at < 0 || path.length - at - 1 > maximum) return ends;
    const end = path.slice(at + 1);
    if (/^\D/.test(end)) ends.push(end);
  }
}

function abridged(path: string, separator: string, maximum: number): string {
  if (path.length <= maximum) return path;
  const parts = path.split(separator);
  let length = path.length;
  const byLength = parts.map((part, index) => ({ index, length: part.length }));
  for (const part of byLength.sort((x, y) => y.length - x.length)) {
    const kept = Math.max(MIN_PART - 2, part.length - (length - maximum) - 1);
    if (length <= maximum || part.length <= MIN_PART || kept + 1 >= part.length) break;
    parts[part.index] = `${parts[part.index]!.slice(0, kept)}…`;
    length -= part.length - kept - 1;
  }
  const label = parts.join(separator);
  return label.length <= MAX_LABEL ? label : `…${label.slice(1 - MAX_LABEL)}`;
}

function repeated(labels: readonly string[]): ReadonlySet<string> {
  const seen = new Set<string>();
  return new Set(labels.filter((label) => seen.has(label) || !seen.add(label)));
}
