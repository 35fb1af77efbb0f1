import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ListMultipartUploadsCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import type { S3Options } from '../../src/storage/s3/s3-client.ts';
import { S3Store } from '../../src/storage/s3/s3-store.ts';
import type { StoreUnderTest } from '../conformance/blob-store.ts';
import { BUCKET, type S3Server } from './s3-servers.ts';

export interface S3UnderTest extends StoreUnderTest {
  readonly store: S3Store;
  readonly prefix: string;
  /** The local folder of the store. */
  readonly folder: string;
  /** How the first request failed, if it did. */
  readonly firstError: unknown;
}

let count = 0;

/**
 * A store with its own prefix and folder. The SDK reads the environment at the first request, which is sent
 * here; so stores with different environments are opened one after another.
 */
export async function openS3(
  env: Readonly<Record<string, string>>,
  options: Partial<S3Options> = {},
  idleTimeoutMs?: number,
): Promise<S3UnderTest> {
  const folder = await mkdtemp(join(tmpdir(), 's3-store-'));
  const prefix = `prefix-${++count}/deep`;
  Object.assign(process.env, env);
  const store = await S3Store.open(
    folder,
    { bucket: BUCKET, prefix, forcePathStyle: true, cacheBytes: 2 ** 30, ...options },
    idleTimeoutMs,
  );
  const firstError = await store.get('read-the-environment').catch((error: unknown) => error);
  return {
    store,
    prefix,
    folder,
    firstError,
    dispose: async () => {
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A direct connection to the server, without the store. */
export class Witness {
  readonly client: S3Client;

  constructor({ url, env }: S3Server) {
    this.client = new S3Client({
      endpoint: url,
      forcePathStyle: true,
      region: env.AWS_REGION!,
      credentials: { accessKeyId: env.AWS_ACCESS_KEY_ID!, secretAccessKey: env.AWS_SECRET_ACCESS_KEY! },
    });
  }

  async objects(prefix: string): Promise<string[]> {
    const list = new ListObjectsV2Command({ Bucket: BUCKET, Prefix: prefix });
    return ((await this.client.send(list)).Contents ?? []).map(({ Key }) => Key!);
  }

  /** Keys of multipart uploads that were neither completed nor aborted. */
  async unfinishedUploads(): Promise<string[]> {
    const list = await this.client.send(new ListMultipartUploadsCommand({ Bucket: BUCKET }));
    return (list.Uploads ?? []).map(({ Key }) => Key!);
  }
}
