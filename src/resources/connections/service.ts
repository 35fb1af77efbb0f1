import type {
  ConnectionChange,
  ConnectionKind,
  ConnectionRecord,
  ConnectionRequest,
} from '../../contract/connection.ts';
import type { Page, PageRequest } from '../../database/lists/page.ts';
import { AppError } from '../../errors/app-error.ts';
import type { ErrorCode } from '../../errors/error-kinds.ts';
import type { Outbound } from '../../net/outbound.ts';
import type { ConnectionAccess } from '../../transfer/connection-access.ts';
import { type Credentials, encryptCredentials } from '../../transfer/credentials.ts';
import { isWithin, readPlace } from '../../transfer/place.ts';
import type { SecretBox } from '../../transfer/secret-box.ts';
import { checkCredentials, checkSettings } from './check-settings.ts';
import type { ConnectionStore } from './store.ts';

/** The limit of a tenant. A location that is given as text is compared with all of its connections. */
export const MAX_CONNECTIONS = 200;

export interface ConnectionParts {
  readonly outbound: Pick<Outbound, 'checkUrl' | 'withAllowedHosts'>;
  /** undefined: credentials cannot be stored, but connections without credentials can be created. */
  readonly box: SecretBox | undefined;
}

/** The errors of the methods; the routes derive the codes of their responses from them. */
export const CONNECTION_ERRORS = {
  create: [
    'VALIDATION_FAILED',
    'OUTBOUND_URL_INVALID',
    'OUTBOUND_FORBIDDEN',
    'CONNECTION_EXISTS',
    'QUOTA_CONNECTIONS',
    'SECRETS_UNAVAILABLE',
    'SCOPE_MISSING',
    'STORAGE_FULL',
  ],
  get: ['CONNECTION_NOT_FOUND'],
  change: [
    'CONNECTION_NOT_FOUND',
    'VALIDATION_FAILED',
    'OUTBOUND_URL_INVALID',
    'OUTBOUND_FORBIDDEN',
    'CONNECTION_CREDENTIALS',
    'SECRETS_UNAVAILABLE',
    'SCOPE_MISSING',
    'STORAGE_FULL',
  ],
  remove: ['CONNECTION_NOT_FOUND', 'SCOPE_MISSING', 'STORAGE_FULL'],
} as const satisfies Record<string, readonly ErrorCode[]>;

/**
 * A tenant's connections as clients manage them. All methods throw AppError DATABASE_UNAVAILABLE, and those that write
 * STORAGE_FULL.
 */
export class ConnectionService {
  private readonly store: ConnectionStore;
  private readonly parts: ConnectionParts;

  constructor(store: ConnectionStore, parts: ConnectionParts) {
    this.store = store;
    this.parts = parts;
  }

  /**
   * @param isAdmin whether the caller may give access to what belongs to the service: its identity, and hosts that
   *   are not public
   * @throws AppError VALIDATION_FAILED, OUTBOUND_URL_INVALID, OUTBOUND_FORBIDDEN, CONNECTION_EXISTS,
   *   QUOTA_CONNECTIONS, SECRETS_UNAVAILABLE, SCOPE_MISSING
   */
  async create(request: ConnectionRequest, isAdmin: boolean): Promise<ConnectionRecord> {
    const { kind, name, description = '', prefixes, allowed_hosts = [], credentials } = request;
    const connection = {
      ...{ name, kind, description, prefixes, allowed_hosts },
      region: 'region' in request ? (request.region ?? null) : null,
      endpoint: 'endpoint' in request ? (request.endpoint ?? null) : null,
      path_style: 'path_style' in request ? (request.path_style ?? null) : null,
      ambient: 'ambient' in request ? (request.ambient ?? false) : false,
    };
    if (isLent(connection)) needAdmin(isAdmin);
    checkSettings(connection, credentials !== undefined, this.parts.outbound);
    const encrypted = this.encrypted(kind, credentials);
    const created = await this.store.create({ ...connection, credentials: encrypted }, MAX_CONNECTIONS);
    if (created === 'exists') {
      const message = `A connection named ${JSON.stringify(name)} already exists; change it, or delete it first.`;
      throw new AppError('CONNECTION_EXISTS', message, { name });
    }
    if (created !== 'full') return created;
    throw new AppError(
      'QUOTA_CONNECTIONS',
      `There are already ${MAX_CONNECTIONS} connections; delete one first.`,
      { limit: MAX_CONNECTIONS },
    );
  }

