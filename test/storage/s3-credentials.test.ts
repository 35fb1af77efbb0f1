import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startFaultProxy } from './fault-proxy.ts';
import { startMotoWithPolicy } from './moto-iam.ts';
import { openS3, type S3UnderTest } from './s3-bench.ts';
import { isStorageFailure } from './s3-errors.ts';
import { BUCKET, motoIsMissing, type S3Server } from './s3-servers.ts';

const MB = 1_000_000;
const PREFIX = 'lora';
const PAGE = readFileSync(join(import.meta.dirname, '../../docs/storage.md'), 'utf8');
const POLICY = /```json\n(.+?)```/s.exec(PAGE)![1]!.replaceAll('my-bucket', BUCKET);

describe('S3Store with a server that checks credentials', { skip: motoIsMissing() ?? false }, () => {
  let server: S3Server;
  before(async () => {
    server = await startMotoWithPolicy(POLICY);
  });
  after(() => server?.stop());

  async function using(
    env: Record<string, string>,
    prefix: string,
    use: (s3: S3UnderTest) => Promise<void>,
  ): Promise<void> {
    const s3 = await openS3({ ...server.env, ...env }, { prefix });
    await use(s3).finally(() => s3.dispose());
  }

  it('needs no more than the documented policy allows', async () => {
    await using({}, PREFIX, async ({ store }) => {
      await store.check();
      await store.put('a/small', Buffer.from('x'));
      const path = join(await store.makeScratch(), 'file');
      await writeFile(path, randomBytes(10 * MB));
      await store.putFile('a/big', path);
      assert.equal(readFileSync(await store.localFile('a/big', 10 * MB)).byteLength, 10 * MB);
      await store.remove('a/big');
      assert.equal(await store.stat('a/big'), undefined);
      assert.equal(await store.get('a/big'), undefined);
    });
    // Without a slash in the query, for which moto computes a different signature from all others.
    await using({}, '', async ({ store }) => assert.ok((await store.list('lora')).includes('lora/a/small')));
  });

  it('may abort an upload under that policy', async (t) => {
    const proxy = await startFaultProxy(server.url);
    t.after(() => proxy.close());
    const aborted: (string | undefined)[] = [];
    proxy.fault = ({ method, url }) => {
      if (method === 'DELETE' && url!.includes('uploadId=')) aborted.push(url);
      return url!.includes('partNumber=2') ? 'refuse' : undefined;
    };
    await using({ AWS_ENDPOINT_URL_S3: proxy.url }, PREFIX, async ({ store }) => {
      const path = join(await store.makeScratch(), 'file');
      await writeFile(path, randomBytes(20 * MB));
      await assert.rejects(store.putFile('a/broken', path), isStorageFailure(/ECONNRESET|EPIPE/));
      assert.equal(aborted.length, 1);
    });
  });

  it('reports that it lacks a permission elsewhere in the bucket', () =>
    using({}, 'elsewhere', async ({ store }) => {
      const secrets = [server.env.AWS_SECRET_ACCESS_KEY!, server.env.AWS_ACCESS_KEY_ID!];
      const failure = isStorageFailure(
        /s3:\/\/test-bucket\/elsewhere\/.* \(AccessDenied, HTTP 403\)\. Check the cred/,
        secrets,
      );
      await assert.rejects(store.check(), failure);
      await assert.rejects(store.put('a/b', Buffer.from('x')), failure);
    }));

  it('reports wrong credentials without showing them', async () => {
    const secret = 'wrong-secret-hunter2';
    await using({ AWS_SECRET_ACCESS_KEY: secret }, PREFIX, async ({ store }) => {
      const failure = isStorageFailure(/SignatureDoesNotMatch, HTTP 403\)\. Check the credentials/, [
        secret,
        server.env.AWS_ACCESS_KEY_ID!,
      ]);
      await assert.rejects(store.check(), failure);
      await assert.rejects(store.put('a/b', Buffer.from('x')), failure);
      await assert.rejects(store.get('a/b'), failure);
      // A response to HEAD has no body with the reason.
      await assert.rejects(store.stat('a/b'), isStorageFailure(/HTTP 403\)\. Check the credentials/));
    });
    await using({ AWS_ACCESS_KEY_ID: 'NOBODYKNOWSME' }, PREFIX, async ({ store }) => {
      await assert.rejects(
        store.check(),
        isStorageFailure(/InvalidAccessKeyId, HTTP 403/, ['NOBODYKNOWSME']),
      );
    });
  });
});
