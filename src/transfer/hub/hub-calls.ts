import type { Outbound } from '../../net/outbound.ts';
import { retrying } from '../retries.ts';
import { hubError } from './hub-error.ts';

export interface HubOptions {
  readonly outbound: Outbound;
  /** URL of the Hub, without a slash at its end. */
  readonly hubEndpoint: string;
  readonly repo: string;
  readonly token: string | undefined;
  readonly signal: AbortSignal | undefined;
}

/** What every call of the Hub's library gets, and how its failures are told. */
export class HubCalls {
  private readonly options: HubOptions;
  /** `X-Error-Code` of the last answer that was an error: the library drops it, and it says more than the status. */
  private errorCode: string | undefined;

  constructor(options: HubOptions) {
    this.options = options;
  }

  /** Parameters of the library's functions. */
  get parameters() {
    const { hubEndpoint, repo, token } = this.options;
    return {
      repo: { type: 'model' as const, name: repo },
      hubUrl: hubEndpoint,
      fetch: this.fetch,
      ...(token !== undefined && { accessToken: token }),
    };
  }

  /**
   * Makes a call that may be repeated, a few times.
   * @throws AppError OUTBOUND_*; the signal's reason
   */
  attempt<T>(call: () => Promise<T>): Promise<T> {
    const { signal, repo, hubEndpoint } = this.options;
    return retrying(async () => {
      try {
        return await call();
      } catch (error) {
        throw hubError({ host: new URL(hubEndpoint).host, repo, errorCode: this.errorCode }, error);
      }
    }, signal);
  }

  private readonly fetch: typeof fetch = async (input, init) => {
    const signals = [this.options.signal, init?.signal].filter((signal) => signal != null);
    const answer = await this.options.outbound.fetch(input, {
      ...init,
      ...(signals.length > 0 && { signal: AbortSignal.any(signals) }),
    });
    if (!answer.ok) this.errorCode = answer.headers.get('x-error-code') ?? undefined;
    // The library asks for one byte to see the headers and leaves the body, and with it the connection, lying.
    else if (new Headers(init?.headers).get('range') === 'bytes=0-0') await answer.body?.cancel();
    return answer;
  };
}
