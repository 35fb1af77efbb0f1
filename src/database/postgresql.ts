import { setTimeout as delay } from 'node:timers/promises';
import { Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import type { ObserveBackend } from '../backend-calls.ts';
import { AppError } from '../errors/app-error.ts';
import { type Database, EXCLUSIVE_ACTIONS, type Writer } from './database.ts';
import type { Tables } from './tables.ts';
import { withTranslatedErrors } from './translated-errors.ts';

const NOW = sql<number>`(extract(epoch from statement_timestamp()) * 1000)::bigint`;
const CLOCK = sql<number>`(extract(epoch from clock_timestamp()) * 1000)::bigint`;

const CONFLICT_TRIES = 10;
/** Each pause is at most twice as long as the previous one, so that conflicting transactions do not meet again. */
const FIRST_CONFLICT_PAUSE_MS = 20;
const MAX_CONFLICT_PAUSE_MS = 1_000;
const IDLE_MS = 60_000;

const INT8 = 20;

/** Classes and codes of PostgreSQL's errors (its manual, appendix A). */
const FULL = '53100';
const CONFLICTS = new Set(['40001', '40P01']);
/** Connections, resources, interventions of operators, logins, missing databases; a replica that is read-only. */
const UNAVAILABLE = /^(?:08|53|57|58|28|3D|25006|55P03)/;
/** Codes of the system, and of a server that ends its sessions. */
const BROKEN = new Set(['ECONNRESET', 'EPIPE', '57P01', '57P02']);
const SQLSTATE = /^[0-9A-Z]{5}$/;

export interface PostgresqlOptions {
  /** postgres://user:password@host:port/database, with the parameters of libpq for TLS. */
  readonly url: string;
  /** The URL at the time of a connection, because its password may change. Default: it stays the same. */
  readonly renewedUrl?: () => string;
  readonly poolSize: number;
  /** The time limit of a query, and of waiting for a free connection. */
  readonly timeoutMs: number;
  /** Called for connections that broke while unused. */
  readonly onFailure?: (error: Error) => void;
  /** Called for each statement, and for transactions that are run again. */
  readonly observe?: ObserveBackend | undefined;
}

const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text') =>
    oid === INT8 ? Number : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
};

/**
 * Connects to PostgreSQL at the first query. Sessions keep no state, so a pooler that assigns connections by
 * transaction may be in between.
 */
export function openPostgresql({
  url,
  renewedUrl = () => url,
  poolSize,
  timeoutMs,
  onFailure,
  observe,
}: PostgresqlOptions): Database {
  const pool = new pg.Pool({
    Client: renewingClient(renewedUrl),
    max: poolSize,
    connectionTimeoutMillis: timeoutMs,
    // Each transaction sets a time limit on the server; this one applies if the server does not answer at all.
    query_timeout: 2 * timeoutMs,
    idleTimeoutMillis: IDLE_MS,
    keepAlive: true,
    application_name: 'lora-squeeze',
    types,
  });
  pool.on('error', (error) => onFailure?.(error));
  // The pool listens while a connection is unused. A connection that breaks in use fails its query; without a
  // listener, it would also end the process.
  pool.on('connect', (client) => client.on('error', () => undefined));
  const db = new Kysely<Tables>({
    dialect: withTranslatedErrors(new PostgresDialect({ pool }), postgresqlError, observe),
  });
  const limit = sql`set local statement_timeout = ${sql.lit(timeoutMs)}`;
  return {
    dialect: 'postgresql',
    reader: db,
    now: NOW,
    clock: CLOCK,
    after: (ms) => sql<number>`${NOW} + ${sql.lit(ms)}`,
    write: <T>(work: (writer: Writer) => Promise<T>) =>
      retried(poolSize, observe, (onBegun) =>
        db.transaction().execute(async (writer) => {
          onBegun();
          await limit.execute(writer);
          return work(writer);
        }),
      ),
    snapshot: (work) =>
      db.transaction().setIsolationLevel('repeatable read').setAccessMode('read only').execute(work),
    locked: (query, others) => (others === 'skip' ? query.forUpdate().skipLocked() : query.forUpdate()),
    lockExclusively: async (writer, name) => {
      await sql`select pg_advisory_xact_lock(${sql.lit(EXCLUSIVE_ACTIONS[name])})`.execute(writer);
    },
    check: async () => {
      await sql`select 1`.execute(db);
    },
    // The server must reserve room for itself.
    checkFreeSpace: async () => undefined,
    close: () => db.destroy(),
  };
}

/** Reads the URL, and the certificates that it names, for each connection. */
const renewingClient = (url: () => string) =>
  class extends pg.Client {
    constructor(options?: pg.ClientConfig) {
      super({ ...options, connectionString: url() });
    }
  };

/**
 * Runs a transaction, and runs it again if it cannot have had an effect: the server aborted it, or it could not begin
 * because its connection had broken while unused.
 */
async function retried<T>(
  poolSize: number,
  observe: ObserveBackend | undefined,
  work: (onBegun: () => void) => Promise<T>,
): Promise<T> {
  for (let conflicts = 0, broken = 0; ; observe?.({ backend: 'database', retries: 1 })) {
    let isBegun = false;
    try {
      return await work(() => {
        isBegun = true;
      });
    } catch (error) {
      if (!isBegun && isBroken(error) && broken++ < poolSize) continue;
      if (!isConflict(error)) throw error;
      if (++conflicts >= CONFLICT_TRIES) throw unsettled(error);
      await delay(Math.random() * Math.min(FIRST_CONFLICT_PAUSE_MS * 2 ** conflicts, MAX_CONFLICT_PAUSE_MS));
    }
  }
}

const unsettled = (cause: unknown): AppError =>
  new AppError(
    'DATABASE_UNAVAILABLE',
    `The database aborted a transaction ${CONFLICT_TRIES} times because of conflicts with others.`,
    {},
    { cause },
  );

/** Whether the server aborted a transaction in favour of another one. */
const isConflict = (error: unknown): boolean => CONFLICTS.has(codeOf(error));

/** Whether an error means that a connection has ended. A new one can be opened. */
const isBroken = (error: unknown): boolean =>
  error instanceof AppError &&
  error.cause instanceof Error &&
  (BROKEN.has(codeOf(error.cause)) || error.cause.message.startsWith('Connection terminated'));

/** Converts errors of PostgreSQL and of the connection to it; violated constraints and other errors stay as they are. */
function postgresqlError(error: unknown): unknown {
  const code = codeOf(error);
  if (code === FULL)
    return new AppError('STORAGE_FULL', 'The database has no room left.', {}, { cause: error });
  const isFromServer = SQLSTATE.test(code) && !code.startsWith('E');
  if (isFromServer && !UNAVAILABLE.test(code)) return error;
  // The remaining errors of the driver, like those of the operating system, are about the connection.
  const reason = code || (error instanceof Error ? error.message : String(error));
  return new AppError(
    'DATABASE_UNAVAILABLE',
    `The database cannot be used (${reason}).`,
    {},
    { cause: error },
  );
}

const codeOf = (error: unknown): string => {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : '';
};
