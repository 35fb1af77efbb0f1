/** Long enough for the longest names of real tensors. */
const MAX_SHOWN = 200;

/**
 * Quotes untrusted text for a message: control characters are escaped and long text is shortened, because it may be
 * megabytes long or try to forge lines of a log.
 */
export function quote(text: string): string {
  return JSON.stringify(text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)}…`);
}

/** The first few names in quotes, followed by how many more there are: a file may list thousands of names. */
export function quoteSome(names: readonly string[], maximum: number): string {
  const shown = names
    .slice(0, maximum)
    .map((name) => quote(name))
    .join(', ');
  return names.length > maximum ? `${shown} and ${names.length - maximum} more` : shown;
}
