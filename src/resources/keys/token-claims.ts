import { SCOPES, type Scope } from '../../contract/key.ts';
import { isTenantId } from '../../contract/tenant-id.ts';
import { AppError } from '../../errors/app-error.ts';
import type { Principal } from '../../http/principal.ts';
import { keyDigest } from './key-text.ts';
import type { TokenSettings } from './token-settings.ts';

/** The claims of a token, after its signature was verified. */
export type TokenClaims = Readonly<Record<string, unknown>>;

/** Subjects that are safe in a log line. */
const SHOWN_SUBJECT = /^[!-~]{1,128}$/;
const DIGEST_CHARACTERS = 32;

/**
 * Derives the principal from the claims of a token. Whether the tenant exists is not checked here.
 * @throws AppError TOKEN_INVALID, TOKEN_TENANT_UNKNOWN
 */
export function tokenPrincipal(claims: TokenClaims, settings: TokenSettings): Principal {
  const { sub } = claims;
  if (typeof sub !== 'string' || sub === '') throw tokenInvalid('its claim "sub" is not a string');
  for (const [claim, value] of settings.requiredClaims)
    if (claimAt(claims, claim) !== value)
      throw tokenInvalid(`its claim "${claim}" does not have the value that this service accepts`);
  const tenant = claimAt(claims, settings.tenantClaim);
  if (typeof tenant !== 'string' || !isTenantId(tenant)) throw tokenTenantUnknown(settings.tenantClaim);
  return { tenant, keyId: keyIdOfSubject(sub), scopes: scopesIn(claims, settings) };
}

/** @param reason the end of a sentence, which the caller sees */
export const tokenInvalid = (reason: string): AppError =>
  new AppError('TOKEN_INVALID', `The token cannot be used: ${reason}.`);

export const tokenTenantUnknown = (claim: string): AppError =>
  new AppError(
    'TOKEN_TENANT_UNKNOWN',
    `The token is valid, but its claim "${claim}" is not the id of a tenant of this service. An administrator ` +
      'of the service creates tenants.',
    { claim },
  );

/**
 * Finds a claim by its name, or by a JSON Pointer (RFC 6901), which begins with a slash, into nested claims.
 * @returns undefined if there is none
 */
function claimAt(claims: TokenClaims, place: string): unknown {
  const path = place.startsWith('/')
    ? place
        .slice(1)
        .split('/')
        .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'))
    : [place];
  let value: unknown = claims;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as TokenClaims)[name];
  }
  return value;
}

/** The scopes of this service that a token has, each once. */
function scopesIn(claims: TokenClaims, settings: TokenSettings): Scope[] {
  const { scopeClaim, scopePrefix, defaultScopes, mayAdminister } = settings;
  const claim = claimAt(claims, scopeClaim);
  if (claim === undefined) return [...defaultScopes];
  const words = new Set<unknown>(
    typeof claim === 'string' ? claim.split(' ') : Array.isArray(claim) ? claim : [],
  );
  return SCOPES.filter((scope) => words.has(scopePrefix + scope) && (scope !== 'admin' || mayAdminister));
}

/** The identity for logs and the audit log: readable, and of bounded length. */
const keyIdOfSubject = (subject: string): string =>
  `jwt:${SHOWN_SUBJECT.test(subject) ? subject : `sha256:${keyDigest(subject).toString('hex').slice(0, DIGEST_CHARACTERS)}`}`;
