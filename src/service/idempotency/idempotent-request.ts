import { randomUUID } from 'node:crypto';
import { AppError } from '../../errors.ts';
import type { ClaimStore, Fingerprint, StoredAnswer } from './claim-store.ts';
import { digestOf } from './fingerprint.ts';

/** A process that dies gives its keys back after this. */
const LEASE_MS = 15_000;
const RENEWAL_MS = LEASE_MS / 3;

/** No request takes as long; a handler that never ends must not hold a key for ever. */
const MAX_HANDLING_MS = 3_600_000;

/** Answers are given again for a day. */
const KEEP_MS = 86_400_000;

/** A request that must not be done twice: it holds its key while it is handled, or has an answer already. */
export class IdempotentRequest {
  private readonly store: ClaimStore;
  private readonly key: string;
  private readonly owner = randomUUID();
  private readonly startedMs = Date.now();
  private fingerprint: Fingerprint;
  private answer: StoredAnswer | undefined;
  private timer: NodeJS.Timeout | undefined;
  private isOurs = true;

  private constructor(store: ClaimStore, key: string, fingerprint: Fingerprint) {
    this.store = store;
    this.key = key;
    this.fingerprint = fingerprint;
  }

  /**
   * Takes the key, or finds the answer that it stands for.
   * @param tenant keys of different tenants have nothing to do with each other
   * @throws AppError IDEMPOTENCY_IN_FLIGHT, IDEMPOTENCY_MISMATCH, QUEUE_UNAVAILABLE
   */
  static async begin(
    store: ClaimStore,
    tenant: string,
    key: string,
    fingerprint: Fingerprint,
  ): Promise<IdempotentRequest> {
    const request = new IdempotentRequest(store, `${tenant}:${digestOf([key])}`, fingerprint);
    await request.claim();
    return request;
  }

  /** The first answer, once it is certain that this is the same request. */
  get replay(): StoredAnswer | undefined {
    return this.isOurs || this.fingerprint.payload === null ? undefined : this.answer;
  }

  /** Whether the answer to come is to be kept by `settle`, or the key given back by `release`. */
  get isHeld(): boolean {
    return this.isOurs && this.timer !== undefined && this.answer === undefined;
  }

  /** Whether all of the request has come, so that its answer can be kept. */
  get isComplete(): boolean {
    return this.fingerprint.payload !== null;
  }

  /** Tells the digest of a body that came after the key was taken. @throws AppError as `begin` */
  async bodyKnown(payload: string): Promise<void> {
    const known = this.fingerprint;
    this.fingerprint = { ...known, payload };
    if (this.isOurs) await this.store.hold(this.key, this.owner, this.fingerprint, LEASE_MS);
    else if (known.payload === null) this.refuseOther(this.stored!);
  }

  /** Keeps the answer. Where Redis is away at that moment, it is tried again and again. */
  async settle(answer: StoredAnswer): Promise<void> {
    this.answer = answer;
    await this.keepAnswer();
  }

  /** The next request with this key is the first one again. Without Redis that takes until the lease is over. */
  async release(): Promise<void> {
    this.stop();
    await this.store.release(this.key, this.owner).catch(() => undefined);
  }

  private stored: Fingerprint | undefined;

  private async claim(): Promise<void> {
    const claim = await this.store.claim(this.key, this.owner, this.fingerprint, LEASE_MS);
    if (claim.state === 'ours') {
      this.timer = setInterval(() => void this.renew(), RENEWAL_MS);
      this.timer.unref();
      return;
    }
    this.refuseOther(claim.fingerprint);
    if (claim.state === 'in-flight') {
      throw new AppError(
        'IDEMPOTENCY_IN_FLIGHT',
        'A request with this Idempotency-Key is being handled; ask again in a moment for its answer.',
      );
    }
    this.isOurs = false;
    this.stored = claim.fingerprint;
    this.answer = claim.answer;
  }

  private async renew(): Promise<void> {
    if (Date.now() - this.startedMs > MAX_HANDLING_MS) return this.stop();
    if (this.answer) await this.keepAnswer();
    // One that fails is no harm: the next one comes before the lease is over, or takes it again.
    else await this.store.hold(this.key, this.owner, this.fingerprint, LEASE_MS).catch(() => undefined);
  }

  private async keepAnswer(): Promise<void> {
    try {
      await this.store.settle(this.key, this.owner, this.fingerprint, this.answer!, KEEP_MS);
      this.stop();
    } catch {
      // The timer tries again: the client has its answer, and should it ask again, it must not be done twice.
    }
  }

  private stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  /** What is not known of one of the two does not tell them apart. */
  private refuseOther(other: Fingerprint): void {
    const { route, payload } = this.fingerprint;
    const isOtherPayload = payload !== null && other.payload !== null && payload !== other.payload;
    if (route === other.route && !isOtherPayload) return;
    throw new AppError(
      'IDEMPOTENCY_MISMATCH',
      `This Idempotency-Key was used for ${route === other.route ? 'another body' : 'another address'}; a new request needs a new key.`,
    );
  }
}
