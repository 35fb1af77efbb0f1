import assert from 'node:assert/strict';
import { it } from 'node:test';
import { DEFAULT_TENANT } from '../../../src/contract/tenant-id.ts';
import { AdapterService, type PreparedAdapter } from '../../../src/resources/adapters/service.ts';
import { contentKey } from '../../../src/resources/contents/content-files.ts';
import { Contents } from '../../../src/resources/contents/contents.ts';
import { SweepCounts } from '../../../src/resources/contents/sweep.ts';
import { sweepContents } from '../../../src/resources/contents/sweep-contents.ts';
import type { BlobStore } from '../../../src/storage/blob-store.ts';
import { onEachDialect } from '../../database/dialects.ts';
import { tinyAdapter } from '../../http/tiny-adapter.ts';
import { crashAfterWrites, SimulatedCrash } from '../crashing-stores.ts';
import {
  assertReadable,
  HOUR_MS,
  incoming,
  largeAdapter,
  MAX_WRITE_MS,
  type StorageBench,
  withBench,
} from '../sweeps/storage-bench.ts';

const GRACE_MS = HOUR_MS;
/** By then an abandoned write can no longer complete; longer than the grace period. */
const LATE_MS = 2 * HOUR_MS;

/** Sweeps as if this much time had passed. */
async function sweep(
  { database, store }: Pick<StorageBench, 'database' | 'store'>,
  laterMs = 0,
): Promise<SweepCounts> {
  const startMs = Date.now() + laterMs;
  const swept = new SweepCounts();
  await sweepContents(database, store, { startMs, cutoffMs: startMs - GRACE_MS, swept });
  return swept;
}

/** Writes the content of an adapter into the storage, without a record of the adapter. */
const prepared = (bench: StorageBench, seed: number) =>
  bench.arrived(largeAdapter(seed), (files) => bench.own.adapters.prepare(files));

/** The prepared content is not used. */
const abandon = ({ database, store }: StorageBench, { written }: PreparedAdapter) =>
  new Contents(database, store).abandon(written.writeId);

/** The storage, with failing removals. */
const unremoving = (store: BlobStore): BlobStore =>
  Object.assign(Object.create(store) as BlobStore, { remove: () => Promise.reject(new SimulatedCrash()) });

