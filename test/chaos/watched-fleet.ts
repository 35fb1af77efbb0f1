import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import pg from 'pg';
import type { NewWebhook } from '../../src/contract/webhook.ts';
import { Receiver } from '../queue/webhook-receiver.ts';
import { Witness } from '../storage/s3-bench.ts';
import { BUCKET, type S3Server, startMoto } from '../storage/s3-servers.ts';
import { Fleet, type Role, type Servers } from './fleet.ts';
import { HoldingProxy } from './holding-proxy.ts';
import type { Entry } from './member.ts';
import { PatientClient } from './patient-client.ts';

export const S3_PREFIX = 'lora';

/** The proxies between a process and the servers that it uses. */
interface Wires {
  readonly database: HoldingProxy;
  readonly redis: HoldingProxy;
  readonly storage: HoldingProxy;
}

/**
 * An API and a worker, each with its own proxies to PostgreSQL, Redis and an S3 server, so that each can be
 * stopped at a certain moment, and a receiver of webhooks behind another proxy.
 */
export class WatchedFleet {
  readonly fleet: Fleet;
  readonly wires: Readonly<Record<Role, Wires>>;
  readonly receiver: Receiver;
  readonly toReceiver: HoldingProxy;
  readonly s3: S3Server;
  readonly witness: Witness;
  private readonly database: pg.Client;
  private ended: Promise<(number | null)[]> | undefined;
  readonly client: PatientClient;

  private constructor(
    parts: Pick<WatchedFleet, 'fleet' | 'wires' | 'receiver' | 'toReceiver' | 's3'>,
    database: pg.Client,
  ) {
    this.fleet = parts.fleet;
    this.wires = parts.wires;
    this.receiver = parts.receiver;
    this.toReceiver = parts.toReceiver;
    this.s3 = parts.s3;
    this.database = database;
    this.witness = new Witness(parts.s3);
    this.client = new PatientClient(parts.fleet.api.url);
  }

  /** @param folder for all its data */
  static async start(folder: string, entry: Entry): Promise<WatchedFleet> {
    await mkdir(folder, { recursive: true });
    const s3 = await startMoto();
    const receiver = await Receiver.start();
    const wires: Partial<Record<Role, Wires>> = {};
    const secretsKey = randomBytes(32).toString('base64');
    const env = async (role: Role, { redisPort, databaseUrl }: Servers) => {
      const database = await HoldingProxy.start(portOf(databaseUrl));
      const redis = await HoldingProxy.start(redisPort);
      const storage = await HoldingProxy.start(portOf(s3.url));
      wires[role] = { database, redis, storage };
      return {
        ...s3.env,
        ...{ LOG_LEVEL: 'info', SECRETS_KEYS: secretsKey, OUTBOUND_ALLOWED_HOSTS: '127.0.0.1' },
        ...{ STORAGE_URL: `s3://${BUCKET}/${S3_PREFIX}`, S3_FORCE_PATH_STYLE: 'true' },
        AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${storage.port}`,
        REDIS_URL: `redis://127.0.0.1:${redis.port}`,
        DATABASE_URL: databaseUrl.replace(`:${portOf(databaseUrl)}/`, `:${database.port}/`),
      };
    };
    const fleet = await Fleet.start({ folder, entry, workers: 1, env });
    const database = new pg.Client({ connectionString: fleet.databaseUrl });
    await database.connect();
    const toReceiver = await HoldingProxy.start(portOf(receiver.url));
    const parts = { fleet, receiver, toReceiver, s3, wires: wires as Record<Role, Wires> };
    return new WatchedFleet(parts, database);
  }

  /** Registers a webhook for the ends of jobs. @param labels of these jobs; {}: all jobs */
  async webhook(path: string, labels: Readonly<Record<string, string>>): Promise<NewWebhook> {
    const response = await this.client.fetch('/v1/webhooks', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ url: `http://127.0.0.1:${this.toReceiver.port}${path}`, labels }),
    });
    if (response.status !== 201) throw new Error(await response.text());
    return (await response.json()) as NewWebhook;
  }

  /** Rows of the database. */
  readonly rows = async <T extends object>(query: string, ...values: readonly unknown[]): Promise<T[]> =>
    (await this.database.query<T>(query, [...values])).rows;

  /** To be called once. @returns the exit codes of API and worker */
  end(): Promise<(number | null)[]> {
    this.ended ??= this.stop();
    return this.ended;
  }

  private async stop(): Promise<(number | null)[]> {
    await this.database.end();
    const codes = await this.fleet.end();
    const wires = Object.values(this.wires).flatMap(({ database, redis, storage }) => [
      database,
      redis,
      storage,
    ]);
    await Promise.all([...wires, this.toReceiver, this.receiver].map((one) => one.close()));
    this.witness.client.destroy();
    await this.s3.stop();
    return codes;
  }
}

const portOf = (url: string): number => Number(new URL(url).port);
