import { HubApiError, InvalidApiResponseFormatError } from '@huggingface/hub';
import { AppError } from '../../errors/app-error.ts';
import { JsonError } from '../../json/json-error.ts';
import { parsePlainJson } from '../../json/strict-json.ts';
import type { Outbound } from '../../net/outbound.ts';
import { outboundError, statusError } from '../../net/outbound-error.ts';
import { withRetries } from '../retries.ts';

/** The largest response that the library may read. A list of 100,000 files has about 10 MB. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;
/** The deepest nesting of a response; those of the Hub have 5 levels. */
const MAX_ANSWER_DEPTH = 64;

const NO_ACCESS = 'there is no such repository, or the token does not give access to it';

/** The meaning of a response of the Hub, by its error code or otherwise its status. */
const MEANINGS: Readonly<Record<string, string>> = {
  RepoNotFound: NO_ACCESS,
  RevisionNotFound: 'there is no such branch, tag or commit',
  EntryNotFound: 'there is no such file',
  GatedRepo:
    'the repository is gated: its owner must grant access, and the token must belong to an account that has ' +
    'access',
  DisabledRepo: 'the repository is disabled',
  401: NO_ACCESS,
  403: 'the token does not permit this operation',
  404: NO_ACCESS,
  409: 'the commit conflicts with existing files',
  413: 'a file is too large',
};

export interface HubOptions {
  readonly outbound: Outbound;
  /** The URL of the Hub, without a trailing slash. */
  readonly hubEndpoint: string;
  readonly repo: string;
  readonly token: string | undefined;
  readonly signal: AbortSignal | undefined;
}

/** The options for every call of the Hub's library, and the conversion of its failures. */
export class HubCalls {
  private readonly options: HubOptions;
  /** `X-Error-Code` of the last error response: the library drops it, and it is more precise than the status. */
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
   * Makes a call that may be repeated, up to a few times.
   * @throws AppError OUTBOUND_*; the reason of the signal
   */
  attempt<T>(call: () => Promise<T>): Promise<T> {
    const { signal, repo, hubEndpoint } = this.options;
    return withRetries(async () => {
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
    // The library requests one byte to see the headers, and leaves the body unread, which would keep the connection
    // open.
    else if (new Headers(init?.headers).get('range') === 'bytes=0-0') {
      await answer.body?.cancel();
      return answer;
    }
    return checkedAnswer(answer);
  };
}

/**
 * Checks a response before the library reads its JSON, because a server in place of the Hub may send anything. The
 * JSON of a refusal is not shown, and is dropped if it cannot be parsed.
 * @throws AppError OUTBOUND_FAILED, OUTBOUND_TOO_LARGE
 */
async function checkedAnswer(answer: Response): Promise<Response> {
  const { status, statusText, headers, url, ok } = answer;
  if (!answer.body) return answer;
  const { host } = new URL(url);
  let bytes = await bytesOf(answer.body, host);
  if (headers.get('content-type')?.includes('json')) {
    try {
      parsePlainJson(bytes, { maxDepth: MAX_ANSWER_DEPTH, largeIntegers: 'round' });
    } catch (error) {
      if (!(error instanceof JsonError)) throw error;
      if (ok)
        throw new AppError(
          'OUTBOUND_FAILED',
          `${host} does not answer as the Hub does: its JSON cannot be read (${error.message}).`,
          { host },
        );
      bytes = Buffer.from('{}');
    }
  }
  const checked = new Response(bytes, { status, statusText, headers });
  // The library reads the URL for its errors.
  Object.defineProperty(checked, 'url', { value: url });
  return checked;
}

async function bytesOf(body: AsyncIterable<Uint8Array>, host: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > MAX_ANSWER_BYTES)
      throw new AppError('OUTBOUND_TOO_LARGE', `${host} answered with more than ${MAX_ANSWER_BYTES} bytes.`, {
        host,
        limit_bytes: MAX_ANSWER_BYTES,
      });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

interface HubContext {
  readonly host: string;
  readonly repo: string;
  /** `X-Error-Code` of the response. */
  readonly errorCode: string | undefined;
}

/**
 * Converts a failed call to an AppError: OUTBOUND_REFUSED, OUTBOUND_FAILED, or the AppError that it contains. The error
 * of the library is dropped, because its URL may be a presigned one.
 */
function hubError({ host, repo, errorCode }: HubContext, error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof HubApiError) {
    // Large files are served by another host than that of the Hub.
    const answering = URL.canParse(error.url) ? new URL(error.url).host : host;
    const meaning = MEANINGS[errorCode ?? ''] ?? MEANINGS[error.statusCode] ?? 'the Hub refused the request';
    return statusError(answering, error.statusCode, `: ${repo}: ${meaning}`);
  }
  if (error instanceof InvalidApiResponseFormatError || error instanceof SyntaxError) {
    return new AppError('OUTBOUND_FAILED', `${host} does not answer as the Hub does.`, { host });
  }
  return outboundError(host, error);
}
