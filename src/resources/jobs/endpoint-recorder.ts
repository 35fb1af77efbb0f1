import type {
  HubSink,
  HubSource,
  RecordedSink,
  RecordedSource,
  S3Sink,
  S3Source,
  Sink,
  Source,
  UrlSink,
  UrlSource,
} from '../../contract/transfer.ts';
import type { AppError } from '../../errors/app-error.ts';
import { invalidField } from '../../errors/field-errors.ts';
import type { Outbound } from '../../net/outbound.ts';
import type { ConnectionAccess } from '../../transfer/connection-access.ts';
import { hubPlace, kindOfPlace, readPlace, s3Place } from '../../transfer/place.ts';
import { readSinkText, readSourceText, type UrlText } from '../../transfer/place-text.ts';
import { checkConnectionCovers, placesOf } from '../../transfer/resolve-endpoints.ts';
import type { SecretBox } from '../../transfer/secret-box.ts';
import { encryptSink, encryptSource } from '../../transfer/secrets.ts';
import {
  checkTransfer,
  checkUrlFiles,
  endpointText,
  refuseShardUrl,
  urlFile,
} from '../../transfer/transfer-endpoints.ts';
import { connectionNeeded, findConnection } from '../connections/find-connection.ts';
import { noConnection } from '../connections/service.ts';

export interface EndpointRecorderParts {
  readonly outbound: Outbound;
  /** undefined: requests with secrets are refused. */
  readonly box: SecretBox | undefined;
  /** The URL of the Hub, without a trailing slash. */
  readonly hubEndpoint: string;
  /** The token of the Hub that belongs to the service; undefined if it has none. */
  readonly hubToken?: string | undefined;
  /** The connections of the tenant; undefined if it has none. */
  readonly connections?: { accesses(): Promise<ConnectionAccess[]> } | undefined;
}

/**
 * The sources and sinks of one request, or of many that arrive together, as they are recorded: impossible ones
 * are refused, those that use a connection name it, and secrets are encrypted. All methods throw AppError
 * VALIDATION_FAILED, OUTBOUND_URL_INVALID, OUTBOUND_FORBIDDEN, SECRETS_UNAVAILABLE, CONNECTION_NOT_FOUND,
 * CONNECTION_NEEDED, CONNECTION_AMBIGUOUS, CONNECTION_FORBIDDEN, DATABASE_UNAVAILABLE.
 */
export class EndpointRecorder {
  private readonly parts: EndpointRecorderParts;
  /** Read once, so that requests that arrive together see the same connections. */
  private known: Promise<ConnectionAccess[]> | undefined;

  constructor(parts: EndpointRecorderParts) {
    this.parts = parts;
  }

  async source(source: Source): Promise<RecordedSource> {
    const { outbound, box, hubEndpoint } = this.parts;
    const end =
      typeof source !== 'string' ? source : hasQuery(source) ? urlSource(source) : readSourceText(source);
    const weightsUrl = 'url' in end ? end.url : end.kind === 'url' ? urlFile(end, 'weights')?.url : undefined;
    if (weightsUrl !== undefined) refuseShardUrl(weightsUrl);
    if ('url' in end) return this.ofUrlText(end);
    if (isOpenedByItself(end)) {
      checkTransfer(end, outbound);
      return encryptSource(end, box, hubEndpoint);
    }
    if (end.kind === 'url') return this.ofUrlFiles(end);
    const connection = await this.connectionOf(
      end,
      end.kind === 's3' ? s3Place(end.bucket, end.prefix) : hubPlace(end.repo, end.subfolder),
    );
    if (!connection) {
      if (end.kind === 'hub') return encryptSource(end, box, hubEndpoint);
      throw await this.needed(end);
    }
    const place = endpointText(end, connection.endpoint ?? hubEndpoint);
    if (end.kind === 's3') {
      const { kind, bucket, prefix, weights } = end;
      return {
        kind,
        place: bucketText(end),
        connection: connection.name,
        bucket,
        prefix,
        ...(weights !== undefined && { weights }),
      };
    }
    const { token: _none, ...visible } = end;
    return { ...visible, place, connection: connection.name, has_token: false };
  }

