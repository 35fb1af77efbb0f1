import type { Claim, ClaimStore, Fingerprint, StoredAnswer } from './claim-store.ts';

/** Makes text unreadable, and readable again; SecretBox is one. */
export interface Seal {
  seal(text: string): string;
  open(sealed: string): string;
}

/** Keeps answers that have a secret, such as a new key, so that nobody can read them where they are kept. */
export class SealedClaims implements ClaimStore {
  private readonly claims: ClaimStore;
  private readonly box: Seal;

  constructor(claims: ClaimStore, box: Seal) {
    this.claims = claims;
    this.box = box;
  }

  /** @throws AppError SECRETS_KEY_MISMATCH, SECRETS_DAMAGED beside those of a ClaimStore */
  async claim(key: string, owner: string, fingerprint: Fingerprint, leaseMs: number): Promise<Claim> {
    const claim = await this.claims.claim(key, owner, fingerprint, leaseMs);
    if (claim.state !== 'answered') return claim;
    return { ...claim, answer: { ...claim.answer, body: this.box.open(claim.answer.body) } };
  }

  hold(key: string, owner: string, fingerprint: Fingerprint, leaseMs: number): Promise<boolean> {
    return this.claims.hold(key, owner, fingerprint, leaseMs);
  }

  settle(
    key: string,
    owner: string,
    fingerprint: Fingerprint,
    answer: StoredAnswer,
    keepMs: number,
  ): Promise<boolean> {
    const sealed = { ...answer, body: this.box.seal(answer.body) };
    return this.claims.settle(key, owner, fingerprint, sealed, keepMs);
  }

  release(key: string, owner: string): Promise<void> {
    return this.claims.release(key, owner);
  }
}
