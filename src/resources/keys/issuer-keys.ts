import { AppError } from '../../errors/app-error.ts';
import { isLoopbackHost } from '../../http/authority.ts';
import { type PlainJson, type PlainObject, parsePlainJson } from '../../json/strict-json.ts';
import type { Outbound } from '../../net/outbound.ts';
import type { TokenSettings } from './token-settings.ts';

export interface IssuerTimes {
  /** Keys of this age are fetched again if they are in use. */
  readonly freshMs: number;
  /** Keys of this age are no longer used. */
  readonly mostAgeMs: number;
  /** The shortest time between two fetches because of tokens with an unknown key. */
  readonly cooldownMs: number;
  /** The time from a failed fetch to the next one. */
  readonly failedCooldownMs: number;
  /** The limit for one exchange as a whole. */
  readonly timeoutMs: number;
}

const TIMES: IssuerTimes = {
  freshMs: 600_000,
  mostAgeMs: 86_400_000,
  cooldownMs: 30_000,
  failedCooldownMs: 5_000,
  timeoutMs: 5_000,
};

/** Real key sets have some kilobytes, or more if they contain certificate chains. */
const MAX_BYTES = 512 * 1024;
const MAX_KEYS = 100;
const MAX_DEPTH = 16;
/** Kinds of keys whose private half stays with the issuer. */
const PUBLIC_KINDS: ReadonlySet<unknown> = new Set(['RSA', 'EC', 'OKP']);

export interface IssuerKeySet {
  readonly keys: readonly PlainObject[];
}

export interface IssuerKeysOptions extends Pick<TokenSettings, 'issuer' | 'jwksUrl'> {
  /** Connects to the issuer and, if it is another one, to the server of its keys. */
  readonly outbound: Pick<Outbound, 'request'>;
  /** Called when the keys cannot be read. `error` has the reason, with host names, which callers must not see. */
  readonly onFailure?: (error: unknown) => void;
  /** Other times, for tests. */
  readonly times?: Partial<IssuerTimes>;
}

/**
 * The public keys of an issuer (RFC 7517), which are fetched when they are first needed and then cached. Time, size
 * and frequency of the fetches are bounded whatever tokens arrive: all callers wait for the same exchange.
 */
export class IssuerKeys {
  private readonly options: IssuerKeysOptions;
  private readonly times: IssuerTimes;
  private known: { readonly set: IssuerKeySet; readonly atMs: number } | undefined;
  private last: { readonly atMs: number; readonly hasFailed: boolean } | undefined;
  private reading: Promise<IssuerKeySet> | undefined;

  constructor(options: IssuerKeysOptions) {
    this.options = options;
    this.times = { ...TIMES, ...options.times };
  }

  /** The known keys; no caller waits as long as they are not too old. @throws AppError IDENTITY_PROVIDER_UNAVAILABLE */
  async current(): Promise<IssuerKeySet> {
    const ageMs = this.known ? performance.now() - this.known.atMs : Number.POSITIVE_INFINITY;
    if (this.known && ageMs < this.times.freshMs) return this.known.set;
    if (this.known && ageMs < this.times.mostAgeMs) {
      // This caller already has usable keys; failures are reported to `onFailure`.
      if (!this.isCooling()) this.read().catch(() => undefined);
      return this.known.set;
    }
    if (this.isCooling()) throw unavailable();
    return this.read();
  }

  /**
   * Newer keys than `seen`, which did not contain the key of a token: issuers rotate their keys.
   * @returns undefined if the issuer was asked just now and has no other keys
   * @throws AppError IDENTITY_PROVIDER_UNAVAILABLE
   */
  async after(seen: IssuerKeySet): Promise<IssuerKeySet | undefined> {
    if (this.known && this.known.set !== seen) return this.known.set;
    if (!this.isCooling()) return this.read();
    if (this.last?.hasFailed) throw unavailable();
    return undefined;
  }

  /** Whether the last fetch was too recent. An exchange that is under way is shared. */
  private isCooling(): boolean {
    if (this.reading || !this.last) return false;
    const { cooldownMs, failedCooldownMs } = this.times;
    return performance.now() - this.last.atMs < (this.last.hasFailed ? failedCooldownMs : cooldownMs);
  }

  private read(): Promise<IssuerKeySet> {
    this.reading ??= this.readSet()
      .then(
        (set) => {
          this.known = { set, atMs: performance.now() };
          this.last = { atMs: performance.now(), hasFailed: false };
          return set;
        },
        (error: unknown) => {
          this.last = { atMs: performance.now(), hasFailed: true };
          this.options.onFailure?.(error);
          throw unavailable();
        },
      )
      .finally(() => {
        this.reading = undefined;
      });
    return this.reading;
  }

  private async readSet(): Promise<IssuerKeySet> {
    const { keys } = await this.readObject(this.options.jwksUrl ?? (await this.discover()));
    if (!Array.isArray(keys)) throw new Error('the key set has no list of keys');
    if (keys.length > MAX_KEYS)
      throw new Error(`the key set has ${keys.length} keys, but at most ${MAX_KEYS} are read`);
    return { keys: keys.filter(isObject).filter(({ kty, use }) => PUBLIC_KINDS.has(kty) && use !== 'enc') };
  }

  /** The address of the keys by OpenID Connect Discovery 1.0. */
  private async discover(): Promise<string> {
    const { issuer } = this.options;
    const found = await this.readObject(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);
    if (found.issuer !== issuer)
      throw new Error(`the discovery document belongs to an issuer other than JWT_ISSUER "${issuer}"`);
    const { jwks_uri: url } = found;
    if (typeof url !== 'string' || !isTrustworthy(url))
      throw new Error('the discovery document has no jwks_uri that begins with https://');
    return url;
  }

  private async readObject(url: string): Promise<PlainObject> {
    const { timeoutMs } = this.times;
    const answer = await this.options.outbound.request(url, {
      headers: { accept: 'application/json' },
      ...{ timeoutMs, deadlineMs: timeoutMs, maxBytes: MAX_BYTES },
    });
    if (answer.status !== 200) {
      await answer.discard();
      throw new Error(`${url} answered with status ${answer.status}`);
    }
    const pieces: Uint8Array[] = [];
    for await (const piece of answer.body) pieces.push(piece as Uint8Array);
    const read = parsePlainJson(Buffer.concat(pieces), { maxDepth: MAX_DEPTH, largeIntegers: 'round' });
    if (!isObject(read)) throw new Error(`${url} did not answer with a JSON object`);
    return read;
  }
}

/** Whether the response of a URL can be trusted to come from its host: over TLS, or from this machine. */
export function isTrustworthy(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname } = new URL(url);
  return protocol === 'https:' || (protocol === 'http:' && isLoopbackHost(hostname));
}

const isObject = (value: PlainJson): value is PlainObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const unavailable = (): AppError =>
  new AppError(
    'IDENTITY_PROVIDER_UNAVAILABLE',
    'The token cannot be checked now, because the keys of the identity provider cannot be read. Send the request again ' +
      'later, or use a key of this service.',
  );