  async sink(sink: Sink): Promise<RecordedSink> {
    const { outbound, box, hubEndpoint } = this.parts;
    const end = typeof sink === 'string' ? readSinkText(sink) : sink;
    if ('url' in end) return this.ofUrlText(end);
    if (isOpenedByItself(end)) {
      checkTransfer(end, outbound);
      return encryptSink(end, box, hubEndpoint);
    }
    if (end.kind === 'url') return this.ofUrlFiles(end);
    const connection = await this.connectionOf(
      end,
      end.kind === 's3' ? s3Place(end.bucket, end.prefix) : hubPlace(end.repo, end.path_in_repo),
    );
    if (!connection) throw await this.needed(end);
    if (end.kind === 's3') {
      const { kind, bucket, prefix } = end;
      return { kind, place: bucketText(end), connection: connection.name, bucket, prefix };
    }
    const { token: _none, ...visible } = end;
    return {
      ...visible,
      place: endpointText(end, connection.endpoint ?? hubEndpoint),
      connection: connection.name,
    };
  }

  /** The connection that a source uses; null for none. @throws AppError CONNECTION_NOT_FOUND */
  async access({ connection }: RecordedSource): Promise<ConnectionAccess | null> {
    return connection === undefined ? null : this.named(connection);
  }

  /** Through a connection if one includes the location, otherwise without credentials. */
  private async ofUrlText({
    kind,
    url,
  }: UrlText): Promise<{ kind: 'url'; place: string; url: string; connection?: string }> {
    const connection = findConnection(readPlace(url), await this.all());
    if (!connection) this.parts.outbound.checkUrl(url);
    const place = url.replace(/^https?:\/\//, '');
    return { kind, place, url, ...(connection && { connection: connection.name }) };
  }

  private async ofUrlFiles(end: UrlSource | UrlSink) {
    const { kind, files, connection: name } = end;
    checkUrlFiles(end);
    const connection = await this.named(name!);
    for (const [fileName, file] of Object.entries(files)) {
      if ('headers' in file)
        throw invalidField('', `${fileName} has headers, which the connection already sets; leave them out`);
    }
    const recorded = {
      ...{
        kind,
        place: endpointText({ kind, files: files as UrlSource['files'] }, ''),
        connection: connection.name,
      },
      files: files as Record<string, { url: string }>,
    };
    checkConnectionCovers(connection, placesOf(recorded));
    return recorded;
  }

  /** The tenant's connection for a source or sink that has no secrets of its own; undefined if there is none for that place. */
  private async connectionOf(
    end: S3Source | S3Sink | HubSource | HubSink,
    place: ReturnType<typeof readPlace>,
  ): Promise<ConnectionAccess | undefined> {
    for (const field of ['region', 'endpoint'])
      if (field in end)
        throw invalidField(
          '',
          `"${field}" can only be given together with "credentials"; otherwise it comes from the connection`,
        );
    if (end.connection === undefined) return findConnection(place, await this.all());
    const connection = await this.named(end.connection);
    checkConnectionCovers(connection, [place]);
    return connection;
  }

  /** @throws AppError CONNECTION_NOT_FOUND */
  private async named(name: string): Promise<ConnectionAccess> {
    const connection = (await this.all()).find((one) => one.name === name);
    if (!connection) throw noConnection(name);
    return connection;
  }

  private async needed(end: S3Source | S3Sink | HubSource | HubSink): Promise<AppError> {
    const place = end.kind === 's3' ? s3Place(end.bucket, end.prefix) : hubPlace(end.repo);
    return connectionNeeded(place, await this.all());
  }

  private all(): Promise<ConnectionAccess[]> {
    this.known ??= this.parts.connections?.accesses() ?? Promise.resolve([]);
    return this.known;
  }
}

/** Presigned URLs have a query, which may contain a secret. */
const hasQuery = (text: string): boolean => kindOfPlace(text) === 'url' && /[?#]/.test(text);

const urlSource = (url: string): UrlSource => ({ kind: 'url', files: { weights: { url } } });

/** A bucket without the host of its store, which the connection defines. */
const bucketText = ({ bucket, prefix }: S3Source | S3Sink): string =>
  endpointText({ kind: 's3', bucket, prefix }, '');

/**
 * Whether a source or sink contains its own credentials.
 * @throws AppError VALIDATION_FAILED if it also names a connection
 */
function isOpenedByItself(end: Exclude<Source | Sink, string>): boolean {
  const secret = end.kind === 's3' ? 'credentials' : 'token';
  const isOpened = end.kind === 'url' ? end.connection === undefined : secret in end;
  if (isOpened && end.connection !== undefined)
    throw invalidField(
      '',
      `"${secret}" and "connection" cannot be used together: a connection has credentials of its own`,
    );
  return isOpened;
}
