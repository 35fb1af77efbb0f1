import { AppError } from '../errors/app-error.ts';
import type { Outbound, OutboundResponse } from '../net/outbound.ts';
import { statusError } from '../net/outbound-error.ts';
import type { OpenedFile, RemoteFile } from './receive-file.ts';

export interface HttpFileOptions {
  readonly name: string;
  readonly url: string;
  readonly sha256?: string | undefined;
  /** Headers of the first request; those with credentials are not sent to other hosts. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Headers of any name that contain secrets. */
  readonly secretHeaders?: Readonly<Record<string, string>> | undefined;
  readonly stallTimeoutMs: number;
}

/** A file at a URL. A download is only continued if a strong ETag shows that the file is still the same. */
export class HttpFile implements RemoteFile {
  readonly name: string;
  readonly sha256: string | undefined;
  readonly host: string;
  private readonly outbound: Outbound;
  private readonly options: HttpFileOptions;
  private etag: string | undefined;

  /** @throws AppError OUTBOUND_URL_INVALID, OUTBOUND_FORBIDDEN */
  constructor(outbound: Outbound, options: HttpFileOptions) {
    this.outbound = outbound;
    this.options = options;
    this.name = options.name;
    this.sha256 = options.sha256;
    this.host = outbound.checkUrl(options.url).host;
  }

  async open(from: number, signal: AbortSignal | undefined): Promise<OpenedFile> {
    const rest =
      from > 0 && this.etag !== undefined ? { range: `bytes=${from}-`, 'if-range': this.etag } : undefined;
    const answer = await this.outbound.fetchFollowingRedirects(this.options.url, {
      // With compression, sizes and ranges would not refer to the file.
      headers: { 'accept-encoding': 'identity', ...this.options.headers, ...rest },
      secretHeaders: this.options.secretHeaders ?? {},
      timeoutMs: this.options.stallTimeoutMs,
      signal,
    });
    try {
      return rest && answer.status === 206 ? this.continuationOf(answer, from) : this.startOf(answer);
    } catch (error) {
      await answer.discard();
      throw error;
    }
  }

  private startOf(answer: OutboundResponse): OpenedFile {
    const { host, status } = answer;
    if (status === 416) {
      this.etag = undefined;
      throw this.failed(host, `no longer has the rest of ${this.name}`);
    }
    if (status !== 200) throw statusError(host, status, ` to the request for ${this.name}`);
    const encoding = answer.header('content-encoding') ?? 'identity';
    if (encoding !== 'identity') {
      throw new AppError('OUTBOUND_REFUSED', `${host} sends ${this.name} only compressed (${encoding}).`, {
        host,
      });
    }
    const etag = answer.header('etag');
    this.etag = etag?.startsWith('"') ? etag : undefined;
    const length = answer.header('content-length');
    return { stream: answer.body, from: 0, totalBytes: length === undefined ? undefined : Number(length) };
  }

  private continuationOf(answer: OutboundResponse, from: number): OpenedFile {
    const [, first, total] = /^bytes (\d+)-\d+\/(\d+)$/.exec(answer.header('content-range') ?? '') ?? [];
    if (Number(first) === from && total !== undefined) {
      return { stream: answer.body, from, totalBytes: Number(total) };
    }
    this.etag = undefined;
    throw this.failed(answer.host, `did not answer with the requested range of ${this.name}`);
  }

  private failed(host: string, what: string): AppError {
    return new AppError('OUTBOUND_FAILED', `${host} ${what}.`, { host, file: this.name });
  }
}
