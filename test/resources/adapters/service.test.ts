import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Value } from 'typebox/value';
import { AdapterRecord } from '../../../src/contract/adapter.ts';
import type { RecordedJobRequest } from '../../../src/contract/job-request.ts';
import { DEFAULT_TENANT } from '../../../src/contract/tenant-id.ts';
import { isAdapterId, timedIdMs } from '../../../src/database/ids.ts';
import { fileOf } from '../../../src/resources/adapters/files.ts';
import { AdapterService } from '../../../src/resources/adapters/service.ts';
import { onEachDialect } from '../../database/dialects.ts';
import { CONFIG, type TinyAdapter, tinyAdapter, WEIGHTS } from '../../http/tiny-adapter.ts';
import { withoutReuse } from '../jobs/job-rows.ts';
import { assertReadable, largeAdapter, type StorageBench, withBench } from '../sweeps/storage-bench.ts';
import { storedBytesOf } from '../tenants/stored-by.ts';

const CARD = 'README.md';

onEachDialect('the adapters of a tenant', (database, folder) => {
  const onBench = (work: (bench: StorageBench) => Promise<void>) => withBench(database(), folder(), work);

  it('have records and ids of their own, even with the same bytes', () =>
    onBench(async (bench) => {
      const first = await bench.register(largeAdapter(), { keeping: { labels: { n: '1' } } });
      const second = await bench.register(largeAdapter(), { keeping: { name: 'second' } });
      assert.ok(Value.Check(AdapterRecord, first), JSON.stringify(first));
      assert.deepEqual([first.content_known, second.content_known], [false, true]);
      assert.ok(isAdapterId(first.id) && isAdapterId(second.id) && first.id < second.id);
      assert.ok(Math.abs(timedIdMs(first.id) - Date.now()) < 60_000);
      const { content_known: _, ...kept } = first;
      assert.deepEqual(await bench.own.adapters.get(first.id), kept);
      assert.deepEqual([first.parent_id, first.job_id, first.expires_at], [null, null, null]);
      const of = ({ id, name, labels, created_at, content_known, ...facts }: AdapterRecord) => facts;
      assert.deepEqual(of(second), of(first));
      assert.deepEqual([first.labels, second.labels, second.name], [{ n: '1' }, {}, 'second']);
      assert.deepEqual(
        { ...(await storedBytesOf(bench.own)) },
        { adapters: 2, bytes: first.bytes + second.bytes },
      );
      await bench.assertWhole();
      await bench.assertTidy();
    }));

  it('do not depend on the adapters of other tenants', () =>
    onBench(async (bench) => {
      const other = await bench.other();
      const { id, content_known } = await bench.register(largeAdapter());
      const theirs = await bench.register(largeAdapter(), { space: other });
      assert.deepEqual([content_known, theirs.content_known], [false, false]);
      assert.equal((await bench.objects()).length, 1, 'though the bytes are there once');
      await assert.rejects(other.adapters.get(id), { code: 'ADAPTER_NOT_FOUND' });
      await assert.rejects(other.adapters.change(id, { name: 'x' }), { code: 'ADAPTER_NOT_FOUND' });
      await assert.rejects(other.adapters.remove(id), { code: 'ADAPTER_NOT_FOUND' });
      await assert.rejects(other.adapters.readFile(id, WEIGHTS), { code: 'ADAPTER_NOT_FOUND' });
      assert.equal(await other.adapters.find(id), undefined);
      await assertReadable(bench.own, id);
    }));

  it('are recognised by weights and configuration, whatever other files there are', () =>
    onBench(async (bench) => {
      const { adapters } = bench.own;
      const { weights, config } = tinyAdapter();
      await bench.register({ weights, config });
      const card = { [CARD]: Buffer.from('# A card') };
      const carded = await bench.arrived({ weights, config }, (files) => adapters.register(files), card);
      assert.equal(carded.content_known, true);
      assert.deepEqual(
        carded.files.map(({ name }) => name),
        [WEIGHTS, CONFIG, CARD],
      );
      const spaced = { weights, config: Buffer.from(`${config.toString()} `) };
      assert.equal((await bench.register(spaced)).content_known, false);
    }));

  it('are named by the request, else by a file with a meaningful name, else by their base model', () =>
    onBench(async (bench) => {
      const { adapters } = bench.own;
      const named = (sentAs: string, keeping = {}) =>
        bench.arrived(tinyAdapter(), (files) =>
          adapters.register(
            files.map((file) => (file.name === WEIGHTS ? { ...file, sentAs } : file)),
            keeping,
          ),
        );
      assert.equal((await named('my-style.safetensors')).name, 'my-style');
      assert.equal((await named('C:\\loras\\in style.GGUF')).name, 'in style');
      assert.equal((await named(`${'é'.repeat(300)}.safetensors`)).name, 'é'.repeat(200));
      assert.equal((await named('my-style.safetensors', { name: 'own' })).name, 'own');
      assert.equal((await named('a\u0000b\r\n.safetensors')).name, 'a b', 'what PostgreSQL takes in no text');
      const asSent = await bench.arrived(
        tinyAdapter(),
        (files) => adapters.register(files.map((file) => ({ ...file, sentAs: file.name }))),
        { [CARD]: Buffer.from('# A card') },
      );
      assert.equal(asSent.name, 'model adapter', 'a card says nothing by its name');
      for (const name of [WEIGHTS, '', 'adapters.safetensors', 'x/\u0001.safetensors']) {
        assert.equal((await named(name)).name, 'model adapter', JSON.stringify(name));
      }
    }));

  it('are not recorded if they cannot be read, and nothing is left of them', () =>
    onBench(async (bench) => {
      const good = tinyAdapter();
      const cases: [TinyAdapter, string][] = [
        [{ ...good, weights: good.weights.subarray(0, 200) }, 'ST_HEADER_LENGTH'],
        [{ ...good, weights: good.weights.subarray(0, -4) }, 'ST_BUFFER_NOT_COVERED'],
        [{ ...good, config: Buffer.from('{') }, 'CONFIG_JSON'],
        [
          { ...good, config: Buffer.from(good.config.toString().replace('"r":4', '"r":5')) },
          'CONFIG_RANK_MISMATCH',
        ],
      ];
      for (const [adapter, code] of cases) await assert.rejects(bench.register(adapter), { code });
      const config = bench.arrived(good, (files) => bench.own.adapters.register(files.slice(1)));
      await assert.rejects(config, { code: 'FILE_MISSING' });
      await bench.assertTidy();
      assert.deepEqual(await bench.contents(), []);
      assert.deepEqual({ ...(await storedBytesOf(bench.own)) }, { adapters: 0, bytes: 0 });
    }));

  it('are not found by other ids, and have no other files', () =>
    onBench(async (bench) => {
      const { adapters } = bench.own;
      const record = await bench.register();
      for (const id of ['', 'ad_', `ad_${'0'.repeat(32)}`, '../adapters/x', `${record.id}x`, 'ad_\u0000']) {
        await assert.rejects(adapters.get(id), { code: 'ADAPTER_NOT_FOUND' });
        await assert.rejects(adapters.change(id, { name: 'x' }), { code: 'ADAPTER_NOT_FOUND' });
        await assert.rejects(adapters.remove(id), { code: 'ADAPTER_NOT_FOUND' });
        assert.equal(await adapters.find(id), undefined);
      }
      for (const name of ['', 'x', '../adapter_config.json', '__proto__', '\u0000'])
        await assert.rejects(adapters.readFile(record.id, name), { code: 'FILE_NOT_FOUND' });
      assert.throws(() => fileOf(record, 'x'), /it has adapter_model.safetensors, adapter_config.json/);
    }));

  it('are kept as long as requested, or by default', () =>
    onBench(async (bench) => {
      const withDefault = new AdapterService(database(), bench.store, DEFAULT_TENANT, 200);
      const byDefault = (keeping: object) =>
        bench.arrived(tinyAdapter(), (files) => withDefault.register(files, keeping));
      const seconds = ({ created_at, expires_at }: AdapterRecord) =>
        expires_at && Math.round((Date.parse(expires_at) - Date.parse(created_at)) / 10_000) * 10;
      assert.equal(seconds(await bench.register(tinyAdapter(), { keeping: { ttlSeconds: 100 } })), 100);
      assert.equal(seconds(await bench.register()), null);
      assert.equal(seconds(await byDefault({})), 200);
      assert.equal(seconds(await byDefault({ ttlSeconds: 100 })), 100);
    }));

  it('are gone as soon as they expire, and not found after a sweep', () =>
    onBench(async (bench) => {
      const { adapters } = bench.own;
      const record = await bench.register(tinyAdapter(), { keeping: { ttlSeconds: 0 } });
      const { id } = record;
      const expired = { code: 'ADAPTER_EXPIRED', context: { id, expires_at: record.expires_at } };
      await assert.rejects(adapters.get(id), expired);
      await assert.rejects(adapters.stored(id), expired);
      await assert.rejects(adapters.readFile(id, CONFIG), expired);
      await assert.rejects(adapters.change(id, { ttlSeconds: null }), expired, 'nothing brings it back');
      assert.equal(await adapters.find(id), undefined);
      assert.deepEqual((await adapters.page({}, { limit: 5 })).items, []);
      // The same content is a new adapter.
      const again = await bench.register();
      assert.deepEqual([again.content_known, again.expires_at], [true, null]);
      await bench.sweeper().sweep();
      await assert.rejects(adapters.get(id), { code: 'ADAPTER_NOT_FOUND' });
      await assertReadable(bench.own, again.id);
      const other = await bench.register(tinyAdapter(), { keeping: { ttlSeconds: 0 } });
      await adapters.remove(other.id);
      await assert.rejects(adapters.get(other.id), { code: 'ADAPTER_NOT_FOUND' }, 'removed before');
    }));

  it('change only in the given fields', () =>
    onBench(async (bench) => {
      const { adapters } = bench.own;
      const keeping = { name: 'first', labels: { a: '1', b: '2' }, ttlSeconds: 1_000 };
      const { content_known: _, ...record } = await bench.register(tinyAdapter(), { keeping });
      assert.deepEqual(await adapters.change(record.id, {}), record);
      const renamed = await adapters.change(record.id, { name: 'ein "Name" \ud83d\ude00' });
      assert.deepEqual(renamed, { ...record, name: 'ein "Name" \ud83d\ude00' });
      const labels = { a: 'x\u0000\ud800', c: '' };
      const labelled = await adapters.change(record.id, { labels });
      assert.deepEqual(labelled, { ...renamed, labels }, 'labels take the place of all before');
      for (const [name, text, count] of [
        ['a', 'x\u0000\ud800', 1],
        ['c', '', 1],
        ['a', '1', 0],
        ['b', '2', 0],
      ] as const) {
        const { items } = await adapters.page({ labels: [{ name, text }] }, { limit: 5 });
        assert.equal(items.length, count, `${name}=${JSON.stringify(text)}`);
      }
      const kept = await adapters.change(record.id, { ttlSeconds: null });
      assert.deepEqual(kept, { ...labelled, expires_at: null });
      const limited = await adapters.change(record.id, { ttlSeconds: 60 });
      assert.ok(Math.abs(Date.parse(limited.expires_at!) - Date.now() - 60_000) < 30_000, 'from now on');
      assert.deepEqual(await adapters.get(record.id), limited);
      await adapters.change(record.id, { labels: {}, ttlSeconds: 0 });
      await assert.rejects(adapters.get(record.id), { code: 'ADAPTER_EXPIRED' });
    }));

  it('are removed without affecting others with the same bytes', () =>
    onBench(async (bench) => {
      const other = await bench.other();
      const made = [await bench.register(largeAdapter()), await bench.register(largeAdapter())];
      const theirs = await bench.register(largeAdapter(), { space: other });
      await bench.own.adapters.change(made[1]!.id, { labels: { mine: 'yes' } });
      await bench.own.adapters.remove(made[0]!.id);
      await assert.rejects(bench.own.adapters.remove(made[0]!.id), { code: 'ADAPTER_NOT_FOUND' });
      await bench.sweeper({ graceMs: -1_000 }).sweep();
      await assertReadable(bench.own, made[1]!.id);
      await assertReadable(other, theirs.id);
      assert.deepEqual((await bench.own.adapters.get(made[1]!.id)).labels, { mine: 'yes' });
      assert.deepEqual({ ...(await storedBytesOf(bench.own)) }, { adapters: 1, bytes: made[1]!.bytes });
      await bench.own.adapters.remove(made[1]!.id);
      await bench.sweeper({ graceMs: -1_000 }).sweep();
      await assertReadable(other, theirs.id);
      assert.deepEqual({ ...(await storedBytesOf(bench.own)) }, { adapters: 0, bytes: 0 });
      assert.deepEqual({ ...(await storedBytesOf(other)) }, { adapters: 1, bytes: theirs.bytes });
      await other.adapters.remove(theirs.id);
      await bench.sweeper({ graceMs: -1_000 }).sweep();
      assert.deepEqual(await bench.contents(), []);
      await bench.assertTidy();
    }));

  it('are kept while an unfinished job reads them', () =>
    onBench(async (bench) => {
      const { adapters } = bench.own;
      const [one, two] = [await bench.register(), await bench.register()];
      const sources = [one, two, one].map(({ id: adapter_id }) => ({ adapter_id }));
      const request: RecordedJobRequest = { kind: 'merge', sources, targets: [{ rank: 1 }] };
      const job = await bench.job({ kind: 'merge', request }, { isFinal: false });
      for (const { id } of [one, two])
        await assert.rejects(adapters.remove(id), {
          code: 'ADAPTER_IN_USE',
          context: { id, job_id: job.id },
        });
      await adapters.change(one.id, { ttlSeconds: 0 });
      await assert.rejects(adapters.remove(one.id), { code: 'ADAPTER_IN_USE' }, 'also when they expired');
      await bench.worker.fail(job.id);
      for (const { id } of [one, two]) await adapters.remove(id);
    }));

  it('are either removed or read by a job that is accepted at the same time, never both', () =>
    onBench(async (bench) => {
      const { adapters, jobStore } = bench.own;
      for (let round = 0; round < 20; round++) {
        const { id } = await bench.register(tinyAdapter(round));
        const job = bench.accepted({ kind: 'analyze', request: { kind: 'analyze', adapter_id: id } });
        const [removed, accepted] = await Promise.allSettled([
          adapters.remove(id),
          jobStore.accept(withoutReuse(job)),
        ]);
        assert.notEqual(removed.status, accepted.status, `round ${round}`);
        if (removed.status === 'rejected') {
          assert.equal(removed.reason.code, 'ADAPTER_IN_USE');
          assert.ok(await adapters.get(id));
        }
        if (accepted.status === 'rejected') {
          assert.equal(accepted.reason.code, 'ADAPTER_NOT_FOUND');
          assert.equal(await jobStore.get(job.id), undefined);
        }
      }
    }));

  it('are changed and removed at once in some order, and no successful change is lost', () =>
    onBench(async (bench) => {
      const { adapters } = bench.own;
      for (let round = 0; round < 15; round++) {
        const { id } = await bench.register(tinyAdapter(round));
        const [changed, removed] = await Promise.allSettled([
          adapters.change(id, { labels: { round: String(round) } }),
          adapters.remove(id),
        ]);
        assert.equal(removed.status, 'fulfilled');
        if (changed.status === 'rejected') assert.equal(changed.reason.code, 'ADAPTER_NOT_FOUND');
        assert.equal(await adapters.find(id), undefined);
      }
      const labels = await database().reader.selectFrom('adapter_label').selectAll().execute();
      assert.deepEqual(labels, []);
    }));

  it('get the labels of one of many simultaneous changes', () =>
    onBench(async (bench) => {
      const { id } = await bench.register();
      const changes = Array.from({ length: 8 }, (_, i) => ({ [`own${i}`]: String(i), shared: String(i) }));
      await Promise.all(changes.map((labels) => bench.own.adapters.change(id, { labels })));
      const { labels } = await bench.own.adapters.get(id);
      const rows = await database().reader.selectFrom('adapter_label').select(['name', 'text']).execute();
      assert.deepEqual(Object.fromEntries(rows.map(({ name, text }) => [name, JSON.parse(text)])), labels);
      assert.ok(changes.some((one) => JSON.stringify(one) === JSON.stringify(labels)));
    }));

  it('are removed by one of many simultaneous calls', () =>
    onBench(async (bench) => {
      const { id } = await bench.register();
      const removals = await Promise.allSettled(
        Array.from({ length: 5 }, () => bench.own.adapters.remove(id)),
      );
      assert.equal(removals.filter(({ status }) => status === 'fulfilled').length, 1);
      for (const removal of removals)
        if (removal.status === 'rejected') assert.equal(removal.reason.code, 'ADAPTER_NOT_FOUND');
      assert.deepEqual({ ...(await storedBytesOf(bench.own)) }, { adapters: 0, bytes: 0 });
      for (const table of ['adapter', 'adapter_file', 'adapter_label'] as const)
        assert.deepEqual(await database().reader.selectFrom(table).selectAll().execute(), []);
    }));
});
