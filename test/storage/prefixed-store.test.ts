import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { DiskStore } from '../../src/storage/disk-store.ts';
import { PrefixedStore } from '../../src/storage/prefixed-store.ts';
import { blobStoreConformance, contentOf } from '../conformance/blob-store.ts';
import { withFolder } from '../queue/harness.ts';

blobStoreConformance('a part of a store', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'prefixed-'));
  const disk = await DiskStore.open(folder);
  // Others have things too, and things of the same names.
  await disk.put('tenants/other/small/one.json', Buffer.from('of another'));
  await disk.put('small/one.json', Buffer.from('of nobody'));
  const store = new PrefixedStore(disk, 'tenants/mine/');
  return {
    store,
    dispose: async () => {
      await disk.close();
      await rm(folder, { recursive: true });
    },
  };
});

describe('two parts of a store', () => {
  const withParts = (
    use: (parts: { one: PrefixedStore; two: PrefixedStore; whole: DiskStore }) => Promise<void>,
  ): Promise<void> =>
    withFolder(async (folder) => {
      const whole = await DiskStore.open(folder);
      const part = (name: string) => new PrefixedStore(whole, `tenants/${name}/`, ['blobs/']);
      try {
        await use({ one: part('one'), two: part('two'), whole });
      } finally {
        await whole.close();
      }
    });

  it('do not see each other', () =>
    withParts(async ({ one, two, whole }) => {
      await one.put('jobs/a', Buffer.from('1'));
      assert.equal(await two.get('jobs/a'), undefined);
      assert.equal(await two.stat('jobs/a'), undefined);
      assert.deepEqual(await two.list(''), []);
      assert.deepEqual(await two.list('jobs/'), []);
      await assert.rejects(two.read('jobs/a'), { code: 'STORAGE_FAILED' });
      await two.remove('jobs/a');
      assert.equal(await two.create('jobs/a', Buffer.from('2')), true);
      assert.equal(Buffer.from((await one.get('jobs/a'))!).toString(), '1');
      assert.deepEqual(await whole.list('tenants/'), ['tenants/one/jobs/a', 'tenants/two/jobs/a']);
    }));

  it('lead nowhere else by any key', () =>
    withParts(async ({ one, two }) => {
      await two.put('jobs/a', Buffer.from('secret'));
      for (const key of ['../two/jobs/a', '/tenants/two/jobs/a', 'x/../../two/jobs/a', './jobs/a']) {
        await assert.rejects(one.get(key), TypeError, key);
        await assert.rejects(one.remove(key), TypeError, key);
      }
      // Well-formed, but the name of something inside the part.
      assert.equal(await one.get('tenants/two/jobs/a'), undefined);
      for (const prefix of ['../two/', 'x/../../two/', '/tenants/two/', '..'])
        await assert.rejects(one.list(prefix), TypeError, prefix);
    }));

  it('share content under its digest, and only that', () =>
    withParts(async ({ one, two, whole }) => {
      await one.put('blobs/ab/abc', Buffer.from('content'));
      assert.equal((await contentOf(await two.read('blobs/ab/abc'))).toString(), 'content');
      assert.deepEqual(await two.list('blobs/'), ['blobs/ab/abc']);
      assert.deepEqual(await whole.list(''), ['blobs/ab/abc']);
      await one.put('blobs-of-mine/x', Buffer.from('x'));
      assert.equal(await two.get('blobs-of-mine/x'), undefined);
    }));

  it('page through their own keys', () =>
    withParts(async ({ one, two }) => {
      for (const key of ['l/a', 'l/b', 'l/c']) {
        await one.put(key, Buffer.from('1'));
        await two.put(`${key}x`, Buffer.from('2'));
      }
      assert.deepEqual(await one.list('l/', { limit: 2 }), ['l/a', 'l/b']);
      assert.deepEqual(await one.list('l/', { after: 'l/a' }), ['l/b', 'l/c']);
      assert.deepEqual(await two.list('l/', { after: 'l/a', limit: 1 }), ['l/ax']);
    }));
});
