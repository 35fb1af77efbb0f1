import { randomUUID } from 'node:crypto';
import { AppError } from '../../errors/app-error.ts';
import type { StoredAnswer } from '../../http/stored-answer.ts';
import type { Claimant, ClaimStore, Fingerprint } from './claim-store.ts';
import { digestOf } from './fingerprint.ts';

/** A process that dies gives its keys back after this. */
const LEASE_MS = 15_000;
const RENEWAL_MS = LEASE_MS / 3;

/** Longer than any request takes: a handler that never ends must not hold a key indefinitely. */
const MAX_HANDLING_MS = 3_600_000;

/** Answers are given again for a day. */
const KEEP_MS = 86_400_000;

/** Makes text unreadable, and readable again; SecretBox is one. */
export interface Seal {
  seal(text: string): string;
  open(sealed: string): string;
}

export interface IdempotentOptions {
  /** One that exists; keys of different tenants have nothing to do with each other. */
  readonly tenant: string;
  readonly key: string;
  readonly fingerprint: Fingerprint;
  /** For answers with a secret, such as a new key, so that it cannot be read where answers are kept. */
  readonly seal: Seal | undefined;
}

/** A request that must not be done twice: it holds its key while it is handled, or has an answer already. */
export class IdempotentRequest {
  private readonly store: ClaimStore;
  private readonly claimant: Claimant;
  private readonly seal: Seal | undefined;
  private readonly startedMs = performance.now();
  private fingerprint: Fingerprint;
  private answer: StoredAnswer | undefined;
  private seed: string | undefined;
  private timer: NodeJS.Timeout | undefined;
  private isOurs = true;

  private constructor(store: ClaimStore, { tenant, key, fingerprint, seal }: IdempotentOptions) {
    this.store = store;
    this.claimant = { tenant, key: digestOf([key]), owner: randomUUID() };
    this.fingerprint = fingerprint;
    this.seal = seal;
  }

  /**
   * Takes the key, or finds the answer stored under it.
   * @throws AppError IDEMPOTENCY_IN_FLIGHT, IDEMPOTENCY_MISMATCH, DATABASE_UNAVAILABLE, STORAGE_FULL;
   * SECRETS_KEY_MISMATCH, SECRETS_DAMAGED if the answer was sealed
   */
  static async begin(store: ClaimStore, options: IdempotentOptions): Promise<IdempotentRequest> {
    const request = new IdempotentRequest(store, options);
    await request.claim();
    return request;
  }

  /** The first answer, once it is certain that this is the same request. */
  get replay(): StoredAnswer | undefined {
    return this.isOurs || this.fingerprint.payload === null ? undefined : this.answer;
  }

  /**
   * An id for what is made of this request: the same one each time that it is handled, so that a crash between record and
   * answer makes nothing twice.
   * @param kind what comes before the underscore
   */
  idOf(kind: string): string | undefined {
    return this.seed === undefined ? undefined : `${kind}_${this.seed}`;
  }

  /** Whether the answer to come is to be kept by `settle`, or the key given back by `release`. */
  get isHeld(): boolean {
    return this.isOurs && this.timer !== undefined && this.answer === undefined;
  }

  /** Whether all of the request has come, so that its answer can be kept. */
  get isComplete(): boolean {
    return this.fingerprint.payload !== null;
  }

  /**
   * Adds the digest of a body that arrived after the key was taken.
   * @throws AppError as `begin`
   */
  async bodyKnown(payload: string): Promise<void> {
    const known = this.fingerprint;
    this.fingerprint = { ...known, payload };
    if (this.isOurs) await this.store.hold(this.claimant, this.fingerprint, LEASE_MS);
    else if (known.payload === null) this.refuseOther(this.stored!);
  }

  /** Stores the answer. While the database is unavailable, this is repeated. */
  async settle(answer: StoredAnswer): Promise<void> {
    this.answer = this.seal ? { ...answer, body: this.seal.seal(answer.body) } : answer;
    await this.keepAnswer();
  }

  /** The next request with this key is the first one again. Without the database that takes until the lease is over. */
  async release(): Promise<void> {
    this.stop();
    await this.store.release(this.claimant).catch(() => undefined);
  }

  private stored: Fingerprint | undefined;

  private async claim(): Promise<void> {
    const claim = await this.store.claim(this.claimant, this.fingerprint, LEASE_MS);
    if (claim.state === 'ours') {
      this.seed = claim.seed;
      this.timer = setInterval(() => void this.renew(), RENEWAL_MS);
      this.timer.unref();
      return;
    }
    this.refuseOther(claim.fingerprint);
    if (claim.state === 'in-flight') {
      throw new AppError(
        'IDEMPOTENCY_IN_FLIGHT',
        'A request with this Idempotency-Key is still being handled; repeat it in a moment to get its answer.',
      );
    }
    this.isOurs = false;
    this.stored = claim.fingerprint;
    const { answer } = claim;
    this.answer = this.seal ? { ...answer, body: this.seal.open(answer.body) } : answer;
  }

  private async renew(): Promise<void> {
    if (performance.now() - this.startedMs > MAX_HANDLING_MS) return this.stop();
    if (this.answer) await this.keepAnswer();
    // A failure is harmless: the next renewal comes before the lease is over, or takes the key again.
    else await this.store.hold(this.claimant, this.fingerprint, LEASE_MS).catch(() => undefined);
  }

  private async keepAnswer(): Promise<void> {
    try {
      await this.store.settle(this.claimant, this.fingerprint, this.answer!, KEEP_MS);
      this.stop();
    } catch {
      // The timer tries again: the client has its answer, and should it ask again, it must not be done twice.
    }
  }

  private stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  /** Unknown values do not distinguish requests. */
  private refuseOther(other: Fingerprint): void {
    const { route, payload } = this.fingerprint;
    const isOtherPayload = payload !== null && other.payload !== null && payload !== other.payload;
    if (route === other.route && !isOtherPayload) return;
    throw new AppError(
      'IDEMPOTENCY_MISMATCH',
      `This Idempotency-Key was already used with another ${route === other.route ? 'body' : 'method or address'}; a new request needs a new key.`,
    );
  }
}
