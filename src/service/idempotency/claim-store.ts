/** What makes two requests the same one. */
export interface Fingerprint {
  /** SHA-256 of method and URL, hex. */
  readonly route: string;
  /** SHA-256 of the body, hex; null while it has not come. */
  readonly payload: string | null;
}

/** The first answer to a request, to be given again. */
export interface StoredAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What became of trying to take a key. */
export type Claim =
  | { readonly state: 'ours' }
  | { readonly state: 'in-flight'; readonly fingerprint: Fingerprint }
  | { readonly state: 'answered'; readonly fingerprint: Fingerprint; readonly answer: StoredAnswer };

/**
 * Keys that requests have taken, shared by all processes that answer HTTP. An owner is who took a key: any text that
 * nobody else uses. All methods fail with AppError QUEUE_UNAVAILABLE, within about a second, when they cannot be done.
 */
export interface ClaimStore {
  /** Takes a key for `leaseMs` unless it is taken: of many at once, exactly one gets it. */
  claim(key: string, owner: string, fingerprint: Fingerprint, leaseMs: number): Promise<Claim>;
  /** Keeps a key for `leaseMs` more, also one whose lease is over. False when another has it. */
  hold(key: string, owner: string, fingerprint: Fingerprint, leaseMs: number): Promise<boolean>;
  /** Keeps the answer for `keepMs`. False when another has the key. */
  settle(
    key: string,
    owner: string,
    fingerprint: Fingerprint,
    answer: StoredAnswer,
    keepMs: number,
  ): Promise<boolean>;
  /** Gives a key back, for whoever comes next. */
  release(key: string, owner: string): Promise<void>;
}
