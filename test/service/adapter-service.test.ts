import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { fileOf, localFiles } from '../../src/service/adapter-files.ts';
import { AdapterService, type IncomingFile } from '../../src/service/adapter-service.ts';
import {
  adapterChangesKey,
  adapterIdOf,
  adapterKey,
  blobKey,
  recentAdapterKey,
} from '../../src/service/layout.ts';
import { DiskStore } from '../../src/storage/disk-store.ts';
import { contentOf } from '../conformance/blob-store.ts';
import { CONFIG, type TinyAdapter, tinyAdapter, WEIGHTS } from '../http/tiny-adapter.ts';

/** No job reads any adapter here. */
const UNUSED = { of: async () => undefined };

describe('AdapterService', () => {
  let root: string;
  let store: DiskStore;
  let service: AdapterService;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'adapter-service-'));
    store = await DiskStore.open(root);
    service = new AdapterService(store, UNUSED);
  });
  afterEach(async () => {
    await store.close();
    await rm(root, { recursive: true, force: true });
  });

  async function incoming({ weights, config }: TinyAdapter): Promise<IncomingFile[]> {
    const folder = await store.makeScratch();
    return [[WEIGHTS, weights] as const, [CONFIG, config] as const].map(([name, content]) => {
      const path = join(folder, name);
      writeFileSync(path, content);
      return {
        name,
        path,
        sha256: createHash('sha256').update(content).digest('hex'),
        bytes: content.length,
      };
    });
  }

  it('registers an adapter, blobs under their digests', async () => {
    const files = await incoming(tinyAdapter());
    const { record, created } = await service.register(files, null);
    assert.equal(created, true);
    assert.equal(record.id, adapterIdOf(files));
    assert.deepEqual(
      await store.list(''),
      [
        adapterKey(record.id),
        recentAdapterKey(record.id, Date.parse(record.created_at), record.bytes),
        ...files.map((file) => blobKey(file.sha256)),
      ].sort(),
    );
    assert.ok(
      files.every((file) => !existsSync(file.path)),
      'the files were moved',
    );
    assert.deepEqual(await service.get(record.id), record);
    assert.ok(Math.abs(Date.parse(record.created_at) - Date.now()) < 60_000);
  });

  it('keeps the first record of the same content, with its lineage', async () => {
    const first = await service.register(await incoming(tinyAdapter()), null);
    const again = await service.register(await incoming(tinyAdapter()), { parentId: 'ad_x', jobId: 'job_x' });
    assert.equal(again.created, false);
    assert.deepEqual(again.record, first.record);
  });

  it('notes where a result comes from', async () => {
    const { record } = await service.register(await incoming(tinyAdapter()), {
      parentId: 'ad_p',
      jobId: 'job_j',
    });
    assert.equal(record.parent_id, 'ad_p');
    assert.equal(record.job_id, 'job_j');
  });

  it('lets one of many simultaneous writers win, in one process and across services', async () => {
    const others = [service, new AdapterService(store, UNUSED), new AdapterService(store, UNUSED)];
    const results = await Promise.all(
      Array.from({ length: 9 }, async (_, index) =>
        others[index % 3]!.register(await incoming(tinyAdapter()), {
          parentId: `ad_${index}`,
          jobId: 'job_x',
        }),
      ),
    );
    assert.equal(results.filter((result) => result.created).length, 1);
    for (const { record } of results) assert.deepEqual(record, await service.get(record.id));
  });

  it('shares blobs among adapters', async () => {
    const adapter = tinyAdapter();
    const one = await service.register(await incoming(adapter), null);
    const config = Buffer.from(`${adapter.config.toString()} `);
    const two = await service.register(await incoming({ ...adapter, config }), null);
    assert.notEqual(one.record.id, two.record.id);
    assert.equal(one.record.sha256, two.record.sha256);
    assert.equal((await store.list('blobs/')).length, 3);
  });

  it('repairs a blob of the wrong size', async () => {
    const files = await incoming(tinyAdapter());
    await store.put(blobKey(files[0]!.sha256), Buffer.from('cut off'));
    const { record } = await service.register(files, null);
    assert.equal((await store.stat(blobKey(record.sha256)))?.bytes, files[0]!.bytes);
  });

  it('registers nothing that cannot be read', async () => {
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
    for (const [adapter, code] of cases) {
      await assert.rejects(service.register(await incoming(adapter), null), { code });
    }
    const [weights] = await incoming(good);
    await assert.rejects(service.register([weights!], null), { code: 'FILE_MISSING' });
    assert.deepEqual(await store.list(''), []);
  });

  it('hands out what a job needs', async () => {
    const adapter = tinyAdapter();
    const { record } = await service.register(await incoming(adapter), null);
    const source = await localFiles(store, await service.get(record.id));
    assert.ok(Buffer.from(source.configBytes!).equals(adapter.config));
    const local = await contentOf(await store.read(blobKey(record.sha256)));
    assert.ok(local.equals(adapter.weights));
    assert.ok(existsSync(source.weightsPath));
  });

  it('reads files whole and in ranges', async () => {
    const adapter = tinyAdapter();
    const { record } = await service.register(await incoming(adapter), null);
    const whole = await service.readFile(record.id, WEIGHTS);
    assert.equal(whole.bytes, adapter.weights.length);
    assert.equal(whole.sha256, record.sha256);
    assert.ok((await contentOf(whole.stream)).equals(adapter.weights));
    const part = await service.readFile(record.id, CONFIG, { start: 2, end: 9 });
    assert.equal(part.bytes, adapter.config.length);
    assert.equal((await contentOf(part.stream)).toString(), adapter.config.toString().slice(2, 10));
  });

  it('knows neither other ids nor other files', async () => {
    const { record } = await service.register(await incoming(tinyAdapter()), null);
    for (const id of ['', 'ad_', `ad_${'0'.repeat(32)}`, '../adapters/x', `${record.id}x`]) {
      await assert.rejects(service.get(id), { code: 'ADAPTER_NOT_FOUND' });
    }
    for (const name of ['', 'x', '../adapter_config.json', '__proto__']) {
      await assert.rejects(service.readFile(record.id, name), { code: 'FILE_NOT_FOUND' });
    }
    assert.throws(() => fileOf(record, 'x'), /it has adapter_model.safetensors, adapter_config.json/);
  });

  it('says so when the storage lost a blob', async () => {
    const { record } = await service.register(await incoming(tinyAdapter()), null);
    for (const file of record.files) await store.remove(blobKey(file.sha256));
    await assert.rejects(localFiles(store, record), { code: 'STORAGE_FAILED' });

    await assert.rejects(service.readFile(record.id, WEIGHTS), { code: 'STORAGE_FAILED' });
  });

  describe('with an expiry', () => {
    const later = (seconds: number) => Date.now() + seconds * 1000;

    it('has that of the upload, or the default', async () => {
      const own = await service.register(await incoming(tinyAdapter(1)), null, { ttlSeconds: 100 });
      const kept = await service.register(await incoming(tinyAdapter(2)), null);
      const withDefault = new AdapterService(store, UNUSED, 200);
      const byDefault = await withDefault.register(await incoming(tinyAdapter(3)), null);
      const secondsOf = ({ created_at, expires_at }: { created_at: string; expires_at: string | null }) =>
        expires_at === null ? null : (Date.parse(expires_at) - Date.parse(created_at)) / 1000;
      assert.deepEqual(
        [own, kept, byDefault].map(({ record }) => secondsOf(record)),
        [100, null, 200],
      );
    });

    it('is removed when its time is over, not before, and not when that was changed meanwhile', async () => {
      const { record } = await service.register(await incoming(tinyAdapter(1)), null, { ttlSeconds: 100 });
      assert.equal(await service.removeExpired(record.id, later(50)), undefined);
      await service.change(record.id, { ttlSeconds: null });
      assert.equal(await service.removeExpired(record.id, later(200)), undefined);
      await service.change(record.id, { ttlSeconds: 100 });
      assert.equal(await service.removeExpired(record.id, later(200)), record.bytes);
      assert.equal(await service.find(record.id), undefined);
      assert.equal(await service.removeExpired(record.id, later(200)), undefined);
    });

    it('is kept anew when the same content comes after its time', async () => {
      const labels = { v: '1' };
      const first = await service.register(await incoming(tinyAdapter(1)), null, { ttlSeconds: 0, labels });
      const again = await service.register(await incoming(tinyAdapter(1)), null, { labels: { v: '2' } });
      assert.equal(again.created, false);
      assert.deepEqual(again.record, { ...first.record, expires_at: null, labels: { v: '2' } });
      assert.equal(await service.removeExpired(again.record.id, later(1)), undefined);
    });
  });

  it('has no labels of one that was there before it', async () => {
    const { record } = await service.register(await incoming(tinyAdapter(1)), null);
    await service.change(record.id, { labels: { old: 'yes' } });
    const changes = (await store.get(adapterChangesKey(record.id)))!;
    await service.remove(record.id);
    // As if a change had been on its way while it was removed.
    await store.put(adapterChangesKey(record.id), changes);
    const again = await service.register(await incoming(tinyAdapter(1)), null);
    assert.deepEqual([again.created, again.record.labels], [true, {}]);
    assert.equal((await service.change(record.id, { labels: { new: 'yes' } })).labels.new, 'yes');
  });

  it('is changed and removed at once in some order: no change survives that it was not told of', async () => {
    for (let round = 0; round < 15; round++) {
      const { record } = await service.register(await incoming(tinyAdapter(round)), null);
      const [changed, removed] = await Promise.allSettled([
        service.change(record.id, { labels: { round: String(round) } }),
        service.remove(record.id),
      ]);
      assert.equal(removed.status, 'fulfilled');
      if (changed.status === 'rejected') assert.equal(changed.reason.code, 'ADAPTER_NOT_FOUND');
      assert.equal(await service.find(record.id), undefined);
    }
  });

  it('is removed by one of many, and leaves no entry', async () => {
    const { record } = await service.register(await incoming(tinyAdapter(1)), null);
    const removals = await Promise.allSettled(Array.from({ length: 5 }, () => service.remove(record.id)));
    assert.equal(removals.filter(({ status }) => status === 'fulfilled').length, 1);
    for (const removal of removals)
      if (removal.status === 'rejected') assert.equal(removal.reason.code, 'ADAPTER_NOT_FOUND');
    const left = (await store.list('')).filter((key) => !/^(blobs|removed-adapters)\//.test(key));
    assert.deepEqual(left, []);
  });

  it('is created by one of many that come while it is removed again and again', async () => {
    const services = [service, new AdapterService(store, UNUSED)];
    let created = 0;
    let removed = 0;
    await Promise.all(
      services.map(async (one) => {
        for (let round = 0; round < 12; round++) {
          const registered = await one.register(await incoming(tinyAdapter(1)), null);
          if (registered.created) created++;
          await one.remove(registered.record.id).then(
            () => removed++,
            (error) => assert.equal(error.code, 'ADAPTER_NOT_FOUND'),
          );
        }
      }),
    );
    // Who finds what he made removed and made again by another tells of that one: he created nothing.
    assert.ok(created > 0 && created <= removed && removed <= 24, `${created} made, ${removed} removed`);
    const left = (await store.list('')).filter((key) => !/^(blobs|removed-adapters)\//.test(key));
    assert.deepEqual(left, []);
  });
});