onEachDialect('content', (database, folder) => {
  const onBench = (work: (bench: StorageBench) => Promise<void>) => withBench(database(), folder(), work);

  it('is removed when no record has referred to it for the grace period, and not before', () =>
    onBench(async (bench) => {
      const made = [await bench.register(tinyAdapter()), await bench.register(largeAdapter())];
      for (const { id } of made) await bench.own.adapters.remove(id);
      const bytes = made.reduce((sum, record) => sum + record.bytes, 0);
      assert.deepEqual((await sweep(bench, GRACE_MS / 2)).all, []);
      assert.deepEqual([(await bench.contents()).length, (await bench.objects()).length], [4, 1]);
      const swept = await sweep(bench, 1.1 * GRACE_MS);
      assert.deepEqual(swept.all, [{ kind: 'blob', objects: 4, bytes }]);
      assert.deepEqual(await bench.contents(), []);
      await bench.assertTidy();
      assert.deepEqual((await sweep(bench, 2 * GRACE_MS)).all, []);
    }));

  it('is removed completely, however much there is', () =>
    onBench(async (bench) => {
      const kept = await bench.register(largeAdapter());
      const contents = Array.from({ length: 450 }, (_, i) => ({
        ...{ id: `old-${i}`, sha256: `digest-${i}`, bytes: 1, state: 'stored' as const },
        ...{ inline: new Uint8Array(1), released_at: Date.now() - 2 * GRACE_MS },
      }));
      await database().write((writer) => writer.insertInto('content').values(contents).execute());
      assert.equal((await sweep(bench)).of('blob').objects, 450);
      await bench.assertTidy();
      await assertReadable(bench.own, kept.id);
    }));

  it('is kept when another record refers to it, or a new one does after its release', () =>
    onBench(async (bench) => {
      const [first, other] = [await bench.register(largeAdapter()), await bench.register(largeAdapter())];
      const lone = await bench.register(largeAdapter(2));
      await bench.own.adapters.remove(first.id);
      await bench.own.adapters.remove(lone.id);
      const again = await bench.register(largeAdapter(2));
      assert.equal((await sweep(bench, 2 * GRACE_MS)).all.length, 0);
      for (const { id } of [other, again]) await assertReadable(bench.own, id);
      assert.ok((await bench.contents()).every(({ released_at }) => released_at === null));
      await bench.assertTidy();
      for (const { id } of [other, again]) await bench.own.adapters.remove(id);
      await sweep(bench, 2 * GRACE_MS);
      assert.deepEqual(await bench.contents(), []);
    }));

  it('is kept for the grace period after an upload found it, even if no record referred to it then', () =>
    onBench(async (bench) => {
      const { id } = await bench.register(largeAdapter());
      await bench.own.adapters.remove(id);
      await database().write((writer) =>
        writer
          .updateTable('content')
          .set({ released_at: Date.now() - 2 * GRACE_MS })
          .execute(),
      );
      const { written } = await prepared(bench, 1);
      assert.equal(written.writeId, null, 'the weights are there');
      await sweep(bench);
      const large = (await bench.contents()).filter(({ inline }) => inline === null);
      assert.deepEqual([large.length, (await bench.objects()).length], [1, 1]);
    }));

  it('is never used again once its removal began: another copy is created, and kept', () =>
    onBench(async (bench) => {
      const { store } = bench;
      /** What another sweep removes at the same time, so that this one checks the storage. */
      const removeAnother = async () => bench.own.adapters.remove((await bench.register(largeAdapter(9))).id);
      for (const adapter of [tinyAdapter(), largeAdapter()]) {
        const old = await bench.register(adapter);
        const statesOfIt = async () =>
          (await bench.contents())
            .filter(({ sha256 }) => sha256 === old.sha256)
            .map(({ state }) => state)
            .sort();
        await bench.own.adapters.remove(old.id);
        await removeAnother();
        let between: string | undefined;
        const slow = Object.assign(Object.create(store) as BlobStore, {
          remove: async (key: string) => {
            between ??= (await bench.register(adapter)).id;
            assert.deepEqual(await statesOfIt(), ['deleting', 'stored']);
            await store.remove(key);
            await assertReadable(bench.own, between);
          },
        });
        await sweep({ database: database(), store: slow }, 2 * GRACE_MS);
        assert.deepEqual(await statesOfIt(), ['stored']);
        await assertReadable(bench.own, between!);
        // The process dies before it has removed anything.
        await bench.own.adapters.remove(between!);
        await removeAnother();
        await assert.rejects(
          sweep({ database: database(), store: unremoving(store) }, 2 * GRACE_MS),
          SimulatedCrash,
        );
        assert.deepEqual(await statesOfIt(), ['deleting']);
        const later = await bench.register(adapter);
        assert.deepEqual(await statesOfIt(), ['deleting', 'stored']);
        await assertReadable(bench.own, later.id);
        await sweep(bench);
        assert.deepEqual(await statesOfIt(), ['stored']);
        await assertReadable(bench.own, later.id);
        await bench.own.adapters.remove(later.id);
        await sweep(bench, 2 * GRACE_MS);
        await bench.assertTidy();
      }
    }));

  it('that was written but never referred to is removed after some days', () =>
    onBench(async (bench) => {
      await prepared(bench, 1);
      assert.deepEqual((await sweep(bench, 0.9 * MAX_WRITE_MS)).all, []);
      assert.equal((await bench.objects()).length, 1);
      assert.equal((await sweep(bench, 1.1 * MAX_WRITE_MS)).of('stray').objects, 1);
      await bench.assertTidy();
    }));

  it('that was written in vain is removed soon, if this is known and the write can no longer complete', () =>
    onBench(async (bench) => {
      const kept = await prepared(bench, 2);
      await abandon(bench, await prepared(bench, 1));
      assert.equal((await sweep(bench)).of('stray').objects, 0);
      assert.equal((await sweep(bench, LATE_MS)).of('stray').objects, 1);
      assert.deepEqual(
        (await bench.writes()).map(({ id }) => id),
        [kept.written.writeId],
      );
      assert.equal((await bench.objects()).length, 1);
    }));

  it('of a write that fails is removed soon', () =>
    onBench(async (bench) => {
      const full = Object.assign(Object.create(bench.store) as BlobStore, {
        putFile: async (...[key, path]: Parameters<BlobStore['putFile']>) => {
          await bench.store.putFile(key, path);
          throw new SimulatedCrash();
        },
      });
      const adapters = new AdapterService(database(), full, DEFAULT_TENANT);
      const files = await incoming(await bench.store.makeScratch(), largeAdapter());
      await assert.rejects(adapters.register(files), SimulatedCrash);
      assert.equal((await bench.objects()).length, 1);
      await sweep(bench, LATE_MS);
      await bench.assertTidy();
    }));

  it('is left to the next sweep, wherever one dies', () =>
    onBench(async (bench) => {
      let [life, isDone] = [0, false];
      for (; !isDone; life++) {
        const kept = await bench.register(largeAdapter(1));
        for (const seed of [2, 3]) {
          const { id } = await bench.register(largeAdapter(seed));
          await bench.own.adapters.remove(id);
        }
        const dropped = await prepared(bench, 4);
        await abandon(bench, dropped);
        // As if its file arrived only now: there is none where the row says.
        const begun = { id: `${dropped.written.writeId!.slice(0, 12)}${'f'.repeat(20)}`, expires_at: 0 };
        await database().write((writer) => writer.insertInto('content_write').values(begun).execute());
        const dying = crashAfterWrites(bench, life);
        isDone = await sweep(dying, LATE_MS).then(
          () => true,
          (error: unknown) => {
            assert.ok(error instanceof SimulatedCrash, String(error));
            return false;
          },
        );
        if (isDone) await bench.assertTidy();
        await bench.assertWhole();
        await sweep(bench, LATE_MS);
        await bench.assertTidy();
        await assertReadable(bench.own, kept.id);
      }
      assert.ok(life > 6, `two writes, their file, what was released, two objects, rows: ${life} lives`);
    }));

  it('is either kept or removed, wherever an upload of it dies', () =>
    onBench(async (bench) => {
      let needed = 0;
      for (let life = 0; needed === 0; life++) {
        const dying = crashAfterWrites(bench, life);
        const adapters = new AdapterService(dying.database, dying.store, DEFAULT_TENANT);
        const files = await incoming(await bench.store.makeScratch(), largeAdapter());
        const record = await adapters.register(files).catch((error: unknown) => {
          assert.ok(error instanceof SimulatedCrash, String(error));
          return undefined;
        });
        if (record) needed = dying.writes();
        await sweep(bench, 1.1 * MAX_WRITE_MS);
        await bench.assertTidy();
        assert.equal((await bench.objects()).length, record ? 1 : 0);
        await bench.assertWhole();
      }
      assert.equal(needed, 3, 'the write, its file, the adapter');
    }));

  it('may be swept by several processes at once', () =>
    onBench(async (bench) => {
      for (let round = 0; round < 5; round++) {
        const kept = await bench.register(largeAdapter(1));
        for (const seed of [2, 3, 4]) {
          const { id } = await bench.register(largeAdapter(seed));
          await bench.own.adapters.remove(id);
        }
        await abandon(bench, await prepared(bench, 5));
        await Promise.all([1, 2, 3].map(() => sweep(bench, LATE_MS)));
        await bench.assertTidy();
        await assertReadable(bench.own, kept.id);
      }
    }));

  it('is in the storage under its id', () =>
    onBench(async (bench) => {
      await bench.register(largeAdapter());
      const large = (await bench.contents()).filter(({ inline }) => inline === null);
      assert.deepEqual(
        await bench.objects(),
        large.map(({ id }) => contentKey(id)),
      );
    }));
});
