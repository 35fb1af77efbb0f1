import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe } from 'node:test';
import type { Database } from '../../src/database/database.ts';
import { openDatabase } from '../../src/database/open-database.ts';
import { noPostgres, testDatabase } from './postgres-server.ts';

export const POOL = { poolSize: 5, timeoutMs: 10_000 };

/** The SQLite database in a folder. */
export const sqliteIn = (dataDir: string): Promise<Database> =>
  openDatabase({ url: undefined, dataDir, ...POOL });

const DIALECTS = ['sqlite', 'postgresql'] as const;

/**
 * Runs the same tests on SQLite and on PostgreSQL, each test on a new database of its own. If TEST_DIALECT is
 * set, only on that dialect.
 */
export function onEachDialect(
  what: string,
  tests: (database: () => Database, folder: () => string) => void,
): void {
  const only = process.env.TEST_DIALECT;
  for (const dialect of DIALECTS.filter((one) => (only ?? one) === one)) {
    const skip = dialect === 'postgresql' && noPostgres;
    describe(`${what}, ${dialect}`, { skip }, () => {
      let database: Database;
      let folder: string;
      beforeEach(async () => {
        folder = mkdtempSync(join(tmpdir(), 'squeeze-database-'));
        const url = dialect === 'postgresql' ? await testDatabase() : undefined;
        database = await openDatabase({ url, dataDir: folder, ...POOL });
      });
      afterEach(async () => {
        await database?.close();
        rmSync(folder, { recursive: true, force: true });
      });
      tests(
        () => database,
        () => folder,
      );
    });
  }
}
