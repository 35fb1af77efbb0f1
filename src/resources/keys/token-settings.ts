import type { Scope } from '../../contract/key.ts';

/** Which tokens of an identity provider are accepted, and the meaning of their claims. */
export interface TokenSettings {
  /** The exact text of the claim `iss`. */
  readonly issuer: string;
  /** The value that `aud` must contain. */
  readonly audience: string;
  /** The URL of the issuer's keys; undefined: the discovery document names it. */
  readonly jwksUrl: string | undefined;
  /** Accepted signature algorithms, by their JOSE names. */
  readonly algorithms: readonly string[];
  /** The name of a claim, or a JSON Pointer into nested ones. */
  readonly tenantClaim: string;
  readonly scopeClaim: string;
  /** The beginning of this service's scopes in that claim; may be empty. */
  readonly scopePrefix: string;
  /** The scopes of a token without that claim. */
  readonly defaultScopes: readonly Scope[];
  /** Claims, as names or pointers, with the text that each must have. */
  readonly requiredClaims: readonly (readonly [claim: string, value: string])[];
  /** Whether a token may have the scope `admin`. */
  readonly mayAdminister: boolean;
  /** The tolerated difference between clocks. */
  readonly clockSkewSeconds: number;
}

/** Signature algorithms with public keys only, because a shared secret cannot come from a key set. */
export const TOKEN_ALGORITHMS = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
] as const;
