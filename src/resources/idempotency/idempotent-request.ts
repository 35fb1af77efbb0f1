import { randomUUID } from 'node:crypto';
import { AppError } from '../../errors/app-error.ts';
import type { StoredResponse } from '../../http/stored-response.ts';
import type { Claimant, ClaimStore, Fingerprint } from './claim-store.ts';
import { digestTexts } from './fingerprint.ts';

/** The time after which the keys of a dead process become free. */
const LEASE_MS = 15_000;
const RENEWAL_MS = LEASE_MS / 3;

/** Longer than any request takes, because a handler that never ends must not hold a key indefinitely. */
const MAX_HANDLING_MS = 3_600_000;

/** Responses are kept for a day. */
const KEEP_MS = 86_400_000;

/** Implemented by SecretBox. */
export interface Encryption {
  encrypt(text: string): string;
  decrypt(encrypted: string): string;
}

export interface IdempotentOptions {
  /** The id of an existing tenant. Keys of different tenants are independent. */
  readonly tenant: string;
  readonly key: string;
  readonly fingerprint: Fingerprint;
  /**
   * Encrypts responses with a secret, such as a new key, so that the secret cannot be read where responses are
   * stored.
   */
  readonly encryption: Encryption | undefined;
}

/** A request that must not be executed twice: it holds its key while it is handled, or already has a response. */
export class IdempotentRequest {
  private readonly store: ClaimStore;
  private readonly claimant: Claimant;
  private readonly encryption: Encryption | undefined;
  private readonly startedMs = performance.now();
  private fingerprint: Fingerprint;
  private answer: StoredResponse | undefined;
  private seed: string | undefined;
  private timer: NodeJS.Timeout | undefined;
  private isOurs = true;

  private constructor(store: ClaimStore, { tenant, key, fingerprint, encryption }: IdempotentOptions) {
    this.store = store;
    this.claimant = { tenant, key: digestTexts([key]), owner: randomUUID() };
    this.fingerprint = fingerprint;
    this.encryption = encryption;
  }

  /**
   * Takes the key, or finds the response stored under it.
   * @throws AppError IDEMPOTENCY_IN_FLIGHT, IDEMPOTENCY_MISMATCH, DATABASE_UNAVAILABLE, STORAGE_FULL;
   *   SECRETS_KEY_MISMATCH, SECRETS_DAMAGED if the response was encrypted
   */
  static async begin(store: ClaimStore, options: IdempotentOptions): Promise<IdempotentRequest> {
    const request = new IdempotentRequest(store, options);
    await request.claim();
    return request;
  }

  /** The first response, once it is certain that this request is the same. */
  get replay(): StoredResponse | undefined {
    return this.isOurs || this.fingerprint.payload === null ? undefined : this.answer;
  }

  /**
   * An id for a record that this request creates. It is the same whenever the request is handled, so a crash between
   * the record and the response creates nothing twice.
   * @param kind the part of the id before the underscore
   */
  idOf(kind: string): string | undefined {
    return this.seed === undefined ? undefined : `${kind}_${this.seed}`;
  }

  /** Whether the response must still be stored by `settle`, or the key be released by `release`. */
  get isHeld(): boolean {
    return this.isOurs && this.timer !== undefined && this.answer === undefined;
  }

  /** Whether the whole request has arrived, so that its response can be stored. */
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
    if (this.isOurs) {
      if (await this.store.hold(this.claimant, this.fingerprint, LEASE_MS)) return;
      this.stop();
      throw inFlight();
    }
    if (known.payload === null) this.refuseOther(this.stored!);
  }

  /** Stores the response. This is repeated while the database is unavailable. */
  async settle(answer: StoredResponse): Promise<void> {
    this.answer = this.encryption ? { ...answer, body: this.encryption.encrypt(answer.body) } : answer;
    await this.keepAnswer();
  }

  /**
   * Makes the next request with this key the first one again. If the database is unavailable, this takes until the
   * lease ends.
   */
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
    if (claim.state === 'in-flight') throw inFlight();
    this.isOurs = false;
    this.stored = claim.fingerprint;
    const { answer } = claim;
    this.answer = this.encryption ? { ...answer, body: this.encryption.decrypt(answer.body) } : answer;
  }

  private async renew(): Promise<void> {
    if (performance.now() - this.startedMs > MAX_HANDLING_MS) return this.stop();
    if (this.answer) await this.keepAnswer();
    // A failure is harmless: the next renewal comes before the lease ends, or takes the key again. If another request
    // has taken over, the response of that one counts.
    else if (!(await this.store.hold(this.claimant, this.fingerprint, LEASE_MS).catch(() => true)))
      this.stop();
  }

  private async keepAnswer(): Promise<void> {
    try {
      await this.store.settle(this.claimant, this.fingerprint, this.answer!, KEEP_MS);
      this.stop();
    } catch {
      // The timer tries again: the client has its response, and a repetition must not execute the request a second
      // time.
    }
  }

  private stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  /** Refuses a request that differs from the first one with its key; a value that is not known yet counts as equal. */
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

const inFlight = (): AppError =>
  new AppError(
    'IDEMPOTENCY_IN_FLIGHT',
    'A request with this Idempotency-Key is still being handled; repeat it in a moment to get its response.',
  );
