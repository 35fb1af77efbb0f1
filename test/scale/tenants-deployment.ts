import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import pg from 'pg';
import type { WorkerRecord } from '../../src/contract/worker.ts';
import { Member } from '../chaos/member.ts';
import { type PostgresServer, startPostgres } from '../database/postgres-server.ts';
import { isAlive } from '../e2e/process-tree.ts';
import { type ExternalRedis, FIT, startExternalRedis } from '../queue/external-redis.ts';
import { until } from '../queue/harness.ts';
import { BUCKET, type S3Server, startMoto } from '../storage/s3-servers.ts';
import { KeyedClient } from './keyed-client.ts';

const ADMIN_KEY = 'administrator-of-twenty-tenants';

/** A worker process, by the id under which it is listed. */
export interface ListedWorker {
  readonly id: string;
  readonly member: Member;
}

interface Servers {
  readonly redis: ExternalRedis;
  readonly postgres: PostgresServer;
  readonly s3: S3Server;
}

/**
 * Two APIs that require keys, workers with one slot each, PostgreSQL, a bucket, and a Redis that keeps
 * nothing.
 */
export class TenantsDeployment {
  readonly admin: KeyedClient;
  readonly urls: readonly string[];
  private readonly folder: string;
  private readonly servers: Servers;
  private readonly env: Readonly<Record<string, string>>;
  private readonly members: Member[];

  private constructor(folder: string, servers: Servers, env: Record<string, string>, apis: Member[]) {
    this.folder = folder;
    this.servers = servers;
    this.env = env;
    this.members = apis;
    this.urls = apis.map(({ url }) => url);
    this.admin = this.caller(ADMIN_KEY);
  }

  /** Starts everything except workers. @param folder for all its data */
  static async start(folder: string): Promise<TenantsDeployment> {
    const [redis, postgres, s3] = await Promise.all([
      startExternalRedis(folder, FIT),
      startPostgres(join(folder, 'postgres'), ['fsync=off']),
      startMoto(),
    ]);
    const env = {
      ...s3.env,
      ...{ AUTH: 'keys', ADMIN_KEY, REDIS_URL: redis.url, DATABASE_URL: await postgres.newDatabase() },
      ...{ STORAGE_URL: `s3://${BUCKET}/tenants`, S3_FORCE_PATH_STYLE: 'true' },
      ...{ COMPUTE_THREADS: '1', WORKER_CONCURRENCY: '1', RESERVE_BYTES: '65536' },
    };
    const apis = await Promise.all([0, 1].map((number) => launch('api', join(folder, `api-${number}`), env)));
    const deployment = new TenantsDeployment(folder, { redis, postgres, s3 }, env, apis);
    await Promise.all(apis.map((api) => api.ready())).catch(async (error: unknown) => {
      await deployment.end();
      throw error;
    });
    return deployment;
  }

  caller(key: string): KeyedClient {
    return new KeyedClient(this.urls, key);
  }

  /** Starts one more worker, and waits until it is listed. */
  async startWorker(): Promise<ListedWorker> {
    const before = new Set((await this.listed()).map(({ id }) => id));
    const member = await launch('worker', join(this.folder, `worker-${this.members.length}`), this.env);
    this.members.push(member);
    await member.ready();
    const { id } = await until('the worker in the list', async () =>
      (await this.listed()).find((one) => !before.has(one.id)),
    );
    return { id, member };
  }

  /** By the list of the service. */
  async listed(): Promise<readonly WorkerRecord[]> {
    return (await this.admin.json<{ data: WorkerRecord[] }>('GET', '/v1/workers')).data;
  }

  /** Redis loses all its data. */
  async emptyRedis(): Promise<void> {
    const client = new Redis(this.servers.redis.port);
    await client.flushall().finally(() => client.disconnect());
  }

  async rows<T extends object>(query: string): Promise<T[]> {
    const client = new pg.Client({ connectionString: this.env.DATABASE_URL! });
    await client.connect();
    return (await client.query<T>(query).finally(() => client.end())).rows;
  }

  /** Stops everything that is running. @returns the exit codes */
  async end(): Promise<(number | null)[]> {
    const running = this.members.filter(({ isRunning }) => isRunning);
    const codes = await Promise.all(running.map((member) => member.stop()));
    const left = this.members.flatMap(({ everyProcess }) => everyProcess).filter(isAlive);
    await Promise.all([this.servers.redis.stop(), this.servers.postgres.stop(), this.servers.s3.stop()]);
    assert.deepEqual(left, [], 'processes that are left');
    return codes;
  }
}

function launch(role: 'api' | 'worker', DATA_DIR: string, env: Record<string, string>): Promise<Member> {
  mkdirSync(DATA_DIR);
  return Member.start({ role, entry: 'source', env: { ...env, DATA_DIR } });
}

/** Stops the compute processes of workers until they are released. */
export function hold(workers: readonly ListedWorker[]): { letGo(): void } {
  const held = workers.flatMap(({ member }) => member.computing());
  assert.equal(held.length, workers.length, 'compute processes');
  for (const { pid } of held) process.kill(pid, 'SIGSTOP');
  return {
    letGo: () => {
      for (const one of held) if (isAlive(one)) process.kill(one.pid, 'SIGCONT');
    },
  };
}
