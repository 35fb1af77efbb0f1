import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import pg from 'pg';
import type { JobRecord } from '../../src/contract/job.ts';
import { openDatabase } from '../../src/database/open-database.ts';
import { POOL } from '../database/dialects.ts';
import {
  handToPostgres,
  noPostgres,
  spawnAsOwner,
  startPostgres,
  startStandby,
} from '../database/postgres-server.ts';
import { Client } from '../e2e/client.ts';
import { fixtureAdapters } from '../e2e/fixtures.ts';
import { freePort } from '../free-port.ts';
import { startService } from '../main/service-process.ts';
import { makeCertificate, opensslIsMissing } from '../queue/certificate.ts';
import { until, withFolder } from '../queue/harness.ts';

const PGBOUNCER = '/usr/sbin/pgbouncer';
const noPgbouncer = existsSync(PGBOUNCER) ? false : 'pgbouncer is not installed (Debian: pgbouncer)';
const JOBS = 12;
/** The connections of PgBouncer to the server. */
const POOLED = 3;

async function asked(url: string, ...statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  for (const statement of statements) await client.query(statement);
  await client.end();
}

/** Submits jobs, retrying like clients; then all of them succeed, and none exists twice. */
async function squeezeAll(url: string, inTheMiddle: () => Promise<void>): Promise<void> {
  const client = new Client(url);
  const { adapter } = await client.upload(fixtureAdapters()[0]!.dir);
  const ids = new Set<string>();
  let middle = Promise.resolve();
  for (let n = 0; n < JOBS; n++) {
    if (n === JOBS / 2) middle = inTheMiddle();
    const { id } = await until('a job that is taken', () => posted(url, adapter.id, `job-${n}`));
    ids.add(id);
  }
  await middle;
  const isEnded = async (id: string) => {
    const answer = await fetch(`${url}/v1/jobs/${id}`);
    const job = answer.ok ? ((await answer.json()) as JobRecord) : undefined;
    return job?.finished_at ? job : undefined;
  };
  for (const id of ids) {
    const job = await until('the end of a job', () => isEnded(id));
    assert.equal(job.state, 'succeeded', JSON.stringify(job.error));
  }
  const all = await client.json<{ data: JobRecord[] }>('/v1/jobs?limit=100');
  assert.deepEqual(new Set(all.data.map(({ id }) => id)), ids);
  assert.equal(all.data.length, JOBS);
}

