/** What tells rows apart is shown up to here, however much less was asked for; names of strangers have no end. */
const MOST = 64;
/** Parts of a path that are shorter are not made shorter still. */
const LEAST_PART = 6;

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
  for (let room = most; room < MOST && new Set(labels).size < labels.length; ) {
    room = Math.min(MOST, room + 8);
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
  const parts = shortest.slice(1, -1).split(separator, MOST);
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
  return label.length <= MOST ? label : `…${label.slice(1 - MOST)}`;
}

function repeated(labels: readonly string[]): ReadonlySet<string> {
  const seen = new Set<string>();
  return new Set(labels.filter((label) => seen.has(label) || !seen.add(label)));
}
