import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { it } from 'node:test';
import { DEFAULT_TENANT } from '../../../src/contract/tenant-id.ts';
import { localFiles } from '../../../src/resources/adapters/files.ts';
import { AdapterStore } from '../../../src/resources/adapters/store.ts';
import { Contents } from '../../../src/resources/contents/contents.ts';
import { contentOf } from '../../conformance/blob-store.ts';
import { onEachDialect } from '../../database/dialects.ts';
import { CONFIG, tinyAdapter, WEIGHTS } from '../../http/tiny-adapter.ts';
import {
  assertReadable,
  incoming,
  largeAdapter,
  type StorageBench,
  withBench,
} from '../sweeps/storage-bench.ts';
import { storedBytesOf } from '../tenants/stored-by.ts';

const CARD = 'README.md';

onEachDialect('the files of adapters', (database, folder) => {
  const onBench = (work: (bench: StorageBench) => Promise<void>) => withBench(database(), folder(), work);

  it('are in the database if they are small, otherwise in the storage, once', () =>
    onBench(async (bench) => {
      const small = await bench.register(tinyAdapter());
      assert.deepEqual(await bench.objects(), []);
      assert.ok((await bench.contents()).every(({ inline }) => inline !== null));
      await assertReadable(bench.own, small.id);
      const scratch = await bench.store.makeScratch();
      const files = await incoming(scratch, largeAdapter());
      await bench.own.adapters.register(files);
      const [weights, config] = files.map(({ path }) => existsSync(path));
      assert.deepEqual([weights, config], [false, true], 'what went into the storage was moved');
      const { weights: same, config: own } = largeAdapter();
      await bench.register(largeAdapter());
      await bench.register({ weights: same, config: Buffer.from(`${own.toString()} `) });
      await bench.register({ weights: same, config: own }, { space: await bench.other() });
      assert.equal((await bench.objects()).length, 1);
      await bench.register(largeAdapter(2));
      assert.equal((await bench.objects()).length, 2);
      await bench.assertTidy();
    }));

  it('have one content for equal bytes, even if many uploads bring them at once', () =>
    onBench(async (bench) => {
      const spaces = [bench.own, await bench.other(), bench.workspaces.of(DEFAULT_TENANT)];
      const made = await Promise.all(
        Array.from({ length: 9 }, (_, i) => bench.register(largeAdapter(), { space: spaces[i % 3]! })),
      );
      assert.equal(new Set(made.map(({ id }) => id)).size, 9);
      await bench.assertWhole();
      const stored = (await bench.contents()).filter(({ state }) => state === 'stored');
      assert.equal(stored.length, 2, 'weights and configuration');
      await bench.sweeper().sweep();
      await bench.assertTidy();
      await bench.assertWhole();
    }));

  it('may have the same bytes under several names', () =>
    onBench(async (bench) => {
      const { weights, config } = tinyAdapter();
      const long = Buffer.from(config.toString().padEnd(20_000));
      const { id } = await bench.arrived(
        { weights, config: long },
        (files) => bench.own.adapters.register(files),
        { [CARD]: long },
      );
      await assertReadable(bench.own, id);
    }));

  it('give a job what it needs', () =>
    onBench(async (bench) => {
      for (const adapter of [tinyAdapter(), largeAdapter()]) {
        const { id } = await bench.register(adapter);
        const { record, files } = await bench.own.adapters.stored(id);
        assert.deepEqual(
          files.map(({ name, sha256, bytes }) => ({ name, sha256, bytes })),
          record.files,
        );
        const scratch = await bench.store.makeScratch();
        const source = await localFiles(bench.store, files, scratch);
        assert.ok(Buffer.from(source.configBytes!).equals(adapter.config));
        assert.ok(existsSync(source.weightsPath));
        await rm(scratch, { recursive: true });
        assert.deepEqual(
          (await bench.own.adapters.modules(id)).map(({ kind, rank }) => [kind, rank]),
          Array.from({ length: 2 }, () => ['linear', record.ranks.max]),
        );
      }
    }));

  it('can be read whole and in ranges, small and large', () =>
    onBench(async (bench) => {
      const { adapters } = bench.own;
      for (const adapter of [tinyAdapter(), largeAdapter()]) {
        const { id, sha256 } = await bench.register(adapter);
        const whole = await adapters.readFile(id, WEIGHTS);
        assert.deepEqual([whole.bytes, whole.sha256], [adapter.weights.length, sha256]);
        assert.ok((await contentOf(whole.stream)).equals(adapter.weights));
        const end = adapter.weights.length - 1;
        for (const [from, to] of [
          [0, 0],
          [2, 9],
          [100, end],
          [end, end],
        ] as const) {
          const part = await adapters.readFile(id, WEIGHTS, { start: from, end: to });
          assert.deepEqual([part.bytes, part.sha256], [adapter.weights.length, sha256]);
          assert.ok((await contentOf(part.stream)).equals(adapter.weights.subarray(from, to + 1)));
        }
        const part = await adapters.readFile(id, CONFIG, { start: 2, end: 9 });
        assert.equal((await contentOf(part.stream)).toString(), adapter.config.toString().slice(2, 10));
      }
      const empty = { [CARD]: new Uint8Array() };
      const { id } = await bench.arrived(tinyAdapter(), (files) => adapters.register(files), empty);
      assert.equal((await contentOf((await adapters.readFile(id, CARD)).stream)).length, 0);
    }));

  it('report that the storage lost a file, or that the adapter was removed before reading', () =>
    onBench(async (bench) => {
      const { adapters } = bench.own;
      const { id } = await bench.register(largeAdapter());
      const { files } = await adapters.stored(id);
      for (const key of await bench.objects()) await bench.store.remove(key);
      await assert.rejects(localFiles(bench.store, files, folder()), { code: 'STORAGE_FAILED' });
      await assert.rejects(adapters.readFile(id, WEIGHTS), { code: 'STORAGE_FAILED' });
      await adapters.remove(id);
      await assert.rejects(adapters.readFile(id, WEIGHTS), { code: 'ADAPTER_NOT_FOUND' });
      await assert.rejects(adapters.stored(id), { code: 'ADAPTER_NOT_FOUND' });
      await assert.rejects(adapters.modules(id), { code: 'ADAPTER_NOT_FOUND' });
    }));

  it('can be read to the end by a reader that began before they were removed', () =>
    onBench(async (bench) => {
      for (const adapter of [tinyAdapter(), largeAdapter()]) {
        const { id } = await bench.register(adapter);
        const { stream } = await bench.own.adapters.readFile(id, WEIGHTS);
        await bench.own.adapters.remove(id);
        await bench.sweeper().sweep();
        assert.ok((await contentOf(stream)).equals(adapter.weights));
      }
    }));

  it('are not recorded if their content was removed meanwhile', () =>
    onBench(async (bench) => {
      await bench.arrived(largeAdapter(), async (files) => {
        const { adapters } = bench.own;
        const ready = await adapters.prepare(files);
        assert.equal((await bench.objects()).length, 1);
        await new Contents(database(), bench.store).abandon(ready.written.writeId);
        await bench.sweeper().sweep(Date.now() + 3_600_000);
        const late = new AdapterStore(database(), DEFAULT_TENANT).insert(ready.adapter, ready.written);
        await assert.rejects(late, { code: 'STORAGE_FAILED' });
        await bench.assertTidy();
        assert.deepEqual({ ...(await storedBytesOf(bench.own)) }, { adapters: 0, bytes: 0 });
      });
    }));
});
