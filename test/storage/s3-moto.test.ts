import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { blobStoreConformance, contentOf } from '../conformance/blob-store.ts';
import { openS3, type S3UnderTest, Witness } from './s3-bench.ts';
import { BUCKET, motoIsMissing, type S3Server, startMoto } from './s3-servers.ts';

const MB = 1_000_000;

describe('on moto', { skip: motoIsMissing() ?? false }, () => {
  let server: S3Server;
  before(async () => {
    server = await startMoto();
  });
  after(() => server.stop());

  blobStoreConformance('S3Store', () => openS3(server.env));

  describe('S3Store', () => {
    let s3: S3UnderTest;
    let witness: Witness;
    before(async () => {
      s3 = await openS3(server.env);
      witness = new Witness(server);
    });
    after(async () => {
      witness.client.destroy();
      await s3.dispose();
    });
    const head = (key: string) =>
      witness.client.send(new HeadObjectCommand({ Bucket: BUCKET, Key: `${s3.prefix}/${key}` }));
    const scratchFile = async (bytes: Uint8Array): Promise<string> => {
      const path = join(await s3.store.makeScratch(), 'file');
      await writeFile(path, bytes);
      return path;
    };

    it('uploads a large file in parts and a small one at once', async () => {
      const bytes = randomBytes(30 * MB);
      await s3.store.putFile('big', await scratchFile(bytes));
      await s3.store.putFile('small', await scratchFile(bytes.subarray(0, 8 * MB)));
      assert.match((await head('big')).ETag!, /-4"$/, 'four parts of 8 MiB');
      assert.doesNotMatch((await head('small')).ETag!, /-/);
      assert.deepEqual(await s3.store.stat('big'), { bytes: 30 * MB });
      assert.ok((await contentOf(await s3.store.read('big'))).equals(bytes));
      const range = { start: 8 * MB - 5, end: 17 * MB };
      assert.ok(
        (await contentOf(await s3.store.read('big', range))).equals(
          bytes.subarray(range.start, range.end + 1),
        ),
      );
      assert.deepEqual(await witness.unfinishedUploads(), []);
    });

    it('lists more keys than one page holds, in order', async () => {
      const keys = Array.from({ length: 1_050 }, (_, index) => `many/${(index * 7919) % 10_007}`);
      for (let i = 0; i < keys.length; i += 30) {
        await Promise.all(keys.slice(i, i + 30).map((key) => s3.store.put(key, Buffer.from('x'))));
      }
      keys.sort();
      assert.deepEqual(await s3.store.list('many/'), keys);
      assert.deepEqual(await s3.store.list('many/', { limit: 1_020 }), keys.slice(0, 1_020));
      assert.deepEqual(await s3.store.list('many/', { after: keys[30]! }), keys.slice(31));
    });

    it('stays within its prefix, and ignores what is not a blob', async () => {
      const put = (Key: string) =>
        witness.client.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: 'x' }));
      await put(`${s3.prefix}/strange/With Capitals`);
      await put(`${s3.prefix}-neighbour/strange/x`);
      await s3.store.put('strange/own', Buffer.from('x'));
      await s3.store.check();
      assert.deepEqual(await s3.store.list('strange/'), ['strange/own']);
      const all = await s3.store.list('');
      assert.ok(!all.some((key) => key.startsWith('tmp/') || /[A-Z]/.test(key)));
      assert.deepEqual(await witness.objects(`${s3.prefix}/tmp/`), [`${s3.prefix}/tmp/check`]);
    });

    it('has a local copy of what it just stored', async () => {
      const path = await scratchFile(Buffer.from('first'));
      await s3.store.putFile('copy/a', path);
      assert.ok(!existsSync(path));
      await s3.store.remove('copy/a');
      assert.equal(readFileSync(await s3.store.localFile('copy/a', 5), 'utf8'), 'first');
    });

    it('gives many simultaneous callers the same copy', async () => {
      const bytes = randomBytes(3 * MB);
      await s3.store.put('copy/asked', bytes);
      const paths = await Promise.all(
        Array.from({ length: 10 }, () => s3.store.localFile('copy/asked', bytes.length)),
      );
      assert.equal(new Set(paths).size, 1);
      assert.ok(readFileSync(paths[0]!).equals(bytes));
    });

    it('opens with an empty prefix', async () => {
      const root = await openS3(server.env, { prefix: '' });
      try {
        await root.store.put('at/the/root', Buffer.from('x'));
        assert.deepEqual(await root.store.list('at/'), ['at/the/root']);
        assert.deepEqual(await witness.objects('at/'), ['at/the/root']);
      } finally {
        await root.dispose();
      }
    });
  });
});
