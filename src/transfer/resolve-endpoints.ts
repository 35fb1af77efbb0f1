import type { HubCredentials, UrlCredentials } from '../contract/connection.ts';
import type {
  RecordedSink,
  RecordedSource,
  S3Credentials,
  SinkObject,
  SourceObject,
} from '../contract/transfer.ts';
import { AppError } from '../errors/app-error.ts';
import type { ConnectionAccess } from './connection-access.ts';
import { type Credentials, decryptCredentials } from './credentials.ts';
import { hubPlace, isWithin, type Place, placeText, readPlace, s3Place } from './place.ts';
import { sourceUrls } from './place-text.ts';
import type { ResolvedSink, ResolvedSource } from './resolved-endpoints.ts';
import type { SecretBox } from './secret-box.ts';
import { decryptSink, decryptSource } from './secrets.ts';

/** The parameters of a transfer. */
export interface EndpointContext {
  /** The connection that the record names, in its current state; null: it was removed, or none is named. */
  readonly access: ConnectionAccess | null;
  readonly box: SecretBox | undefined;
  /** The token that the service has for the Hub; undefined: it has none. */
  readonly hubToken?: string | undefined;
}

/**
 * A source that is ready to be fetched: with the secrets that were encrypted with the job, or with the current
 * credentials of its connection.
 * @throws AppError SECRETS_UNAVAILABLE, SECRETS_KEY_MISMATCH, SECRETS_DAMAGED, CONNECTION_NOT_FOUND,
 *   CONNECTION_FORBIDDEN, AMBIENT_UNAVAILABLE
 */
export function resolveSource(recorded: RecordedSource, context: EndpointContext): ResolvedSource {
  if (!needsNoSecrets(recorded)) return withCredentials(decryptSource(recorded, context.box));
  const { access, credentials } = opened(recorded, context);
  switch (recorded.kind) {
    case 's3': {
      const { bucket, prefix, weights } = recorded;
      return {
        kind: 's3',
        bucket: bucket!,
        prefix: prefix!,
        ...(weights !== undefined && { weights }),
        ...storeOf(access!, credentials),
      };
    }
    case 'hub': {
      const { repo, revision, subfolder, filename } = recorded;
      return {
        ...{ kind: 'hub', repo, token: tokenOf(access, credentials, context) },
        ...(revision !== undefined && { revision }),
        ...(subfolder !== undefined && { subfolder }),
        ...(filename !== undefined && { filename }),
      };
    }
    case 'url': {
      const { files, url } = recorded;
      const secretHeaders = headersOf(credentials);
      if (files) return { kind: 'url', files, secretHeaders };
      const { weights, config, card } = sourceUrls(url!);
      return {
        kind: 'url',
        files: { weights: { url: weights }, config: { url: config }, card: { url: card } },
        guessesConfig: true,
        secretHeaders,
      };
    }
  }
}

/**
 * A sink, ready for delivery.
 * @throws AppError as resolveSource
 */
export function resolveSink(recorded: RecordedSink, context: EndpointContext): ResolvedSink {
  if (!needsNoSecrets(recorded)) return withCredentials(decryptSink(recorded, context.box));
  const { access, credentials } = opened(recorded, context);
  switch (recorded.kind) {
    case 's3':
      return {
        kind: 's3',
        bucket: recorded.bucket!,
        prefix: recorded.prefix!,
        ...storeOf(access!, credentials),
      };
    case 'hub': {
      const { encrypted: _none, place: _shown, connection: _through, ...sink } = recorded;
      return { ...sink, token: tokenOf(access, credentials, context) };
    }
    case 'url': {
      const { files, url } = recorded;
      return {
        kind: 'url',
        ...(files ? { files } : { folder: url! }),
        secretHeaders: headersOf(credentials),
      };
    }
  }
}

/** Whether a record is complete and has no secrets. */
export const needsNoSecrets = (recorded: RecordedSource | RecordedSink): boolean =>
  recorded.connection !== undefined ||
  (recorded.kind === 'hub' && 'has_token' in recorded && !recorded.has_token) ||
  (recorded.kind === 'url' && recorded.url !== undefined);

