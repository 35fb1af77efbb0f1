import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BlobStore } from '../../src/storage/blob-store.ts';
import { blobStoreConformance } from '../conformance/blob-store.ts';
import { openS3, Witness } from './s3-bench.ts';
import { type S3Server, startS3rver } from './s3-servers.ts';

/** s3rver acknowledges a write before its file has all bytes. Here a write ends when they can be read. */
function settled(store: BlobStore): BlobStore {
  const hasContent = async (key: string, bytes: Uint8Array): Promise<void> => {
    while (!Buffer.from((await store.get(key)) ?? '').equals(bytes)) await sleep(5);
  };
  return Object.assign(Object.create(store) as BlobStore, {
    async put(key: string, bytes: Uint8Array) {
      await store.put(key, bytes);
      await hasContent(key, bytes);
    },
    async putFile(key: string, path: string) {
      const bytes = await readFile(path).catch(() => Buffer.of());
      await store.putFile(key, path);
      await hasContent(key, bytes);
    },
  });
}

describe('on s3rver', () => {
  let server: S3Server;
  before(async () => {
    server = await startS3rver();
  });
  after(() => server.stop());

  const open = async () => {
    const s3 = await openS3(server.env);
    return { store: settled(s3.store), dispose: s3.dispose };
  };
  blobStoreConformance('S3Store', open, {
    cannotCreate: 's3rver ignores If-None-Match, and the store says so: see below',
    cannotReplace: 's3rver writes into the file that others read',
    cannotList: 's3rver lists folder by folder, and the store says so: see below',
  });

  describe('S3Store', () => {
    it('finds out that conditional writes are ignored, is not ready and creates nothing', async () => {
      const s3 = await openS3(server.env);
      const witness = new Witness(server);
      const said = { code: 'STORAGE_FAILED', message: /bucket test-bucket ignores "If-None-Match: \*"/ };
      await assert.rejects(s3.store.check(), said);
      await assert.rejects(s3.store.create('once/a', Buffer.from('x')), said);
      await assert.rejects(s3.store.check(), said, 'and stays so');
      assert.deepEqual(await witness.objects(`${s3.prefix}/`), []);
      witness.client.destroy();
      await s3.dispose();
    });

    it('finds out that keys come in another order', async () => {
      const s3 = await openS3(server.env);
      for (const key of ['l/a/x', 'l/a-b']) await s3.store.put(key, Buffer.from('x'));
      await assert.rejects(s3.store.list('l/'), {
        code: 'STORAGE_FAILED',
        message: /does not list keys in order \("prefix.*l\/a\/x" before "prefix.*l\/a-b"\)/,
      });
      assert.deepEqual(await s3.store.list('l/a-'), ['l/a-b']);
      await s3.dispose();
    });
  });
});
