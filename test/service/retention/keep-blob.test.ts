import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { blobKey, blobRemovalKey } from '../../../src/service/layout.ts';
import { keepBlob, keepFile } from '../../../src/service/retention/keep-blob.ts';
import { RemovalMark } from '../../../src/service/retention/removal-mark.ts';
import type { BlobStore } from '../../../src/storage/blob-store.ts';
import { until } from '../../queue/harness.ts';
import { age, digestOf, HOUR_MS, onDisk } from './storage-bench.ts';

const CONTENT = { sha256: digestOf('content'), bytes: 7 };
const KEY = blobKey(CONTENT.sha256);
const MARK = blobRemovalKey(CONTENT.sha256);
const write = (store: BlobStore) => (key: string) => store.put(key, Buffer.from('content'));
const hourAgo = () => Date.now() - HOUR_MS;

/** A promise, and who opens it. */
function gate(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((open) => {
    resolve = open;
  });
  return { promise, resolve };
}

describe('keepBlob', () => {
  it('writes what is missing or damaged, and touches what is there', async () => {
    await onDisk(async ({ store }, root) => {
      await keepBlob(store, CONTENT, write(store));
      assert.ok(await store.stat(KEY));
      await age(root);
      await keepBlob(store, CONTENT, () => assert.fail('it is there'));
      assert.equal(await store.removeUnmodified(KEY, hourAgo()), undefined, 'it was touched');
      await store.put(KEY, Buffer.from('cut'));
      await keepBlob(store, CONTENT, write(store));
      assert.deepEqual(await store.stat(KEY), { bytes: 7 });
    });
  });

  it('takes a file in, or leaves it where the content is there', async () => {
    await onDisk(async ({ store }) => {
      const path = join(await store.makeScratch(), 'file');
      await writeFile(path, 'content');
      await utimes(path, new Date(0), new Date(0));
      await keepFile(store, { ...CONTENT, path });
      assert.equal(existsSync(path), false);
      assert.equal(await store.removeUnmodified(KEY, hourAgo()), undefined);
      await writeFile(path, 'content');
      await keepFile(store, { ...CONTENT, path });
      assert.equal(existsSync(path), true);
    });
  });

  it('waits for a removal that has looked already, and writes anew what it removed', async () => {
    await onDisk(async ({ store }, root) => {
      await write(store)(KEY);
      await age(root);
      const looked = gate();
      const goOn = gate();
      // As in S3: between the look and the removal anything may happen.
      const removing = new RemovalMark(store, MARK).hold(async () => {
        looked.resolve();
        await goOn.promise;
        await store.remove(KEY);
      });
      await looked.promise;
      let [isKept, looks] = [false, 0];
      const watched = new Proxy(store, {
        get(target, name: keyof BlobStore) {
          if (name === 'get')
            return (key: string) => {
              if (key === MARK) looks++;
              return target.get(key);
            };
          return (target[name] as (...args: unknown[]) => unknown).bind(target);
        },
      });
      const keeping = keepBlob(watched, CONTENT, write(store)).then(() => {
        isKept = true;
      });
      await until('looks at what was announced', () => looks > 3);
      assert.equal(isKept, false);
      goOn.resolve();
      await Promise.all([removing, keeping]);
      assert.deepEqual(await store.stat(KEY), { bytes: 7 });
    });
  });

  it('looks again when a removal began right before its touch', async () => {
    await onDisk(async ({ store }, root) => {
      await write(store)(KEY);
      await age(root);
      let touches = 0;
      const goOn = gate();
      const unlucky = new Proxy(store, {
        get(target, name: keyof BlobStore) {
          const method = (target[name] as (...args: unknown[]) => unknown).bind(target);
          if (name !== 'touch') return method;
          return async (key: string) => {
            if (touches++ > 0) return target.touch(key);
            // It was announced and looked at in the moment before, and is removed in the moment after.
            await target.put(MARK, Buffer.from('somebody'));
            const touched = await target.touch(key);
            setTimeout(async () => {
              await target.remove(KEY);
              await target.remove(MARK);
              goOn.resolve();
            }, 100);
            return touched;
          };
        },
      });
      await keepBlob(unlucky, CONTENT, write(store));
      await goOn.promise;
      assert.equal(touches, 2);
      assert.deepEqual(await store.stat(KEY), { bytes: 7 });
    });
  });
});

describe('RemovalMark', () => {
  it('is held by one at a time, and gone afterwards, also when the removal fails', async () => {
    await onDisk(async ({ store }) => {
      let holding = 0;
      const hold = () =>
        new RemovalMark(store, 'marks/x').hold(async () => {
          assert.equal(++holding, 1);
          await sleep(5);
          holding--;
        });
      await Promise.all(Array.from({ length: 8 }, hold));
      const mark = new RemovalMark(store, 'marks/x');
      await assert.rejects(
        mark.hold(async () => {
          assert.equal(await mark.isFree(), false);
          throw new Error('no');
        }),
        /no/,
      );
      assert.equal(await mark.isFree(), true);
    });
  });

  it('does not wait for ever for one who died, and takes his place', async () => {
    await onDisk(async ({ store }) => {
      await store.put('marks/x', Buffer.from('dead'));
      await new RemovalMark(store, 'marks/x', 100).waitUntilFree();
      assert.ok(await store.get('marks/x'), 'who only waits removes nothing');
      assert.equal(await new RemovalMark(store, 'marks/x', 100).hold(async () => 'done'), 'done');
      assert.equal(await store.get('marks/x'), undefined);
    });
  });

  it('tells a removal that takes too long to stop', async () => {
    await onDisk(async ({ store }) => {
      await new RemovalMark(store, 'marks/x', 60).hold(async (mayGoOn) => {
        assert.equal(mayGoOn(), true);
        while (mayGoOn()) await sleep(5);
      });
    });
  });
});
