import { type Static, Type } from 'typebox';
import type { Scope } from '../contract/key.ts';
import { ConfigError } from '../errors/config-error.ts';
import { isTrustworthy } from '../resources/keys/issuer-keys.ts';
import { TOKEN_ALGORITHMS, type TokenSettings } from '../resources/keys/token-settings.ts';

const CLAIM = 'The name of a claim, or a JSON Pointer such as `/realm_access/roles` to a nested one.';
const WORDS = '^[^\\s,]+( *, *[^\\s,]+)*$';

/** Environment variables about tokens of an identity provider: a part of the table of all. */
export const TOKEN_VARIABLES = {
  JWT_ISSUER: Type.Optional(
    Type.String({
      pattern: '^https?://[^?#\\s]+$',
      title: 'an https:// URL without a query, or an http:// URL of this machine',
      description:
        'Issuer whose tokens (JWT) are accepted besides keys; their claim `iss` must be exactly this. If it is set, `AUTH` is `keys` ' +
        'by default. See [tokens](tokens.md).',
    }),
  ),
  JWT_AUDIENCE: Type.Optional(
    Type.String({
      minLength: 1,
      description: 'What the claim `aud` of a token must contain. Required with `JWT_ISSUER`.',
    }),
  ),
  JWT_JWKS_URL: Type.Optional(
    Type.String({
      pattern: '^https?://[^#\\s]+$',
      title: 'an https:// URL, or an http:// URL of this machine',
      description:
        'Address of the keys of the issuer (JWKS). Unset: the `jwks_uri` of its `/.well-known/openid-configuration`.',
    }),
  ),
  JWT_ALGORITHMS: Type.String({
    pattern: WORDS,
    title: `some of ${TOKEN_ALGORITHMS.join(', ')}, separated by commas`,
    default: 'RS256,ES256,EdDSA',
    description: 'Accepted signature algorithms. None of them uses a shared secret.',
  }),
  JWT_TENANT_CLAIM: Type.String({
    minLength: 1,
    default: 'tenant',
    description: `Claim with the id of the tenant. ${CLAIM}`,
  }),
  JWT_SCOPE_CLAIM: Type.String({
    minLength: 1,
    default: 'scope',
    description: `Claim with the scopes: words separated by spaces, or a list. ${CLAIM}`,
  }),
  JWT_SCOPE_PREFIX: Type.Optional(
    Type.String({
      pattern: '^\\S+$',
      title: 'text without spaces',
      description:
        'Prefix of the scopes of this service in that claim, such as `lora-squeeze:`. Scopes without it are ignored.',
    }),
  ),
  JWT_DEFAULT_SCOPES: Type.Optional(
    Type.String({
      pattern: '^(read|write|tenant_admin)( *, *(read|write|tenant_admin))*$',
      title: 'some of read, write, tenant_admin, separated by commas',
      description: 'Scopes of tokens without that claim. Unset: none.',
    }),
  ),
  JWT_REQUIRED_CLAIMS: Type.Optional(
    Type.String({
      pattern: '^[^\\s,=]+=[^,]+(, *[^\\s,=]+=[^,]+)*$',
      title: 'a list of claim=value, separated by commas',
      description:
        'Claims and values that a token must have. Set them if the issuer also issues tokens to other parties.',
    }),
  ),
  JWT_MAY_ADMINISTER: Type.Boolean({
    default: false,
    description: 'Whether a token may have the scope `admin`; otherwise that scope is ignored.',
  }),
  JWT_CLOCK_SKEW_SECONDS: Type.Integer({
    minimum: 0,
    maximum: 300,
    default: 60,
    description: 'Largest accepted difference between the clocks of the issuer and the service.',
  }),
};

const VARIABLES = Type.Object(TOKEN_VARIABLES);
type TokenVariables = Static<typeof VARIABLES>;

/** Variables that have no effect on their own, and no default that would hide whether they are set. */
const DEPENDENT = [
  ...([
    'JWT_AUDIENCE',
    'JWT_JWKS_URL',
    'JWT_SCOPE_PREFIX',
    'JWT_DEFAULT_SCOPES',
    'JWT_REQUIRED_CLAIMS',
  ] as const),
];

/**
 * Which tokens are accepted; undefined: none.
 * @throws ConfigError naming a variable that does not fit the others
 */
export function readTokenSettings(values: TokenVariables, auth: 'open' | 'keys'): TokenSettings | undefined {
  const { JWT_ISSUER: issuer, JWT_AUDIENCE: audience, JWT_JWKS_URL: jwksUrl } = values;
  if (issuer === undefined) {
    const lonely = DEPENDENT.find((name) => values[name] !== undefined);
    if (lonely === undefined) return undefined;
    throw new ConfigError(
      `${lonely} is set and JWT_ISSUER is not; tokens are accepted only with JWT_ISSUER.`,
    );
  }
  if (auth === 'open')
    throw new ConfigError('JWT_ISSUER is set and AUTH is "open"; tokens are checked only with AUTH=keys.');
  if (audience === undefined)
    throw new ConfigError(
      'JWT_AUDIENCE is not set; JWT_ISSUER needs it, or tokens for other services would be accepted.',
    );
  for (const [name, url] of [['JWT_ISSUER', issuer] as const, ['JWT_JWKS_URL', jwksUrl] as const])
    if (url !== undefined && !isTrustworthy(url))
      throw new ConfigError(
        `${name} is "${url}"; it must begin with https://, except for a server on this machine.`,
      );
  return {
    ...{ issuer, audience, jwksUrl },
    algorithms: algorithmsOf(values.JWT_ALGORITHMS),
    tenantClaim: values.JWT_TENANT_CLAIM,
    scopeClaim: values.JWT_SCOPE_CLAIM,
    scopePrefix: values.JWT_SCOPE_PREFIX ?? '',
    defaultScopes: wordsOf(values.JWT_DEFAULT_SCOPES) as Scope[],
    requiredClaims: (values.JWT_REQUIRED_CLAIMS?.split(/, */) ?? []).map((entry) => {
      const end = entry.indexOf('=');
      return [entry.slice(0, end), entry.slice(end + 1)] as const;
    }),
    mayAdminister: values.JWT_MAY_ADMINISTER,
    clockSkewSeconds: values.JWT_CLOCK_SKEW_SECONDS,
  };
}

/** Hosts, with their ports, that the settings name: an operator may have them inside. */
export const issuerHosts = ({ issuer, jwksUrl }: TokenSettings): readonly string[] =>
  [issuer, ...(jwksUrl === undefined ? [] : [jwksUrl])].map((text) => {
    const { hostname, port, protocol } = new URL(text);
    return `${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`;
  });

function algorithmsOf(list: string): readonly string[] {
  const names = wordsOf(list);
  const wrong = names.find((name) => !(TOKEN_ALGORITHMS as readonly string[]).includes(name));
  if (wrong === undefined) return names;
  throw new ConfigError(
    `JWT_ALGORITHMS contains "${wrong}"; the algorithms are ${TOKEN_ALGORITHMS.join(', ')}.`,
  );
}

const wordsOf = (list = ''): string[] => (list === '' ? [] : list.split(/ *, */));
