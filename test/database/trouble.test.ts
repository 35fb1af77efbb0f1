import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Database } from '../../src/database/database.ts';
import { DATABASE_FILE, openDatabase } from '../../src/database/open-database.ts';
import { programEntry } from '../entry.ts';
import { until } from '../queue/harness.ts';
import { SmallDisk } from '../start/mounts.ts';
import { POOL } from './dialects.ts';
import { noPostgres, type PostgresServer, startPostgres } from './postgres-server.ts';

const insert = (database: Database, id: string) =>
  database.write((writer) =>
    writer
      .insertInto('tenant')
      .values({ id, created_at: 0 })
      .onConflict((conflict) => conflict.doNothing())
      .execute(),
  );
const ids = async (database: Database) => {
  const tenants = database.reader.selectFrom('tenant').select('id').where('id', '<>', 'default');
  const rows = await tenants.orderBy('id').execute();
  return rows.map(({ id }) => id);
};

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'squeeze-trouble-'));
  try {
    await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe('PostgreSQL in trouble', { skip: noPostgres }, () => {
  it('that dies is unavailable at once, and available again without a restart of the service', () =>
    withFolder(async (folder) => {
      const server = await startPostgres(folder);
      const url = await server.newDatabase();
      const database = await openDatabase({ url, dataDir: '', ...POOL });
      try {
        await insert(database, 'before');
        await server.stop('SIGQUIT');
        for (const work of [() => insert(database, 'lost'), () => ids(database), () => database.check()]) {
          const begunMs = performance.now();
          await assert.rejects(work, { code: 'DATABASE_UNAVAILABLE' });
          assert.ok(performance.now() - begunMs < POOL.timeoutMs, 'it was not waited for');
        }
        const again = await startPostgres(folder, [], server.port);
        try {
          // Connections that broke must not get in the way, whatever is left of them.
          await insert(database, 'after');
          const found = await until('a read', () => ids(database).catch(() => undefined));
          assert.deepEqual(found, ['after', 'before']);
        } finally {
          await again.stop('SIGQUIT');
        }
      } finally {
        await database.close();
        await server.stop('SIGQUIT');
      }
    }));

  it('that dies during a transaction fails that transaction only', () =>
    withFolder(async (folder) => {
      const server = await startPostgres(folder);
      const database = await openDatabase({ url: await server.newDatabase(), dataDir: '', ...POOL });
      let again: PostgresServer | undefined;
      try {
        const failed = database.write(async (writer) => {
          await writer.insertInto('tenant').values({ id: 'half', created_at: 0 }).execute();
          await server.stop('SIGQUIT');
          // The connection reports its end while it is idle but checked out.
          await new Promise((resolve) => setTimeout(resolve, 200));
          await writer.selectFrom('tenant').select('id').execute();
        });
        await assert.rejects(failed, { code: 'DATABASE_UNAVAILABLE' });
        again = await startPostgres(folder, [], server.port);
        const found = await until('a read', () => ids(database).catch(() => undefined));
        assert.deepEqual(found, []);
      } finally {
        await database.close();
        await again?.stop('SIGQUIT');
        await server.stop('SIGQUIT');
      }
    }));

  it('that is still starting is waited for', () =>
    withFolder(async (folder) => {
      const server = await startPostgres(folder, ['fsync=off']);
      const url = await server.newDatabase();
      await server.stop();
      let tries = 0;
      let again: Promise<PostgresServer> | undefined;
      const database = await openDatabase({
        ...{ url, dataDir: '', ...POOL, patienceMs: 60_000 },
        onFailure: () => {
          tries++;
          again ??= startPostgres(folder, ['fsync=off'], server.port);
        },
      });
      assert.ok(tries >= 1);
      await insert(database, 'then');
      await database.close();
      await (await again!).stop('SIGQUIT');
    }));

  it('that never answers is unavailable after the timeout', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const url = `postgres://nobody@127.0.0.1:${port}/nothing`;
    await assert.rejects(openDatabase({ url, dataDir: '', poolSize: 1, timeoutMs: 100 }), {
      code: 'DATABASE_UNAVAILABLE',
    });
    server.close();
  });

  it('whose rows are locked by another transaction gives up after the timeout', () =>
    withFolder(async (folder) => {
      const server = await startPostgres(folder, ['fsync=off']);
      const url = await server.newDatabase();
      const database = await openDatabase({ url, dataDir: '', poolSize: 2, timeoutMs: 300 });
      const other = await openDatabase({ url, dataDir: '', ...POOL });
      try {
        await insert(database, 'held');
        const touch = (of: Database) =>
          of.write((writer) => writer.updateTable('tenant').set({ created_at: 1 }).execute());
        await other.write(async (writer) => {
          await writer.updateTable('tenant').set({ created_at: 2 }).execute();
          await assert.rejects(touch(database), { code: 'DATABASE_UNAVAILABLE' });
        });
        await touch(database);
      } finally {
        await Promise.all([database.close(), other.close()]);
        await server.stop('SIGQUIT');
      }
    }));
});

