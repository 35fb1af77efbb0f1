import {
  createLocalJWKSet,
  errors,
  type JSONWebKeySet,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
  jwtVerify,
} from 'jose';
import { AppError } from '../../errors/app-error.ts';
import type { IssuerKeySet, IssuerKeys } from './issuer-keys.ts';
import { type TokenClaims, tokenInvalid } from './token-claims.ts';
import type { TokenSettings } from './token-settings.ts';

/**
 * Verifies the signatures of tokens (RFC 7519), and the claims that limit where and when a token is valid. Only this
 * file uses JOSE.
 */
export class TokenSignatures {
  private readonly keys: Pick<IssuerKeys, 'current' | 'after'>;
  private readonly options: JWTVerifyOptions & { readonly algorithms: string[] };
  /** Imported keys, which live as long as their key set. */
  private readonly resolvers = new WeakMap<IssuerKeySet, ReturnType<typeof createLocalJWKSet>>();

  constructor(settings: TokenSettings, keys: Pick<IssuerKeys, 'current' | 'after'>) {
    this.keys = keys;
    this.options = {
      issuer: settings.issuer,
      audience: settings.audience,
      algorithms: [...settings.algorithms],
      clockTolerance: settings.clockSkewSeconds,
      requiredClaims: ['iss', 'aud', 'exp', 'sub'],
    };
  }

  /**
   * The claims of a token that the configured issuer has signed for this service and that is currently valid.
   * @throws AppError TOKEN_INVALID, IDENTITY_PROVIDER_UNAVAILABLE
   */
  async claimsOf(token: string): Promise<TokenClaims> {
    try {
      return (await jwtVerify(token, this.keyFor, this.options)).payload;
    } catch (error) {
      if (error instanceof errors.JWKSMultipleMatchingKeys) return this.claimsByOneOf(token, error);
      throw this.refusal(error);
    }
  }

  /** Verifies a token that does not name its key with every key that fits. */
  private async claimsByOneOf(
    token: string,
    keys: InstanceType<typeof errors.JWKSMultipleMatchingKeys>,
  ): Promise<TokenClaims> {
    try {
      for await (const key of keys) {
        try {
          return (await jwtVerify(token, key, this.options)).payload;
        } catch (error) {
          if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
        }
      }
    } catch (error) {
      throw this.refusal(error);
    }
    throw this.refusal(new errors.JWSSignatureVerificationFailed());
  }

  private readonly keyFor: JWTVerifyGetKey = async (header, token) => {
    const known = await this.keys.current();
    try {
      return await this.resolver(known)(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      const newer = await this.keys.after(known);
      if (!newer) throw error;
      return await this.resolver(newer)(header, token);
    }
  };

  private resolver(set: IssuerKeySet): ReturnType<typeof createLocalJWKSet> {
    let resolver = this.resolvers.get(set);
    if (!resolver) {
      resolver = createLocalJWKSet(set as unknown as JSONWebKeySet);
      this.resolvers.set(set, resolver);
    }
    return resolver;
  }

  /** Every failure counts as a fault of the token, except if the keys of the identity provider could not be fetched. */
  private refusal(error: unknown): AppError {
    return error instanceof AppError ? error : tokenInvalid(reasonOf(error, this.options.algorithms));
  }
}

function reasonOf(error: unknown, algorithms: readonly string[]): string {
  if (error instanceof errors.JWTExpired) return 'it has expired';
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === 'nbf') return 'it is not valid yet';
    return error.reason === 'missing'
      ? `it has no claim "${error.claim}"`
      : `its claim "${error.claim}" is not the one that this service accepts`;
  }
  if (error instanceof errors.JOSEAlgNotAllowed)
    return `its algorithm is not one of ${algorithms.join(', ')}`;
  if (error instanceof errors.JWKSNoMatchingKey)
    return 'none of the keys of the identity provider can have signed it';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'its signature is wrong';
  return 'it cannot be read';
}
