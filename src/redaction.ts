/** Removes secrets from text for the log, wherever they are: in a field, a message or a stack. */

const HIDDEN = '[redacted]';

/** Names of fields and parameters whose values must not be logged. */
const SECRET_NAME =
  '(?:proxy-)?authorization|(?:set-)?cookie|x-api-key|[\\w-]{0,64}(?:passw(?:or)?d|secret|token|api[-_]?key|access[-_]?key)[\\w-]{0,64}';

/** A JSON string, number or list of strings, as the value of a field. */
const VALUE = '(?:"(?:[^"\\\\]|\\\\.)*"|\\[(?:[^\\]"]|"(?:[^"\\\\]|\\\\.)*")*\\]|[\\w.+-]+)';

const RULES: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  // "authorization":"…", "set-cookie":["…"]
  [new RegExp(`("(?:${SECRET_NAME})":)${VALUE}`, 'gi'), `$1"${HIDDEN}"`],
  // The same in JSON inside a JSON string.
  [new RegExp(`(\\\\"(?:${SECRET_NAME})\\\\":\\s*\\\\")[^"\\\\]*`, 'gi'), `$1${HIDDEN}`],
  // The command that ioredis attaches to its errors: AUTH and HELLO have the password among their arguments.
  [new RegExp(`("command":\\{"name":"[^"]*","args":)${VALUE}`, 'g'), `$1"${HIDDEN}"`],
  // scheme://user:password@host, up to the last @ before a query. File URLs contain no passwords, but may contain
  // @scopes.
  // What has already been replaced by stars stays.
  [/\b(?!file:)([a-z][a-z0-9+.-]{0,20}:\/\/)(?![*:]{1,8}@)[^\s"\\?#]{1,1024}@/gi, `$1${HIDDEN}@`],
  // ?X-Amz-Signature=…&token=…
  [
    /([?&][\w.-]{0,64}(?:token|secret|passw(?:or)?d|pwd|signature|credential|key|auth|sig|code)[\w.-]{0,64}=)[^&\s"\\#]+/gi,
    `$1${HIDDEN}`,
  ],
  // A key of this service, wherever it appears; its id, which is not secret, stays.
  [/\b(lsq_[0-9a-f]{12}_)[0-9a-f]+/gi, `$1${HIDDEN}`],
  // A token (JWT): a header and claims, which begin with {" in base64, and a signature.
  [/(?<![\w-])eyJ[\w-]{8,16384}\.eyJ[\w-]{1,16384}\.[\w-]{0,4096}/g, HIDDEN],
  // Authorization: Bearer …
  [/\b(Bearer|bearer|Basic) +[A-Za-z0-9._~+/=-]{6,}/g, `$1 ${HIDDEN}`],
];

/** The text without secrets that can be recognised by their context. JSON stays valid JSON. */
export function redacted(text: string): string {
  return RULES.reduce((rest, [pattern, replacement]) => rest.replace(pattern, replacement), text);
}
