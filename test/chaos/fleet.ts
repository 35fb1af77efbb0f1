import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { type PostgresServer, startPostgres } from '../database/postgres-server.ts';
import { type ExternalRedis, FIT, startExternalRedis } from '../queue/external-redis.ts';
import { type Entry, Member } from './member.ts';
import { TcpFaultProxy } from './tcp-fault-proxy.ts';

type Postgres = PostgresServer & { readonly port: number; readonly folder: string };

type Environment = Readonly<Record<string, string>>;
export type Role = 'api' | 'worker';

export interface Servers {
  /** A server on 127.0.0.1, reached through a proxy. */
  readonly redisPort: number;
  readonly databaseUrl: string;
}

export interface FleetOptions {
  /** The folder for all its data. */
  readonly folder: string;
  readonly entry: Entry;
  readonly workers: number;
  /** The address of the storage, if it is not a folder of the fleet. */
  readonly storageDir?: string;
  /**
   * Additional environment of the processes. A function gets the servers that exist and returns the
   * environment of each role.
   */
  readonly env?: Environment | ((role: Role, servers: Servers) => Environment | Promise<Environment>);
  /** Additional environment of single processes, until they are started again. */
  readonly envOf?: (process: FleetProcess) => Environment;
}

export type FleetProcess = `${'api' | 'worker'}-${number}` | 'postgres' | 'redis';

/**
 * A deployment of real processes: an API, workers with their compute processes, PostgreSQL, a Redis that
 * keeps nothing when it ends and that is reached through a proxy, and a folder as storage.
 */
export class Fleet {
  readonly storageDir: string;
  private readonly redisDir: string;
  private redis: ExternalRedis;
  private postgres: Postgres;
  readonly proxy: TcpFaultProxy;
  readonly api: Member;
  readonly workers: readonly Member[];
  readonly databaseUrl: string;

  private constructor(
    storageDir: string,
    databaseUrl: string,
    redisDir: string,
    redis: ExternalRedis,
    postgres: Postgres,
    proxy: TcpFaultProxy,
    api: Member,
    workers: readonly Member[],
  ) {
    this.storageDir = storageDir;
    this.databaseUrl = databaseUrl;
    this.redisDir = redisDir;
    this.redis = redis;
    this.postgres = postgres;
    this.proxy = proxy;
    this.api = api;
    this.workers = workers;
  }

  /** Starts everything and waits until it is ready. */
  static async start({ folder, entry, workers: count, env, ...others }: FleetOptions): Promise<Fleet> {
    const redisDir = join(folder, 'redis');
    const { storageDir = join(folder, 'storage'), envOf = () => ({}) } = others;
    await mkdir(redisDir, { recursive: true });
    const postgresDir = join(folder, 'postgres');
    const postgres = {
      ...(await startPostgres(postgresDir, [], undefined, envOf('postgres'))),
      folder: postgresDir,
    };
    const database = await postgres.newDatabase();
    const redis = await startExternalRedis(redisDir, FIT, undefined, envOf('redis'));
    const proxy = await TcpFaultProxy.start(redis.port);
    const servers = { redisPort: proxy.port, databaseUrl: database };
    const start = async (role: Role, number: number): Promise<Member> => {
      const name: FleetProcess = `${role}-${number}`;
      const dataDir = join(folder, name);
      await mkdir(dataDir, { recursive: true });
      const shared = {
        REDIS_URL: `redis://127.0.0.1:${proxy.port}`,
        DATABASE_URL: database,
        STORAGE_URL: `file:${storageDir}`,
      };
      const configured = typeof env === 'function' ? await env(role, servers) : env;
      const own = { DATA_DIR: dataDir, AUTH: 'open', ...shared, ...configured, ...envOf(name) };
      return Member.start({ role, entry, env: own });
    };
    const api = await start('api', 0);
    const workers = await Promise.all(Array.from({ length: count }, (_, i) => start('worker', i)));
    const fleet = new Fleet(storageDir, database, redisDir, redis, postgres, proxy, api, workers);
    try {
      await fleet.ready();
      return fleet;
    } catch (error) {
      await fleet.end();
      throw error;
    }
  }

  get members(): readonly Member[] {
    return [this.api, ...this.workers];
  }

  async ready(): Promise<void> {
    await Promise.all(this.members.map((member) => member.ready()));
  }

  /** The port of Redis itself, without the proxy. */
  get redisPort(): number {
    return this.redis.port;
  }

  get redisPid(): number {
    return this.redis.pid;
  }

  killRedis(): Promise<void> {
    return this.redis.stop('SIGKILL');
  }

  /** Starts Redis again on its port, empty. */
  async restartRedis(): Promise<void> {
    this.redis = await startExternalRedis(this.redisDir, FIT, this.redis.port);
  }

  /** @param maxBytes limit of its memory; 0: none */
  async limitRedis(maxBytes: number): Promise<void> {
    const client = new Redis(this.redis.port);
    await client.config('SET', 'maxmemory', maxBytes).finally(() => client.disconnect());
  }

  /** Like a crash: every connection breaks, and PostgreSQL recovers at its next start. */
  killPostgres(): Promise<void> {
    return this.postgres.stop('SIGQUIT');
  }

  async restartPostgres(): Promise<void> {
    const { folder, port } = this.postgres;
    this.postgres = { ...(await startPostgres(folder, [], port)), folder };
  }

  /** Stops everything as an operator would. @returns the exit codes of the API and the workers */
  async end(): Promise<(number | null)[]> {
    this.proxy.fault = 'none';
    const codes = await Promise.all(this.members.map((member) => member.stop()));
    await this.proxy.close();
    await this.redis.stop();
    await this.postgres.stop();
    return codes;
  }
}
