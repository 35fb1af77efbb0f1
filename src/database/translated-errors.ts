import type { CompiledQuery, DatabaseConnection, Dialect, Driver, QueryResult } from 'kysely';
import { type ObserveBackend, observedCall } from '../backend-calls.ts';
import { AppError } from '../errors/app-error.ts';

type Translate = (error: unknown) => unknown;

/**
 * A dialect whose failures are AppErrors. Errors that `translate` does not change, such as violated constraints,
 * stay.
 * @param observe called for each statement
 */
export const withTranslatedErrors = (
  dialect: Dialect,
  translate: Translate,
  observe?: ObserveBackend,
): Dialect => ({
  createAdapter: () => dialect.createAdapter(),
  createIntrospector: (db) => dialect.createIntrospector(db),
  createQueryCompiler: () => dialect.createQueryCompiler(),
  createDriver: () => translatedDriver(dialect.createDriver(), translate, observe),
});

function translatedDriver(driver: Driver, translate: Translate, observe: ObserveBackend | undefined): Driver {
  /** The driver recognises its own connections by identity. */
  const originals = new WeakMap<DatabaseConnection, DatabaseConnection>();
  const original = (connection: DatabaseConnection) => originals.get(connection)!;
  const attempt = <T>(operation: string, work: () => Promise<T>): Promise<T> =>
    observedCall(
      observe,
      'database',
      operation,
      () =>
        work().catch((error: unknown) => {
          throw translate(error);
        }),
      (error) => error instanceof AppError,
    );
  return {
    init: () => attempt('connect', () => driver.init()),
    acquireConnection: async () => {
      const connection = await attempt('connect', () => driver.acquireConnection());
      const translated: DatabaseConnection = {
        executeQuery: <R>(query: CompiledQuery): Promise<QueryResult<R>> =>
          attempt(query.query.kind === 'SelectQueryNode' ? 'select' : 'change', () =>
            connection.executeQuery<R>(query),
          ),
        streamQuery: () => {
          throw new TypeError('Results are read in pages, not as streams');
        },
      };
      originals.set(translated, connection);
      return translated;
    },
    beginTransaction: (connection, settings) =>
      attempt('begin', () => driver.beginTransaction(original(connection), settings)),
    commitTransaction: (connection) =>
      attempt('commit', () => driver.commitTransaction(original(connection))),
    rollbackTransaction: (connection) =>
      attempt('rollback', () => driver.rollbackTransaction(original(connection))),
    releaseConnection: (connection) => driver.releaseConnection(original(connection)),
    destroy: () => driver.destroy(),
  };
}