  /** The newest first. @param kind undefined: all kinds */
  page(kind: ConnectionKind | undefined, request: PageRequest): Promise<Page<ConnectionRecord>> {
    return this.store.page(kind, request);
  }

  /** @throws AppError CONNECTION_NOT_FOUND */
  async get(name: string): Promise<ConnectionRecord> {
    const record = await this.store.get(name);
    if (!record) throw noConnection(name);
    return record;
  }

  /**
   * Changes a connection. All later transfers use the new settings, even those of jobs that have already been
   * accepted.
   * @param isAdmin as for `create`
   * @throws AppError CONNECTION_NOT_FOUND, VALIDATION_FAILED, OUTBOUND_URL_INVALID, OUTBOUND_FORBIDDEN,
   *   SECRETS_UNAVAILABLE, SCOPE_MISSING; CONNECTION_CREDENTIALS if the credentials would be sent to new places
   */
  async change(name: string, change: ConnectionChange, isAdmin: boolean): Promise<ConnectionRecord> {
    const record = await this.store.change(name, (known) => {
      const { credentials, ...changes } = change;
      const isAmbient = changes.ambient ?? (credentials ? false : known.ambient);
      const changed = { ...known, ...changes, ambient: isAmbient };
      if (isLent(known) || isLent(changed)) needAdmin(isAdmin);
      const storedCredentials = isAmbient ? null : known.credentials;
      checkSettings(changed, credentials !== undefined || storedCredentials !== null, this.parts.outbound);
      if (credentials === undefined && storedCredentials !== null && leadsElsewhere(known, changed))
        throw credentialsNeeded(name);
      const { name: _name, kind, ...settings } = changed;
      return {
        ...settings,
        credentials: credentials ? this.encrypted(kind, credentials) : storedCredentials,
      };
    });
    if (!record) throw noConnection(name);
    return record;
  }

  /**
   * Removes a connection. Jobs that still need it will fail.
   * @param isAdmin as for `create`
   * @throws AppError CONNECTION_NOT_FOUND, SCOPE_MISSING
   */
  async remove(name: string, isAdmin: boolean): Promise<void> {
    const wasThere = await this.store.remove(name, (known) => {
      if (isLent(known)) needAdmin(isAdmin);
    });
    if (!wasThere) throw noConnection(name);
  }

  /** @throws AppError VALIDATION_FAILED, SECRETS_UNAVAILABLE */
  private encrypted(kind: ConnectionKind, credentials: Credentials | undefined): string | null {
    if (credentials === undefined) return null;
    checkCredentials(kind, credentials);
    return encryptCredentials(credentials, this.parts.box);
  }
}

export const noConnection = (name: string): AppError =>
  new AppError('CONNECTION_NOT_FOUND', `There is no connection ${JSON.stringify(name)}.`, {
    connection: name,
  });

/** Whether a connection gives access to what belongs to the service: its identity, or hosts that are not public. */
const isLent = ({ ambient, allowed_hosts }: Pick<ConnectionAccess, 'ambient' | 'allowed_hosts'>): boolean =>
  ambient || allowed_hosts.length > 0;

/** Whether a change would send the credentials to new places. */
function leadsElsewhere(known: ConnectionAccess, changed: ConnectionAccess): boolean {
  const before = known.prefixes.map(readPlace);
  const isSame = known.endpoint === changed.endpoint;
  return (
    !isSame || !changed.prefixes.map(readPlace).every((prefix) => before.some((old) => isWithin(prefix, old)))
  );
}

function needAdmin(isAdmin: boolean): void {
  if (isAdmin) return;
  throw new AppError(
    'SCOPE_MISSING',
    "A connection that uses the service's own identity, or reaches hosts that are not public, can only be " +
      'created, changed and removed with a key that has the scope "admin".',
    { needed: 'admin' },
  );
}

const credentialsNeeded = (name: string): AppError =>
  new AppError(
    'CONNECTION_CREDENTIALS',
    `The change would send the credentials of ${JSON.stringify(name)} to new places. Include the ` +
      'credentials in the request.',
    { connection: name },
  );
