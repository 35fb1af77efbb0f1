import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { sql } from 'kysely';
import type { Database, Dialect } from '../../src/database/database.ts';
import { type DatabaseOptions, openDatabase } from '../../src/database/open-database.ts';
import { DiskStore } from '../../src/storage/disk-store.ts';
import { startPostgres } from '../../test/database/postgres-server.ts';
import { type Call, callsOf, WARM_UP } from './calls.ts';
import { fill } from './fill.ts';
import type { Amounts } from './options.ts';
import { workspacesOver } from './queued-work.ts';

export interface MeasuredCall {
  readonly call: Pick<Call, 'group' | 'name'>;
  readonly milliseconds: number[];
}

export interface MeasuredRows {
  readonly dialect: Dialect;
  readonly amounts: Amounts;
  readonly version: string;
  readonly fillSeconds: number;
  readonly rows: readonly MeasuredCall[];
}

const POOL = { poolSize: 5, timeoutMs: 60_000 };

/** Measures on a new database, which is removed afterwards. */
export async function measureDialect(dialect: Dialect, amounts: Amounts): Promise<MeasuredRows> {
  const folder = await mkdtemp(join(tmpdir(), 'squeeze-bench-'));
  const clear = () => rmSync(folder, { recursive: true, force: true });
  process.once('exit', clear);
  try {
    if (dialect === 'sqlite') return await measureRows({ dataDir: folder, url: undefined, ...POOL }, amounts);
    const server = await startPostgres(join(folder, 'postgres'));
    // The server would otherwise outlive this process.
    const kill = () => process.kill(server.pid, 'SIGQUIT');
    process.prependOnceListener('exit', kill);
    try {
      return await measureRows({ dataDir: folder, url: await server.newDatabase(), ...POOL }, amounts);
    } finally {
      process.removeListener('exit', kill);
      await server.stop();
    }
  } finally {
    process.removeListener('exit', clear);
    clear();
  }
}

/** Fills a new, empty database and measures on it. @throws Error if a call did not do what it should */
export async function measureRows(options: DatabaseOptions, amounts: Amounts): Promise<MeasuredRows> {
  const startedMs = performance.now();
  const filling = await openDatabase(options);
  const made = await fill(filling, amounts).finally(() => filling.close());
  const fillSeconds = (performance.now() - startedMs) / 1000;
  const database = await openDatabase(options);
  try {
    await settle(database);
    const store = await DiskStore.open(join(options.dataDir, 'storage'));
    try {
      const calls = callsOf(workspacesOver(store, database), made, amounts);
      const rows = await measure(calls, amounts.calls);
      return { dialect: database.dialect, amounts, version: await versionOf(database), fillSeconds, rows };
    } finally {
      await store.close();
    }
  } finally {
    await database.close();
  }
}

/** Makes one call of each kind in turn, many times, so that a disturbance of the machine affects all of them. */
async function measure(calls: readonly Call[], times: number): Promise<MeasuredCall[]> {
  const rows = calls.map((call) => ({ call, milliseconds: [] as number[] }));
  for (let turn = 0; turn < WARM_UP + times; turn++) {
    for (const { call, milliseconds } of rows) {
      const startedMs = performance.now();
      const answer = await call.make(turn);
      const taken = performance.now() - startedMs;
      if (!call.check(answer))
        throw new Error(`${call.group}, ${call.name}: this is not what was to be measured: ${shown(answer)}`);
      if (turn >= WARM_UP) milliseconds.push(taken);
      await setImmediate();
    }
  }
  return rows;
}

/** PostgreSQL updates its statistics on its own about a minute after the rows were written; this does it at once. */
async function settle({ dialect, reader }: Database): Promise<void> {
  if (dialect === 'postgresql') await sql`vacuum (analyze)`.execute(reader);
}

async function versionOf({ dialect, reader }: Database): Promise<string> {
  const query =
    dialect === 'sqlite'
      ? sql<{ version: string }>`select sqlite_version() as version`
      : sql<{ version: string }>`select current_setting('server_version') as version`;
  return (await query.execute(reader)).rows[0]!.version;
}

const shown = (answer: unknown): string =>
  answer instanceof Error ? answer.message : (JSON.stringify(answer)?.slice(0, 200) ?? 'nothing');
