import type { ConnectionKind, ConnectionRecord } from '../../contract/connection.ts';
import type { Database } from '../../database/database.ts';
import { timedId } from '../../database/ids.ts';
import { listPage } from '../../database/lists/list-page.ts';
import type { Page, PageRequest } from '../../database/lists/page.ts';
import type { ConnectionTable } from '../../database/tables.ts';
import type { ConnectionAccess, ConnectionSettings } from '../../transfer/connection-access.ts';

const COLUMNS = [
  'id',
  'name',
  'kind',
  'settings',
  'credentials',
  'created_at',
  'updated_at',
] as const satisfies readonly (keyof ConnectionTable)[];

type Row = Pick<ConnectionTable, (typeof COLUMNS)[number]>;

/** The fields of a new connection. */
export type NewConnection = ConnectionAccess;

/** The changed fields of a connection. */
export type ChangedConnection = ConnectionSettings & Pick<ConnectionAccess, 'credentials'>;

/**
 * A tenant's connections. All methods throw AppError DATABASE_UNAVAILABLE, and those that write STORAGE_FULL.
 */
export class ConnectionStore {
  private readonly database: Database;
  private readonly tenant: string;

  constructor(database: Database, tenant: string) {
    this.database = database;
    this.tenant = tenant;
  }

  /** The newest first. @param kind undefined: all kinds */
  async page(kind: ConnectionKind | undefined, request: PageRequest): Promise<Page<ConnectionRecord>> {
    const { rows, next } = await listPage(
      this.database,
      { table: 'connection', tenant: this.tenant, columns: COLUMNS, equal: { kind } },
      request,
    );
    return { items: rows.map(connectionRecord), next };
  }

  async get(name: string): Promise<ConnectionRecord | undefined> {
    const row = await this.rows(this.database.reader).where('name', '=', name).executeTakeFirst();
    return row && connectionRecord(row);
  }

  /** Connections with what transfers need, in the order of their names. @param names undefined: all of them */
  async accesses(names?: readonly string[]): Promise<ConnectionAccess[]> {
    if (names?.length === 0) return [];
    const rows = await this.rows(this.database.reader)
      .$if(names !== undefined, (query) => query.where('name', 'in', names!))
      .orderBy('name')
      .execute();
    return rows.map(accessOf);
  }

  /** @returns the reason if it cannot be created: the name is in use, or there are already `most` connections */
  create(connection: NewConnection, maximum: number): Promise<ConnectionRecord | 'exists' | 'full'> {
    return this.database.write(async (writer) => {
      // Locks the tenant, so that a simultaneous creation waits and both are counted.
      const tenant = writer.selectFrom('tenant').select('id').where('id', '=', this.tenant);
      await this.database.locked(tenant).execute();
      const known = await this.rows(writer).execute();
      if (known.some(({ name }) => name === connection.name)) return 'exists';
      if (known.length >= maximum) return 'full';
      const { name, kind, credentials, ...settings } = connection;
      const nowMs = Date.now();
      const row = await writer
        .insertInto('connection')
        .values({
          ...{ id: timedId('conn', nowMs), tenant: this.tenant, name, kind, credentials },
          ...{ settings: JSON.stringify(settings), created_at: nowMs, updated_at: nowMs },
        })
        .returning(COLUMNS)
        .executeTakeFirstOrThrow();
      return connectionRecord(row);
    });
  }

  /**
   * Changes a connection, based on its current state.
   * @param change may throw, and then nothing is changed
   * @returns undefined if there is no such connection
   */
  change(
    name: string,
    change: (known: ConnectionAccess) => ChangedConnection,
  ): Promise<ConnectionRecord | undefined> {
    return this.database.write(async (writer) => {
      const query = this.rows(writer).where('name', '=', name);
      const known = await this.database.locked(query).executeTakeFirst();
      if (!known) return undefined;
      const { credentials, ...settings } = change(accessOf(known));
      const row = await writer
        .updateTable('connection')
        .set({ credentials, settings: JSON.stringify(settings), updated_at: Date.now() })
        .where('id', '=', known.id)
        .returning(COLUMNS)
        .executeTakeFirstOrThrow();
      return connectionRecord(row);
    });
  }

  /**
   * @param check throws if the connection must not be removed
   * @returns whether there was such a connection
   */
  remove(name: string, check: (known: ConnectionAccess) => void): Promise<boolean> {
    return this.database.write(async (writer) => {
      const query = this.rows(writer).where('name', '=', name);
      const known = await this.database.locked(query).executeTakeFirst();
      if (!known) return false;
      check(accessOf(known));
      await writer.deleteFrom('connection').where('id', '=', known.id).execute();
      return true;
    });
  }

  private rows(reader: Database['reader']) {
    return reader.selectFrom('connection').select(COLUMNS).where('tenant', '=', this.tenant);
  }
}

const settingsOf = ({ settings }: Row): ConnectionSettings => JSON.parse(settings) as ConnectionSettings;

const accessOf = (row: Row): ConnectionAccess => ({
  ...settingsOf(row),
  ...{ name: row.name, kind: row.kind, credentials: row.credentials },
});

/** A connection without its credentials. */
function connectionRecord(row: Row): ConnectionRecord {
  const { id, name, kind } = row;
  const { description, prefixes, region, endpoint, path_style, ambient, allowed_hosts } = settingsOf(row);
  return {
    ...{ id, name, kind, description, prefixes, region, endpoint, path_style, ambient },
    ...{ has_credentials: row.credentials !== null, allowed_hosts },
    created_at: new Date(row.created_at).toISOString(),
    updated_at: new Date(row.updated_at).toISOString(),
  };
}
