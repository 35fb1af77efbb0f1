/** Fields of a request whose flags have other names. */
const RENAMED: Readonly<Record<string, string>> = { labels: 'label', ttl_seconds: 'expires-in' };

/** "targets[0].format_options.architecture", "options.seed", "results.labels.team": the last name and its prefix. */
const FIELD =
  /(?<![\w./-])(?:targets\[\d+\]\.(?:format_options\.)?|format_options\.|options\.|results\.)([a-z_]+)(?:\.[\w./-]*\w)?/g;
/**
 * Messages of the API about a target name the target. In the command its fields are flags, which apply to all
 * targets.
 */
const OF_A_TARGET = /(?<![\w./-])targets\[\d+\]: /g;
/** The beginning of a refusal that names just the field. */
const LEADING = /^([a-z]+(?:_[a-z]+)*)(?= is )/;

/**
 * Rewrites a message of the API about fields of a request for the user of the command: each field becomes its flag.
 * @param isOfRequest whether a name at the beginning of the message is a field
 */
export function withFlagNames(detail: string, isOfRequest = false): string {
  const named = detail.replace(OF_A_TARGET, '').replace(FIELD, (_, field: string) => flagOf(field));
  return isOfRequest ? named.replace(LEADING, (_, field: string) => flagOf(field)) : named;
}

const flagOf = (field: string): string => `--${RENAMED[field] ?? field.replaceAll('_', '-')}`;
