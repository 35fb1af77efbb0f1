import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it } from 'node:test';
import { ForeignStorage, StorageBond } from '../../src/app/storage-bond.ts';
import { STORAGE_ID_KEY } from '../../src/resources/contents/content-files.ts';
import type { BlobStore } from '../../src/storage/blob-store.ts';
import { DiskStore } from '../../src/storage/disk-store.ts';
import { onEachDialect, sqliteIn } from '../database/dialects.ts';
import { withFolder } from '../queue/harness.ts';

const idOf = async (store: BlobStore): Promise<string | undefined> => {
  const bytes = await store.get(STORAGE_ID_KEY);
  return bytes && Buffer.from(bytes).toString('utf8');
};

onEachDialect('a storage and its database', (database, folder) => {
  const storeIn = (name: string): Promise<DiskStore> => DiskStore.open(join(folder(), name));
  const bond = (store: BlobStore, to = database()): StorageBond => new StorageBond(store, to);

  it('are tied when they first meet, by several processes at once, and stay so', async () => {
    const store = await storeIn('storage');
    await Promise.all(Array.from({ length: 4 }, () => bond(store).settle()));
    const id = await idOf(store);
    assert.match(id!, /^[0-9a-f]{32}$/);
    await bond(store).settle();
    await bond(store).compare();
    assert.equal(await idOf(store), id);
  });

  it('are tied though another process ties them while this one looks', async () => {
    const store = await storeIn('storage');
    const slow = {
      put: store.put.bind(store),
      list: store.list.bind(store),
      get: async (key: string) => {
        await bond(store).settle();
        return store.get(key);
      },
    };
    await new StorageBond(slow, database()).settle();
    assert.match((await idOf(store))!, /^[0-9a-f]{32}$/);
  });

  it('are not used with others: a sentence with both ids, and nothing is written', async () => {
    const [own, other, bare] = [await storeIn('own'), await storeIn('other'), await storeIn('bare')];
    await bond(own).settle();
    await withFolder(async (elsewhere) => {
      const second = await sqliteIn(elsewhere);
      await bond(other, second).settle();
      await second.close();
    });
    const ids = [await idOf(own), await idOf(other)];
    for (const pass of ['compare', 'settle'] as const) {
      await assert.rejects(bond(other)[pass](), (error) => {
        assert(error instanceof ForeignStorage);
        assert.match(
          error.message,
          new RegExp(
            `^The storage cannot be used: the database belongs to the storage ${ids[0]}, .* is ${ids[1]};`,
          ),
        );
        assert.match(error.told('/srv/x'), /^The storage \/srv\/x cannot be used: the database belongs/);
        return true;
      });
      await assert.rejects(bond(bare)[pass](), /belongs to the storage \w+, but this one has no id/);
    }
    assert.deepEqual([await idOf(other), await bare.list('')], [ids[1], []]);
  });

  it('are told of when only the storage knows of the other', async () => {
    const store = await storeIn('storage');
    await store.put(STORAGE_ID_KEY, Buffer.from('0123'));
    const wrong = { name: 'ForeignStorage', message: /it is 0123 and belongs to another database/ };
    await assert.rejects(bond(store).settle(), wrong);
    assert.equal(await idOf(store), '0123');
  });

  it('are refused where records of the time before databases are: none of them is lost or taken for garbage', async () => {
    for (const key of [
      'tenants/default/jobs/ffff/ffff0000.json',
      'tenants/default/adapters/00/ad_00.json',
      'tenant-records/acme.json',
      'keys/key_01.json',
      `blobs/ab/${'ab'.repeat(32)}`,
    ]) {
      const store = await storeIn(key.replaceAll('/', '-'));
      await store.put(key, Buffer.from('{}'));
      const old = {
        name: 'ForeignStorage',
        message: /an early version, which had no database.*DATA_DIR or STORAGE_URL/,
      };
      await assert.rejects(bond(store).settle(), old, key);
      assert.deepEqual(await store.list(''), [key]);
    }
    // Others' files in a bucket are no business of ours.
    const shared = await storeIn('shared');
    await shared.put('photos/holiday.jpg', Buffer.from('…'));
    await bond(shared).settle();
  });

  it('are tied in the end when that broke off anywhere', async () => {
    const store = await storeIn('storage');
    let isWritable = false;
    const stubborn = {
      get: (key: string) => store.get(key),
      list: (prefix: string) => store.list(prefix),
      put: async (key: string, bytes: Uint8Array) => {
        if (!isWritable) throw new Error('read-only');
        await store.put(key, bytes);
      },
    };
    const first = new StorageBond(stubborn, database());
    await assert.rejects(first.settle(), /read-only/);
    // What is not tied yet may be read, and may still be another one.
    await first.compare();
    assert.equal(await idOf(store), undefined);
    isWritable = true;
    await first.settle();
    const id = await idOf(store);
    // As though it had ended before the database knew.
    await database().write((writer) => writer.updateTable('storage').set({ tied_at: null }).execute());
    await bond(store).settle();
    assert.equal(await idOf(store), id);
    await assert.rejects(bond(await storeIn('other')).settle(), ForeignStorage);
  });

  it('are not tied where the id of another new database comes in between', async () => {
    for (const moment of ['before the put', 'behind the put']) {
      const store = await storeIn(moment);
      const comes = async (at: string): Promise<void> => {
        if (at === moment) await store.put(STORAGE_ID_KEY, Buffer.from('0123'));
      };
      const shared = {
        get: (key: string) => store.get(key),
        list: async (prefix: string) => {
          await comes('before the put');
          return store.list(prefix);
        },
        put: async (key: string, bytes: Uint8Array) => {
          assert.equal(moment, 'behind the put', 'an id that is there is not replaced');
          await store.put(key, bytes);
          await comes('behind the put');
        },
      };
      const wrong = { name: 'ForeignStorage', message: /it is 0123 and belongs to another database/ };
      await assert.rejects(new StorageBond(shared, database()).settle(), wrong, moment);
      assert.equal(await idOf(store), '0123');
      await assert.rejects(bond(store).compare(), wrong, moment);
    }
  });
});
