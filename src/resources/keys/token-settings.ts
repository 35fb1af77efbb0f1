import type { Scope } from '../../contract/key.ts';

/** Which tokens of an identity provider are accepted, and the meaning of their claims. */
export interface TokenSettings {
  /** As the claim `iss` has it, character by character. */
  readonly issuer: string;
  /** What `aud` must have. */
  readonly audience: string;
  /** Where the issuer's keys are; undefined: where its discovery document says. */
  readonly jwksUrl: string | undefined;
  /** Of signatures, by their names in JOSE. */
  readonly algorithms: readonly string[];
  /** The name of a claim, or a JSON Pointer into nested ones. */
  readonly tenantClaim: string;
  readonly scopeClaim: string;
  /** What our scopes begin with in that claim; may be empty. */
  readonly scopePrefix: string;
  /** Of a token without that claim. */
  readonly defaultScopes: readonly Scope[];
  /** Claims, as names or pointers, with the text that each must have. */
  readonly requiredClaims: readonly (readonly [claim: string, value: string])[];
  /** Whether a token may have the scope `admin`. */
  readonly mayAdminister: boolean;
  /** By how much clocks may differ. */
  readonly clockSkewSeconds: number;
}

/** Signature algorithms with public keys only: a shared secret cannot come from a key set. */
export const TOKEN_ALGORITHMS = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
] as const;
