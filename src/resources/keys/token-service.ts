import { LRUCache } from 'lru-cache';
import { AppError } from '../../errors/app-error.ts';
import type { Principal } from '../../http/principal.ts';
import type { TenantService } from '../tenants/service.ts';
import { IssuerKeys, type IssuerKeysOptions } from './issuer-keys.ts';
import { keyDigest } from './key-text.ts';
import { type TokenClaims, tokenPrincipal, tokenTenantUnknown } from './token-claims.ts';
import type { TokenSettings } from './token-settings.ts';
import { TokenSignatures } from './token-signature.ts';

const CACHE_MS = 60_000;
const MAX_CACHED = 10_000;

/** The form of a token: three parts separated by dots, which keys do not contain. */
const TOKEN = /^[^.]+\.[^.]+\.[^.]*$/;

export interface TokenServiceOptions extends Pick<IssuerKeysOptions, 'outbound' | 'onFailure' | 'times'> {
  readonly settings: TokenSettings;
  readonly tenants: Pick<TenantService, 'get'>;
}

/** Tokens of the identity provider, which are accepted besides keys. Nothing about them is stored. */
export class TokenService {
  private readonly settings: TokenSettings;
  private readonly tenants: Pick<TenantService, 'get'>;
  private readonly signatures: TokenSignatures;
  /** By digest, until the token expires, but not longer than a deletion of the tenant may go unnoticed. */
  private readonly remembered = new LRUCache<string, Principal>({ max: MAX_CACHED, ttl: CACHE_MS });

  constructor({ settings, tenants, ...access }: TokenServiceOptions) {
    const { issuer, jwksUrl } = settings;
    this.settings = settings;
    this.tenants = tenants;
    this.signatures = new TokenSignatures(settings, new IssuerKeys({ issuer, jwksUrl, ...access }));
  }

  /** Whether a text must be treated as a token. */
  isToken(text: string): boolean {
    return TOKEN.test(text);
  }

  /** The principal of a recently verified token, without waiting. */
  verifyRemembered(token: string): Principal | undefined {
    return this.remembered.get(nameOf(token));
  }

  /**
   * Verifies a token.
   * @throws AppError TOKEN_INVALID, TOKEN_TENANT_UNKNOWN, IDENTITY_PROVIDER_UNAVAILABLE, DATABASE_UNAVAILABLE
   */
  async verify(token: string): Promise<Principal> {
    const claims = await this.signatures.claimsOf(token);
    const principal = tokenPrincipal(claims, this.settings);
    try {
      await this.tenants.get(principal.tenant);
    } catch (error) {
      if (error instanceof AppError && error.code === 'TENANT_NOT_FOUND')
        throw tokenTenantUnknown(this.settings.tenantClaim);
      throw error;
    }
    const ttl = Math.min(CACHE_MS, this.leftMs(claims));
    if (ttl >= 1) this.remembered.set(nameOf(token), principal, { ttl });
    return principal;
  }

  private leftMs({ exp }: TokenClaims): number {
    return Math.floor((Number(exp) + this.settings.clockSkewSeconds) * 1000 - Date.now());
  }
}

const nameOf = (token: string): string => keyDigest(token).toString('base64');