/** The places in a decrypted record. @throws AppError VALIDATION_FAILED */
export function placesOf(recorded: RecordedSource | RecordedSink): Place[] {
  switch (recorded.kind) {
    case 's3':
      return [s3Place(recorded.bucket!, recorded.prefix!)];
    case 'hub':
      return [
        hubPlace(
          recorded.repo,
          'subfolder' in recorded
            ? recorded.subfolder
            : 'path_in_repo' in recorded
              ? recorded.path_in_repo
              : '',
        ),
      ];
    case 'url':
      return recorded.url === undefined
        ? Object.values(recorded.files ?? {}).map(({ url }) => readPlace(url))
        : [readPlace(recorded.url)];
  }
}

/**
 * Checks that a connection covers all of these places.
 * @throws AppError CONNECTION_FORBIDDEN naming the first place that it does not cover
 */
export function checkConnectionCovers(
  { name, kind, prefixes }: ConnectionAccess,
  places: readonly Place[],
): void {
  const within = prefixes.map(readPlace);
  const outside = places.find((place) => !within.some((prefix) => isWithin(place, prefix)));
  if (!outside) return;
  throw new AppError(
    'CONNECTION_FORBIDDEN',
    `The connection ${JSON.stringify(name)} (${kind}) does not cover ${placeText(outside)}; it covers ` +
      `${prefixes.join(', ')}.`,
    { connection: name, place: placeText(outside), prefixes: [...prefixes] },
  );
}

interface Opened {
  readonly access: ConnectionAccess | null;
  readonly credentials: Credentials | undefined;
}

/** @throws AppError CONNECTION_NOT_FOUND, CONNECTION_FORBIDDEN, SECRETS_* */
function opened(recorded: RecordedSource | RecordedSink, { access, box }: EndpointContext): Opened {
  const { connection, place } = recorded;
  if (connection === undefined) return { access: null, credentials: undefined };
  if (!access)
    throw new AppError(
      'CONNECTION_NOT_FOUND',
      `The connection ${JSON.stringify(connection)}, which was used for ${place}, no longer exists.`,
      { connection, place },
    );
  checkConnectionCovers(access, placesOf(recorded));
  return {
    access,
    credentials: access.credentials === null ? undefined : decryptCredentials(access.credentials, box),
  };
}

/** An encrypted record includes the credentials: without them the service's own role must not be used. */
function withCredentials<End extends SourceObject | SinkObject>(end: End) {
  if (end.kind !== 's3') return end as Exclude<End, { kind: 's3' }>;
  const { credentials, ...place } = end;
  if (!credentials) throw new TypeError(`The encrypted record of s3://${end.bucket} has no credentials`);
  return { ...place, credentials } as Omit<Extract<End, { kind: 's3' }>, 'credentials'> & {
    credentials: S3Credentials;
  };
}

function storeOf(
  { region, endpoint, path_style, ambient }: ConnectionAccess,
  credentials: Credentials | undefined,
) {
  if (!ambient && !credentials) throw new TypeError('A connection to s3 has neither credentials nor a role');
  return {
    ...(region !== null && { region }),
    ...(endpoint !== null && { endpoint }),
    ...(path_style !== null && { path_style }),
    credentials: ambient ? ('own' as const) : (credentials as S3Credentials),
  };
}

/** @throws AppError AMBIENT_UNAVAILABLE */
function tokenOf(
  access: ConnectionAccess | null,
  credentials: Credentials | undefined,
  { hubToken }: EndpointContext,
): string | undefined {
  if (!access?.ambient) return (credentials as HubCredentials | undefined)?.token;
  if (hubToken !== undefined) return hubToken;
  throw new AppError(
    'AMBIENT_UNAVAILABLE',
    `The connection ${JSON.stringify(access.name)} uses the service's own identity, but the service has no ` +
      'token of the Hub: its operator must set HF_TOKEN.',
    { connection: access.name },
  );
}

const headersOf = (credentials: Credentials | undefined) =>
  (credentials as UrlCredentials | undefined)?.headers;
