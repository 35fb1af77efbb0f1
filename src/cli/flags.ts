/** Fields of a request that have a flag of another name. */
const RENAMED: Readonly<Record<string, string>> = { labels: 'label', ttl_seconds: 'expires-in' };

/** "targets[0].format_options.architecture", "options.seed", "results.labels.team": the last name, and what is before it. */
const FIELD =
  /(?<![\w./-])(?:targets\[\d+\]\.(?:format_options\.)?|format_options\.|options\.|results\.)([a-z_]+)(?:\.[\w./-]*\w)?/g;
/** Messages about a target name it as a whole. Here its fields are flags, which apply to all targets. */
const OF_A_TARGET = /(?<![\w./-])targets\[\d+\]: /g;
/** What refusals begin with: the field alone. */
const LEADING = /^([a-z]+(?:_[a-z]+)*)(?= is )/;

/**
 * Rewrites a message of the API about fields of a request for the user of the command: each field becomes its flag.
 * @param isOfRequest whether a name at the beginning of the message is a field
 */
export function inFlags(detail: string, isOfRequest = false): string {
  const named = detail.replace(OF_A_TARGET, '').replace(FIELD, (_, field: string) => flagOf(field));
  return isOfRequest ? named.replace(LEADING, (_, field: string) => flagOf(field)) : named;
}

const flagOf = (field: string): string => `--${RENAMED[field] ?? field.replaceAll('_', '-')}`;