describe('SQLite in trouble', () => {
  const withDatabase = (work: (database: Database, folder: string) => Promise<void>) =>
    withFolder(async (dataDir) => {
      const database = await openDatabase({ url: undefined, dataDir, ...POOL });
      try {
        await work(database, dataDir);
      } finally {
        await database.close();
      }
    });

  /** Runs a function while another process holds the write lock, until the function asks for its release. */
  async function whileHeld(
    folder: string,
    work: (letGo: () => Promise<void>) => Promise<void>,
  ): Promise<void> {
    const program = [
      ...programEntry(join(import.meta.dirname, 'hold.program.ts')),
      join(folder, DATABASE_FILE),
    ];
    const holder = spawn(process.execPath, program, { stdio: ['pipe', 'pipe', 'inherit'] });
    const exited = once(holder, 'exit');
    try {
      await once(holder.stdout, 'data');
      await work(async () => {
        holder.stdin.end();
        await exited;
      });
    } finally {
      holder.kill('SIGKILL');
    }
  }

  it('that another process writes to is waited for, while everything else continues', () =>
    withDatabase((database, folder) =>
      whileHeld(folder, async (letGo) => {
        let isDone = false;
        const waiting = insert(database, 'waited').then(() => {
          isDone = true;
        });
        // Reads and timers are served meanwhile.
        for (let i = 0; i < 10; i++) {
          assert.deepEqual(await ids(database), []);
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
        assert.equal(isDone, false);
        await letGo();
        await waiting;
        assert.deepEqual(await ids(database), ['waited']);
      }),
    ));

  it('whose lock another process never releases is unavailable after a while', () =>
    withDatabase((database, folder) =>
      whileHeld(folder, async (letGo) => {
        await assert.rejects(insert(database, 'never'), { code: 'DATABASE_UNAVAILABLE' });
        await letGo();
        await insert(database, 'then');
        assert.deepEqual(await ids(database), ['then']);
      }),
    ));

  it('on a full disk reports it, loses nothing, and continues when there is room', (t) =>
    withFolder(async (folder) => {
      const disk = SmallDisk.mount(join(folder, 'disk'), '8m');
      if (typeof disk === 'string') return t.skip(disk);
      try {
        const database = await openDatabase({ url: undefined, dataDir: disk.folder, ...POOL });
        await insert(database, 'before');
        disk.fill();
        const large = 'x'.repeat(100_000);
        await assert.rejects(
          database.write((writer) =>
            writer.insertInto('tenant').values({ id: 'large', max_priority: large, created_at: 0 }).execute(),
          ),
          { code: 'STORAGE_FULL' },
        );
        assert.deepEqual(await ids(database), ['before']);
        await disk.free();
        await insert(database, 'after');
        assert.deepEqual(await ids(database), ['after', 'before']);
        await database.close();
      } finally {
        disk.unmount();
      }
    }));

  it('has a reserve for deletions on a full disk, which is created again when there is room', (t) =>
    withFolder(async (folder) => {
      const disk = SmallDisk.mount(join(folder, 'disk'), '16m');
      if (typeof disk === 'string') return t.skip(disk);
      const reserveBytes = 4 * 2 ** 20;
      const open = (bytes = reserveBytes) =>
        openDatabase({ url: undefined, dataDir: disk.folder, reserveBytes: bytes, ...POOL });
      const size = () => statSync(join(disk.folder, 'reserve'), { throwIfNoEntry: false })?.size;
      const has = (bytes: number | undefined) =>
        until(`a reserve of ${bytes} bytes`, () => size() === bytes || undefined);
      let database = await open();
      try {
        await has(reserveBytes);
        await database.checkFreeSpace();
        await insert(database, 'before');
        disk.fill();
        const large = 'x'.repeat(600_000);
        const writes = ['one', 'two'].map((id) =>
          database.write((writer) =>
            writer.insertInto('tenant').values({ id, max_priority: large, created_at: 0 }).execute(),
          ),
        );
        await Promise.all(writes);
        await has(undefined);
        await assert.rejects(database.checkFreeSpace(), { code: 'STORAGE_FULL', message: /8388608 bytes/ });
        await database.write((writer) => writer.deleteFrom('tenant').where('id', '=', 'two').execute());
        assert.deepEqual(await ids(database), ['before', 'one']);

        // The reserve would fit, but would itself fill the disk.
        await database.close();
        await disk.free();
        disk.fill(6 * 2 ** 20);
        database = await open();
        await until('a refusal', () =>
          database.checkFreeSpace().then(
            () => undefined,
            () => true,
          ),
        );
        assert.equal(size(), undefined);
        await disk.free();
        await database.checkFreeSpace();
        assert.equal(size(), reserveBytes);

        await database.close();
        disk.fill();
        database = await open();
        assert.equal(size(), undefined, 'a start needs room as well');
        await insert(database, 'after');
        await disk.free();
        await database.checkFreeSpace();
        await database.close();
        database = await open(0);
        assert.equal(size(), undefined);
        await database.checkFreeSpace();
      } finally {
        await database.close();
        disk.unmount();
      }
    }));

  it('whose file is not a database is refused with a reason', () =>
    withFolder(async (dataDir) => {
      writeFileSync(
        join(dataDir, DATABASE_FILE),
        'not a database at all, but some text that is long enough'.repeat(99),
      );
      await assert.rejects(openDatabase({ url: undefined, dataDir, ...POOL }), {
        code: 'DATABASE_UNAVAILABLE',
        message: /its file is not a database/,
      });
    }));
});
