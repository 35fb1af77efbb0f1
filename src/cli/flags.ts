/** Fields of a request that have a flag of another name. */
const RENAMED: Readonly<Record<string, string>> = { labels: 'label', ttl_seconds: 'expires-in' };

/** "targets[0].format_options.architecture", "options.seed", "results.labels.team": the last name, and what is before it. */
const FIELD =
  /(?<![\w./-])(?:targets\[\d+\]\.(?:format_options\.)?|format_options\.|options\.|results\.)([a-z_]+)(?:\.[\w./-]*\w)?/g;
/** A target is told as a whole: here its fields are flags, and what they say is the same in all. */
const OF_A_TARGET = /(?<![\w./-])targets\[\d+\]: /g;
/** What refusals begin with: the field alone. */
const LEADING = /^([a-z]+(?:_[a-z]+)*)(?= is )/;

/**
 * What the API says of the fields of a request, in the words of who typed a command: each field by its flag.
 * @param isOfRequest whether a name that stands alone at its beginning is a field
 */
export function inFlags(detail: string, isOfRequest = false): string {
  const named = detail.replace(OF_A_TARGET, '').replace(FIELD, (_, field: string) => flagOf(field));
  return isOfRequest ? named.replace(LEADING, (_, field: string) => flagOf(field)) : named;
}

const flagOf = (field: string): string => `--${RENAMED[field] ?? field.replaceAll('_', '-')}`;
