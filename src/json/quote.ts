/** Holds the longest names of real tensors. */
const MAX_SHOWN = 200;

/**
 * Text from a stranger, for a message: in quotes, control characters escaped, shortened. What it quotes may be
 * megabytes long or try to forge lines of a log.
 */
export function quote(text: string): string {
  return JSON.stringify(text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)}…`);
}

/** The first few names in quotes, and how many more there are: what a file lists can be thousands of names. */
export function quoteSome(names: readonly string[], most: number): string {
  const shown = names
    .slice(0, most)
    .map((name) => quote(name))
    .join(', ');
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}
