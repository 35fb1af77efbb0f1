/** The maximum length of front matter in characters; longer front matter is ignored. */
const MAX_FRONT_MATTER = 64 * 1024;
const FENCE = /^---[ \t]*$/;
/** The maximum length of a license in characters. */
export const MAX_LICENSE = 100;

/**
 * The license that a model card names in its front matter, as the Hugging Face Hub reads it
 * (https://huggingface.co/docs/hub/model-cards): `license`, or `license_name` if that is "other". Only this
 * line of the YAML is read, because cards are untrusted and could crash a parser of the whole language.
 * @returns undefined if the card names none, or more than one, or writes it in a form that cards do not use
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

/** The value of a key at the top level; for a list, its only item. */
function textOf(front: readonly string[], key: string): string | undefined {
  const at = front.findIndex((line) => line.startsWith(`${key}:`));
  if (at < 0) return undefined;
  const text = front[at]!.slice(key.length + 1);
  if (text.trim() !== '') return scalarIn(text);
  const next = front.slice(at + 1, at + 3).map((line) => /^ *- (.*)$/.exec(line)?.[1]);
  return next[1] === undefined && next[0] !== undefined ? scalarIn(next[0]) : undefined;
}

/** A text with or without quotes, or the only one in brackets; undefined for any other YAML value. */
function scalarIn(text: string): string | undefined {
  const bare = text.trim();
  const [, quoted] = /^"([^"\\]*)"(?: *#.*)?$/.exec(bare) ?? /^'([^']*)'(?: *#.*)?$/.exec(bare) ?? [];
  if (quoted !== undefined) return quoted;
  const [, only] = /^\[([^,[\]]*)\](?: *#.*)?$/.exec(bare) ?? [];
  if (only !== undefined) return scalarIn(only);
  return /^[A-Za-z0-9]/.test(bare) ? bare.split(' #', 1)[0]! : undefined;
}
