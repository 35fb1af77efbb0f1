import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it } from 'node:test';
import { ForeignStorage, StorageBinding } from '../../src/app/storage-binding.ts';
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
  const binding = (store: BlobStore, to = database()): StorageBinding => new StorageBinding(store, to);

  it('are bound when they first meet, by several processes at once, and stay bound', async () => {
    const store = await storeIn('storage');
    await Promise.all(Array.from({ length: 4 }, () => binding(store).ensureBound()));
    const id = await idOf(store);
    assert.match(id!, /^[0-9a-f]{32}$/);
    await binding(store).ensureBound();
    await binding(store).verify();
    assert.equal(await idOf(store), id);
  });

  it('are bound even if another process binds them during the check', async () => {
    const store = await storeIn('storage');
    const slow = {
      put: store.put.bind(store),
      list: store.list.bind(store),
      get: async (key: string) => {
        await binding(store).ensureBound();
        return store.get(key);
      },
    };
    await new StorageBinding(slow, database()).ensureBound();
    assert.match((await idOf(store))!, /^[0-9a-f]{32}$/);
  });

  it('are not used with others: one sentence names both ids, and nothing is written', async () => {
    const [own, other, bare] = [await storeIn('own'), await storeIn('other'), await storeIn('bare')];
    await binding(own).ensureBound();
    await withFolder(async (elsewhere) => {
      const second = await sqliteIn(elsewhere);
      await binding(other, second).ensureBound();
      await second.close();
    });
    const ids = [await idOf(own), await idOf(other)];
    for (const pass of ['verify', 'ensureBound'] as const) {
      await assert.rejects(binding(other)[pass](), (error) => {
        assert(error instanceof ForeignStorage);
        assert.match(
          error.message,
          new RegExp(
            `^The storage cannot be used: the database belongs to the storage with the id ${ids[0]}, .* has the id ${ids[1]};`,
          ),
        );
        assert.match(
          error.operatorMessage('/srv/x'),
          /^The storage \/srv\/x cannot be used: the database belongs/,
        );
        return true;
      });
      await assert.rejects(
        binding(bare)[pass](),
        /belongs to the storage with the id \w+, but this storage has no id/,
      );
    }
    assert.deepEqual([await idOf(other), await bare.list('')], [ids[1], []]);
  });

  it('are reported if only the storage knows of a bond', async () => {
    const store = await storeIn('storage');
    await store.put(STORAGE_ID_KEY, Buffer.from('0123'));
    const wrong = {
      name: 'ForeignStorage',
      message: /it belongs to another database \(the id of the storage is 0123\)/,
    };
    await assert.rejects(binding(store).ensureBound(), wrong);
    assert.equal(await idOf(store), '0123');
  });

  it('are refused if the storage has records from before databases existed, none of which is lost or removed', async () => {
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
      await assert.rejects(binding(store).ensureBound(), old, key);
      assert.deepEqual(await store.list(''), [key]);
    }
    // Files of others in a bucket do not concern the service.
    const shared = await storeIn('shared');
    await shared.put('photos/holiday.jpg', Buffer.from('…'));
    await binding(shared).ensureBound();
  });

  it('are bound in the end, even if binding was interrupted at any step', async () => {
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
    const first = new StorageBinding(stubborn, database());
    await assert.rejects(first.ensureBound(), /read-only/);
    // A storage that is not bound yet may be read, but may turn out to belong to another database.
    await first.verify();
    assert.equal(await idOf(store), undefined);
    isWritable = true;
    await first.ensureBound();
    const id = await idOf(store);
    // As if the process had ended before it updated the database.
    await database().write((writer) => writer.updateTable('storage').set({ tied_at: null }).execute());
    await binding(store).ensureBound();
    assert.equal(await idOf(store), id);
    await assert.rejects(binding(await storeIn('other')).ensureBound(), ForeignStorage);
  });

  it('are not bound if the id of another new database is written in between', async () => {
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
      const wrong = {
        name: 'ForeignStorage',
        message: /it belongs to another database \(the id of the storage is 0123\)/,
      };
      await assert.rejects(new StorageBinding(shared, database()).ensureBound(), wrong, moment);
      assert.equal(await idOf(store), '0123');
      await assert.rejects(binding(store).verify(), wrong, moment);
    }
  });
});
