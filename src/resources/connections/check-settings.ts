import type { ConnectionKind } from '../../contract/connection.ts';
import { AppError } from '../../errors/app-error.ts';
import { invalidField } from '../../errors/field-errors.ts';
import type { Outbound } from '../../net/outbound.ts';
import type { ConnectionAccess } from '../../transfer/connection-access.ts';
import type { Credentials } from '../../transfer/credentials.ts';
import { kindOfPlace, readHub, readPlace } from '../../transfer/place.ts';
import { isReservedHeader } from '../../transfer/transfer-endpoints.ts';

type Settings = Omit<ConnectionAccess, 'credentials'>;

const SCHEMES: Readonly<Record<ConnectionKind, string>> = { s3: 's3://', hub: 'hf://', url: 'https://' };
const FIELD_OF_CREDENTIALS: Readonly<Record<ConnectionKind, string>> = {
  s3: 'access_key_id',
  hub: 'token',
  url: 'headers',
};

/**
 * Refuses a connection that can never be used.
 * @param hasCredentials whether the connection has credentials of its own
 * @throws AppError VALIDATION_FAILED, OUTBOUND_URL_INVALID, OUTBOUND_FORBIDDEN
 */
export function checkSettings(
  connection: Settings,
  hasCredentials: boolean,
  outbound: Pick<Outbound, 'withAllowedHosts'>,
): void {
  const { kind, ambient, region, endpoint, path_style, prefixes } = connection;
  for (const [field, value] of Object.entries({ region, path_style }))
    if (value !== null && kind !== 's3')
      throw invalidField(`/${field}`, `"${field}" is for connections to s3 only`);
  if (endpoint !== null && kind === 'url')
    throw invalidField('/endpoint', '"endpoint" is for connections to s3 and hub only');
  if (ambient && kind === 'url')
    throw invalidField(
      '/ambient',
      '"ambient" is for connections to s3 and hub only: the service has no credentials of its own for other servers',
    );
  if (ambient && hasCredentials)
    throw invalidField(
      '/ambient',
      '"credentials" and "ambient" cannot be used together: "ambient" uses the identity of the service',
    );
  if (kind === 's3' && !ambient && !hasCredentials)
    throw invalidField('/credentials', 'a connection to s3 needs "credentials", or "ambient": true');
  for (const [index, prefix] of prefixes.entries()) checkPrefix(kind, prefix, `/prefixes/${index}`);
  const guarded = opened(connection, outbound);
  try {
    if (endpoint !== null) guarded.checkUrl(endpoint);
    if (kind === 'url') for (const prefix of prefixes) guarded.checkUrl(prefix);
  } finally {
    void guarded.close();
  }
}

/** @throws AppError VALIDATION_FAILED if they are for another kind of connection, or set a header that only the service sets */
export function checkCredentials(kind: ConnectionKind, credentials: Credentials): void {
  const field = FIELD_OF_CREDENTIALS[kind];
  if (!(field in credentials))
    throw invalidField('/credentials', `the credentials of a connection to ${kind} must have "${field}"`);
  if (!('headers' in credentials)) return;
  const header = Object.keys(credentials.headers).find(isReservedHeader);
  if (header !== undefined)
    throw invalidField(
      '/credentials/headers',
      `the header "${header}" is not allowed, because the service sets it itself`,
    );
}

function checkPrefix(kind: ConnectionKind, prefix: string, pointer: string): void {
  if (kindOfPlace(prefix) !== kind)
    throw invalidField(pointer, `${JSON.stringify(prefix)} must begin with ${SCHEMES[kind]}`);
  try {
    readPlace(prefix);
  } catch (error) {
    if (error instanceof AppError) throw invalidField(pointer, error.message.replace(/\.$/, ''));
    throw error;
  }
  if (kind === 'hub' && readHub(prefix).revision !== undefined)
    throw invalidField(
      pointer,
      `${JSON.stringify(prefix)} names a revision; leave it out, because a prefix applies to all revisions`,
    );
}

/** @throws AppError VALIDATION_FAILED naming an entry that is not a host */
function opened({ allowed_hosts }: Settings, outbound: Pick<Outbound, 'withAllowedHosts'>): Outbound {
  try {
    return outbound.withAllowedHosts(allowed_hosts);
  } catch (error) {
    if (error instanceof TypeError) throw invalidField('/allowed_hosts', error.message);
    throw error;
  }
}
