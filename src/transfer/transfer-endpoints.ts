import type { FileRole } from '../adapter/file-names.ts';
import { readShardName } from '../adapter/shard-names.ts';
import {
  type SinkObject,
  type SourceObject,
  URL_NAMES,
  type UrlSink,
  type UrlSource,
} from '../contract/transfer.ts';
import { AppError } from '../errors/app-error.ts';
import { invalidField } from '../errors/field-errors.ts';
import { hostAndPath } from '../net/check-url.ts';
import type { Outbound } from '../net/outbound.ts';
import type { ResolvedSink, ResolvedSource } from './resolved-endpoints.ts';

/** Headers about the transmission of a message, which only the service sets. */
const RESERVED = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'keep-alive',
  'upgrade',
  'te',
  'trailer',
  'expect',
  'proxy-authorization',
  'proxy-connection',
]);

export const isReservedHeader = (name: string): boolean => RESERVED.has(name.toLowerCase());

/**
 * Refuses a source or a sink that can never be used when it is requested, rather than in the job: places to which the
 * service does not connect, and headers that it sets itself. The addresses of names are only checked when a
 * connection is opened.
 * @throws AppError OUTBOUND_URL_INVALID, OUTBOUND_FORBIDDEN, VALIDATION_FAILED
 */
export function checkTransfer(end: SourceObject | SinkObject, outbound: Outbound): void {
  if (end.kind === 's3') {
    if (end.endpoint !== undefined) outbound.checkUrl(end.endpoint);
  } else if (end.kind === 'url') {
    checkUrlFiles(end);
    for (const file of Object.values(end.files)) {
      outbound.checkUrl(file.url);
      if ('headers' in file) checkHeaders(end);
    }
  }
}

/**
 * The visible part of a source or sink: host and path of the weights, bucket and prefix, or host and repository.
 * @param hubEndpoint URL of the Hub
 */
export function endpointText(
  end: SourceObject | SinkObject | ResolvedSource | ResolvedSink,
  hubEndpoint: string,
): string {
  switch (end.kind) {
    case 'url':
      return hostAndPath(
        'folder' in end && end.folder ? end.folder : urlFile({ files: end.files! }, 'weights')!.url,
      );
    case 's3':
      return s3Text(end);
    case 'hub':
      return `${new URL(hubEndpoint).host}/${end.repo}`;
  }
}

/** `s3://bucket/prefix` for AWS, otherwise host, bucket and prefix. */
function s3Text({
  bucket,
  prefix,
  endpoint,
}: {
  readonly bucket: string;
  readonly prefix: string;
  readonly endpoint?: string | undefined;
}): string {
  const path = [bucket, prefix.replace(/\/+$/, '')].filter(Boolean).join('/');
  return endpoint === undefined ? `s3://${path}` : `${new URL(endpoint).host}/${path}`;
}

type WithFiles = Pick<UrlSource, 'files'> | Pick<UrlSink, 'files'>;
type UrlFile<End extends WithFiles> = NonNullable<End['files'][keyof End['files']]>;

/** The entry for a file, under either of its names; undefined if there is none. */
export function urlFile<End extends WithFiles>({ files }: End, role: FileRole): UrlFile<End> | undefined {
  const byName = files as Readonly<Record<string, UrlFile<End> | undefined>>;
  return URL_NAMES[role].map((name) => byName[name]).find((file) => file !== undefined);
}

/** @throws AppError VALIDATION_FAILED if a file has two entries, or the weights have none */
export function checkUrlFiles(end: WithFiles): void {
  for (const names of Object.values(URL_NAMES)) {
    if (names.filter((name) => name in end.files).length > 1)
      throw invalidField(
        '/files',
        `"files" has both "${names[0]}" and "${names[1]}", which are the same file`,
      );
  }
  if (urlFile(end, 'weights') === undefined)
    throw invalidField(
      '/files',
      `"files" has neither "${URL_NAMES.weights[0]}" nor "${URL_NAMES.weights[1]}"; one of them is required`,
    );
}

/**
 * Refuses a URL of weights that are only a part of an adapter's: the others cannot be found from a URL.
 * @throws AppError VALIDATION_FAILED naming the file
 */
export function refuseShardUrl(url: string): void {
  const { pathname } = URL.canParse(url) ? new URL(url) : { pathname: '' };
  const name = pathname.slice(pathname.lastIndexOf('/') + 1);
  const shard = readShardName(name);
  if (!shard || shard.count === 1) return;
  throw invalidField(
    '/files',
    `${name} is only one of the ${shard.count} files of its weights, and a URL cannot name all of them: import the ` +
      'folder with s3:// or hf://, or upload the files',
  );
}

/** @throws AppError VALIDATION_FAILED naming a header that the sink may not set */
function checkHeaders({ files }: UrlSink): void {
  for (const [name, { headers = {} }] of Object.entries(files)) {
    const header = Object.keys(headers).find(isReservedHeader);
    if (header === undefined) continue;
    throw new AppError(
      'VALIDATION_FAILED',
      `The header "${header}" for ${name} is not allowed, because the service sets it itself.`,
      {
        file: name,
        header,
      },
    );
  }
}