async function posted(url: string, adapterId: string, key: string): Promise<JobRecord | undefined> {
  const answer = await fetch(`${url}/v1/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify({ kind: 'squeeze', adapter_id: adapterId, targets: [{ rank: 1 }], reuse: false }),
  });
  if (answer.ok) return (await answer.json()) as JobRecord;
  const { code, retryable } = (await answer.json()) as { code: string; retryable: boolean };
  assert.ok(retryable, `${answer.status} ${code}`);
  return undefined;
}

/** As the driver sends it. */
const COMMIT = Buffer.from('Q\0\0\0\x0bcommit\0', 'latin1');

/** A name that first resolves to one server and then to another, like that of a managed database. */
async function startSwitch(port: number) {
  let target = port;
  let [commits, lost, loseEach] = [0, 0, Number.POSITIVE_INFINITY];
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(target, '127.0.0.1');
    for (const [socket, other] of [[near, far] as const, [far, near] as const]) {
      sockets.add(socket);
      socket
        .on('error', () => undefined)
        .on('close', () => {
          sockets.delete(socket);
          other.destroy();
        });
      socket.pipe(other);
    }
    near.on('data', (chunk) => {
      if (!chunk.includes(COMMIT) || ++commits % loseEach !== 0) return;
      lost++;
      far.unpipe(near);
      far.once('data', () => near.destroy()).resume();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    leadTo(next: number): void {
      target = next;
    },
    /** From now on the response to one of this many commits is lost after the server has done it. */
    loseCommits(of: number): void {
      loseEach = of;
    },
    get lost(): number {
      return lost;
    },
    async close(): Promise<void> {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** What is left in the sessions of a pooler's connections; the pooler itself sets some variables there. */
async function keptInSessions(url: string, connections: number): Promise<string[]> {
  const clients = await Promise.all(
    Array.from({ length: connections }, async () => {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      // Each has one of the connections for itself until it ends.
      await client.query('begin');
      return client;
    }),
  );
  const answers = await Promise.all(
    clients.map((client) =>
      client.query<{ kept: string }>(`
        select name || '=' || setting as kept from pg_settings where source = 'session' and name not in
          ('application_name', 'client_encoding', 'DateStyle', 'IntervalStyle', 'TimeZone', 'standard_conforming_strings')
        union all select 'statement ' || name from pg_prepared_statements
        union all select 'channel ' || pg_listening_channels()
        union all select 'lock ' || objid from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()`),
    ),
  );
  await Promise.all(clients.map((client) => client.end()));
  return answers.flatMap(({ rows }) => rows.map(({ kept }) => kept));
}

describe('PostgreSQL as operators run it', { skip: noPostgres }, () => {
  it('checks certificates with TLS, and can change a password', { skip: opensslIsMissing }, () =>
    withFolder(async (folder) => {
      const { cert, key } = makeCertificate(folder);
      const [serverKey, serverCert, hba] = ['server.key', 'server.crt', 'hba.conf'].map((name) =>
        join(folder, name),
      ) as [string, string, string];
      copyFileSync(key, serverKey);
      copyFileSync(cert, serverCert);
      writeFileSync(
        hba,
        'host all squeeze all trust\nhostssl all app all scram-sha-256 clientcert=verify-ca\n',
      );
      handToPostgres(serverKey, serverCert, hba);
      const server = await startPostgres(join(folder, 'server'), [
        ...['fsync=off', 'ssl=on', `ssl_cert_file=${serverCert}`, `ssl_key_file=${serverKey}`],
        ...[`ssl_ca_file=${serverCert}`, `hba_file=${hba}`],
      ]);
      try {
        const admin = await server.newDatabase();
        const name = new URL(admin).pathname.slice(1);
        await asked(admin, "create role app login password 'first'", `alter database ${name} owner to app`);
        const urlWith = (password: string, query: string) =>
          `postgres://app:${password}@127.0.0.1:${server.port}/${name}?sslmode=verify-full&sslrootcert=${cert}${query}`;
        const own = `&sslcert=${cert}&sslkey=${key}`;
        await assert.rejects(openDatabase({ url: urlWith('first', ''), dataDir: '', ...POOL }), {
          code: 'DATABASE_UNAVAILABLE',
        });

        let url = urlWith('first', own);
        const database = await openDatabase({ url, renewedUrl: () => url, dataDir: '', ...POOL });
        await database.check();
        await asked(
          admin,
          "alter role app password 'second'",
          "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'app'",
        );
        await until('the refusal', () =>
          database.check().then(
            () => undefined,
            (error: Error) => (/28P01/.test(error.message) ? true : undefined),
          ),
        );
        url = urlWith('second', own);
        await database.check();
        await database.close();
      } finally {
        await server.stop('SIGQUIT');
      }
    }),
  );

  it('may be behind PgBouncer with connections per transaction', { skip: noPgbouncer }, () =>
    withFolder(async (folder) => {
      const server = await startPostgres(join(folder, 'server'), ['fsync=off']);
      const port = await freePort();
      const [settings, users] = [join(folder, 'pgbouncer.ini'), join(folder, 'users')];
      writeFileSync(users, '"squeeze" ""\n');
      writeFileSync(
        settings,
        `[databases]\n* = host=127.0.0.1 port=${server.port}\n[pgbouncer]\nlisten_addr=127.0.0.1\nlisten_port=${port}\n` +
          `unix_socket_dir=\nauth_type=trust\nauth_file=${users}\npool_mode=transaction\ndefault_pool_size=${POOLED}\n`,
      );
      handToPostgres(settings, users);
      const bouncer = spawnAsOwner(PGBOUNCER, [settings]);
      const ended = once(bouncer, 'exit');
      try {
        const direct = await server.newDatabase();
        const url = direct.replace(`:${server.port}/`, `:${port}/`);
        await until('PgBouncer', () =>
          asked(url, 'select 1').then(
            () => true,
            () => undefined,
          ),
        );
        const service = await startService({ DATA_DIR: join(folder, 'data'), DATABASE_URL: url });
        try {
          await squeezeAll(service.url, async () => undefined);
          // No connection bypassed it.
          const client = new pg.Client({ connectionString: direct });
          await client.connect();
          const { rows } = await client.query(
            "select count(*)::int as connections from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()",
          );
          await client.end();
          assert.ok(rows[0].connections >= 1 && rows[0].connections <= POOLED, JSON.stringify(rows));
          // Last, because PgBouncer closes the connections that this test leaves during a transaction.
          assert.deepEqual(await keptInSessions(url, POOLED), []);
        } finally {
          assert.equal(await service.end(), 0, service.output());
        }
      } finally {
        bouncer.kill('SIGINT');
        await ended;
        await server.stop('SIGQUIT');
      }
    }),
  );

  it('may lose responses to commits, while no work is lost or done twice', () =>
    withFolder(async (folder) => {
      const server = await startPostgres(join(folder, 'server'), ['fsync=off']);
      const way = await startSwitch(server.port);
      try {
        const url = (await server.newDatabase()).replace(`:${server.port}/`, `:${way.port}/`);
        const service = await startService({ DATA_DIR: join(folder, 'data'), DATABASE_URL: url });
        try {
          await squeezeAll(service.url, async () => way.loseCommits(5));
          assert.ok(way.lost > 0, `${way.lost} were lost`);
        } finally {
          assert.equal(await service.end(), 0, service.output());
        }
      } finally {
        await way.close();
        await server.stop('SIGQUIT');
      }
    }));

  it('may fail over during the work, which is neither lost nor done twice', () =>
    withFolder(async (folder) => {
      for (const name of ['primary', 'standby']) mkdirSync(join(folder, name));
      const primary = await startPostgres(join(folder, 'primary'), ['fsync=off']);
      const url = await primary.newDatabase();
      const standby = await startStandby(join(folder, 'standby'), primary.port);
      const way = await startSwitch(primary.port);
      try {
        // As in managed services: a confirmed commit is on both servers.
        await asked(url, "alter system set synchronous_standby_names = '*'", 'select pg_reload_conf()');
        const service = await startService({
          DATA_DIR: join(folder, 'data'),
          DATABASE_URL: url.replace(`:${primary.port}/`, `:${way.port}/`),
        });
        try {
          await squeezeAll(service.url, async () => {
            await primary.stop('SIGQUIT');
            await asked(url.replace(`:${primary.port}/`, `:${standby.port}/`), 'select pg_promote()');
            way.leadTo(standby.port);
          });
        } finally {
          assert.equal(await service.end(), 0, service.output());
        }
      } finally {
        await way.close();
        await primary.stop('SIGQUIT');
        await standby.stop('SIGQUIT');
      }
    }));
});
