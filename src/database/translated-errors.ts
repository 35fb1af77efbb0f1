import type { CompiledQuery, DatabaseConnection, Dialect, Driver, QueryResult } from 'kysely';

type Translate = (error: unknown) => unknown;

/** A dialect whose failures are errors of ours. What is translated to itself, such as a broken constraint, stays. */
export const withTranslatedErrors = (dialect: Dialect, translate: Translate): Dialect => ({
  createAdapter: () => dialect.createAdapter(),
  createIntrospector: (db) => dialect.createIntrospector(db),
  createQueryCompiler: () => dialect.createQueryCompiler(),
  createDriver: () => translatedDriver(dialect.createDriver(), translate),
});

function translatedDriver(driver: Driver, translate: Translate): Driver {
  /** Those of the driver know each other by identity. */
  const originals = new WeakMap<DatabaseConnection, DatabaseConnection>();
  const original = (connection: DatabaseConnection) => originals.get(connection)!;
  const attempt = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      throw translate(error);
    }
  };
  return {
    init: () => attempt(driver.init()),
    acquireConnection: async () => {
      const connection = await attempt(driver.acquireConnection());
      const translated: DatabaseConnection = {
        executeQuery: <R>(query: CompiledQuery): Promise<QueryResult<R>> =>
          attempt(connection.executeQuery<R>(query)),
        streamQuery: () => {
          throw new TypeError('Results are read in pages, not as streams');
        },
      };
      originals.set(translated, connection);
      return translated;
    },
    beginTransaction: (connection, settings) =>
      attempt(driver.beginTransaction(original(connection), settings)),
    commitTransaction: (connection) => attempt(driver.commitTransaction(original(connection))),
    rollbackTransaction: (connection) => attempt(driver.rollbackTransaction(original(connection))),
    releaseConnection: (connection) => driver.releaseConnection(original(connection)),
    destroy: () => driver.destroy(),
  };
}
