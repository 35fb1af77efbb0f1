import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { BlobStore } from '../../src/storage/blob-store.ts';
import { DiskStore } from '../../src/storage/disk-store.ts';
import { guardedStore } from '../../src/storage/guarded-store.ts';
import { blobStoreConformance } from '../conformance/blob-store.ts';

const KEY = 'some/key';
const READS: readonly ((store: BlobStore) => Promise<unknown>)[] = [
  (store) => store.get(KEY),
  (store) => store.stat(KEY),
  (store) => store.read(KEY),
  (store) => store.localFile(KEY, 4),
  (store) => store.list('some/'),
  (store) => store.checkReads(),
];
const WRITES: readonly ((store: BlobStore) => Promise<unknown>)[] = [
  (store) => store.put(KEY, Buffer.from('other')),
  (store) => store.putFile(KEY, '/no/such/file'),
  (store) => store.remove(KEY),
  (store) => store.makeScratch(),
  (store) => store.check(),
];

const yes = async (): Promise<void> => {};
const no = (): Promise<void> => Promise.reject(new Error('not now'));

async function openDisk(): Promise<{ disk: DiskStore; dispose: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'guarded-'));
  const disk = await DiskStore.open(folder);
  const dispose = async (): Promise<void> => {
    await disk.close();
    await rm(folder, { recursive: true });
  };
  return { disk, dispose };
}

blobStoreConformance('a guarded store', async () => {
  const { disk, dispose } = await openDisk();
  return { store: guardedStore(disk, { mayRead: yes, mayWrite: yes }), dispose };
});

describe('guardedStore', () => {
  it('permits only what its guard allows', async () => {
    const { disk: store, dispose } = await openDisk();
    await store.put(KEY, Buffer.from('kept'));
    const shut = guardedStore(store, { mayRead: no, mayWrite: no });
    for (const use of [...READS, ...WRITES]) await assert.rejects(use(shut), /not now/, String(use));
    const readable = guardedStore(store, { mayRead: yes, mayWrite: no });
    for (const use of WRITES) await assert.rejects(use(readable), /not now/, String(use));
    assert.equal(Buffer.from((await readable.get(KEY))!).toString(), 'kept');
    assert.deepEqual(await store.list(''), [KEY]);
    await dispose();
  });
});
