/** Front matter that is longer is not read, in characters. */
const MAX_FRONT_MATTER = 64 * 1024;
const FENCE = /^---[ \t]*$/;
const MAX_LICENSE = 100;

/**
 * The license that a model card names in its front matter, as the Hugging Face Hub reads it
 * (https://huggingface.co/docs/hub/model-cards): `license`, or `license_name` where that is "other". Only this line of the
 * YAML is read: a card may come from anybody, and parsers of the whole language can be brought down by one.
 * @returns undefined where it names none, or more than one, or in a way that cards do not
 */
export function licenseOfCard(card: string): string | undefined {
  const [first, ...lines] = card
    .slice(0, MAX_FRONT_MATTER)
    .replace(/^\ufeff/, '')
    .split(/\r?\n/);
  const end = lines.findIndex((line) => FENCE.test(line));
  if (!FENCE.test(first!) || end < 0) return undefined;
  const front = lines.slice(0, end);
  const license = textOf(front, 'license');
  const licenseName = license === 'other' ? (textOf(front, 'license_name') ?? license) : license;
  const plain = licenseName
    ?.replace(/\p{C}+/gu, ' ')
    .trim()
    .slice(0, MAX_LICENSE);
  return plain === undefined || plain === '' || plain === 'unknown' ? undefined : plain;
}

/** The text of a key at the top level; of a list, its only item. */
function textOf(front: readonly string[], key: string): string | undefined {
  const at = front.findIndex((line) => line.startsWith(`${key}:`));
  if (at < 0) return undefined;
  const text = front[at]!.slice(key.length + 1);
  if (text.trim() !== '') return scalarIn(text);
  const next = front.slice(at + 1, at + 3).map((line) => /^ *- (.*)$/.exec(line)?.[1]);
  return next[1] === undefined && next[0] !== undefined ? scalarIn(next[0]) : undefined;
}

/** A text in quotes or without, or the only one in brackets; undefined for anything else of YAML. */
function scalarIn(text: string): string | undefined {
  const bare = text.trim();
  const [, quoted] = /^"([^"\\]*)"(?: *#.*)?$/.exec(bare) ?? /^'([^']*)'(?: *#.*)?$/.exec(bare) ?? [];
  if (quoted !== undefined) return quoted;
  const [, only] = /^\[([^,[\]]*)\](?: *#.*)?$/.exec(bare) ?? [];
  if (only !== undefined) return scalarIn(only);
  return /^[A-Za-z0-9]/.test(bare) ? bare.split(' #', 1)[0]! : undefined;
}
