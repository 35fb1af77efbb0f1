import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { appendFile, mkdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { afterEach, beforeEach, it } from 'node:test';
import type { IncomingFile } from '../../../src/adapter/digested-file.ts';
import { ensureTenant } from '../../../src/resources/tenants/store.ts';
import { useUploads } from '../../../src/resources/uploads/adapter-from-uploads.ts';
import { UploadService } from '../../../src/resources/uploads/service.ts';
import type { TenantUploads } from '../../../src/resources/uploads/tenant-uploads.ts';
import { SafetensorsValidator } from '../../../src/safetensors/safetensors-validator.ts';
import { onEachDialect } from '../../database/dialects.ts';
import { CONFIG, tinyAdapter, WEIGHTS } from '../../http/tiny-adapter.ts';
import { until } from '../../queue/harness.ts';

const { weights, config } = tinyAdapter();
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const HOUR_MS = 3_600_000;

onEachDialect('UploadService', (database, root) => {
  let service: UploadService;
  let uploads: TenantUploads;
  const folder = () => join(root(), 'uploads');
  const open = (where = folder()) =>
    new UploadService({ database: database(), folder: where, maxUploadBytes: 1_000_000, ttlMs: HOUR_MS });
  /** The part of a tenant's workspace that uploads need. */
  const tenant = (id: string) => ({
    tenant: id,
    adapters: { newValidator: () => new SafetensorsValidator() },
  });

  beforeEach(async () => {
    for (const id of ['red', 'blue']) await database().write((writer) => ensureTenant(writer, id));
    service = open();
    uploads = service.of(tenant('red'));
  });
  afterEach(() => service.close());

  const begin = (id: string, totalBytes: number | null, filename: typeof WEIGHTS | typeof CONFIG = WEIGHTS) =>
    uploads.create(id, { filename: filename as 'adapter_config.json', totalBytes, metadata: {} });
  const add = (id: string, offset: number, bytes: Uint8Array, to = uploads) =>
    to.append(id, offset, Readable.from([Buffer.from(bytes)]));
  const files = () => readdirSync(join(folder(), 'red')).sort();
  const dataOf = (id: string) => join(folder(), 'red', files().find((name) => name.startsWith(`${id}.`))!);
  const idsOf = async (of: TenantUploads) => (await of.list()).map(({ id }) => id);
  /** As if the last bytes had arrived earlier. */
  const age = (byMs: number, ...ids: string[]) =>
    database().write((writer) =>
      writer
        .updateTable('upload')
        .set(({ eb }) => ({ touched_at: eb('touched_at', '-', byMs) }))
        .where('id', 'in', ids)
        .execute(),
    );
  const incomingConfig = async () => {
    const path = join(root(), 'incoming');
    await writeFile(path, config);
    return { name: CONFIG, path, sha256: sha256(config), bytes: config.length };
  };

  it('completes an upload with its last byte, whichever process received which part', async () => {
    await begin('upload-01', weights.length);
    assert.equal(await add('upload-01', 0, weights.subarray(0, 700)), 700);
    const other = open();
    assert.equal(await add('upload-01', 700, weights.subarray(700, 1200), other.of(tenant('red'))), 1200);
    other.close();
    assert.equal(await add('upload-01', 1200, weights.subarray(1200)), weights.length);
    assert.equal((await uploads.get('upload-01')).sha256, sha256(weights));
    assert.deepEqual(await readFile(dataOf('upload-01')), weights);
  });

  it('trusts the file, not its own memory of it', async () => {
    await begin('upload-02', weights.length);
    await add('upload-02', 0, weights.subarray(0, 500));
    // As after a kill of another process during a write.
    await appendFile(dataOf('upload-02'), weights.subarray(500, 777));
    await assert.rejects(add('upload-02', 500, weights.subarray(500)), { code: 'UPLOAD_OFFSET' });
    await add('upload-02', 777, weights.subarray(777));
    assert.equal((await uploads.get('upload-02')).sha256, sha256(weights));
  });

  it('completes an upload that was interrupted between its last byte and the record that it is complete', async () => {
    await begin('upload-03', weights.length);
    await appendFile(dataOf('upload-03'), weights);
    assert.equal((await uploads.get('upload-03')).sha256, null);
    assert.equal((await uploads.settle('upload-03')).sha256, sha256(weights));

    await begin('upload-04', weights.length);
    await appendFile(dataOf('upload-04'), Buffer.alloc(weights.length));
    await assert.rejects(uploads.settle('upload-04'), /header/);
    await assert.rejects(uploads.get('upload-04'), { code: 'UPLOAD_NOT_FOUND' });
  });

  it('never writes into a complete file again', async () => {
    await begin('upload-05', weights.length);
    await add('upload-05', 0, weights);
    const { ino } = await stat(dataOf('upload-05'));
    assert.equal(await add('upload-05', weights.length, Buffer.from('more')), weights.length);
    assert.deepEqual(await readFile(dataOf('upload-05')), weights);
    const file = await incomingConfig();
    assert.deepEqual(await uploads.replace('upload-05', 'adapter_config.json', file), { created: false });
    assert.notEqual((await stat(dataOf('upload-05'))).ino, ino);
    assert.equal(files().length, 1);
  });

  it('discards bytes that cannot be verified', async () => {
    await begin('upload-06', weights.length);
    await add('upload-06', 0, weights.subarray(0, 100));
    const failing = uploads.append('upload-06', 100, Readable.from([weights.subarray(100)]), () => {
      throw new Error('not what was announced');
    });
    await assert.rejects(failing, /not what was announced/);
    assert.equal((await uploads.get('upload-06')).receivedBytes, 100);
    await add('upload-06', 100, weights.subarray(100));
    assert.equal((await uploads.get('upload-06')).sha256, sha256(weights));
  });

  it('sweeps what has expired, but no newer upload and none that a request is using', async () => {
    for (const id of ['expired-1', 'expired-2', 'young-one']) await begin(id, 1000);
    await age(2 * HOUR_MS, 'expired-1', 'expired-2');
    const other = open();
    const unlock = await other.of(tenant('red')).lock('expired-2');
    await assert.rejects(uploads.get('expired-1'), { code: 'UPLOAD_EXPIRED' });
    assert.equal(await service.sweep(), 1);
    assert.deepEqual(
      files().map((name) => name.slice(0, 9)),
      ['expired-2', 'young-one'],
    );
    await unlock();
    other.close();
    assert.equal(await service.sweep(), 1);
    assert.deepEqual(await idsOf(uploads), ['young-one']);
    assert.equal(files().length, 1);
  });

  it('counts the time to live from the last byte', async () => {
    await begin('upload-10', weights.length);
    await age(HOUR_MS - 60_000, 'upload-10');
    await add('upload-10', 0, weights.subarray(0, 10));
    await age(HOUR_MS - 60_000, 'upload-10');
    assert.equal(await service.sweep(), 0);
    assert.equal((await uploads.get('upload-10')).receivedBytes, 10);
  });

  it('removes bytes without an upload after a grace period, and keeps the others', async () => {
    await begin('upload-07', 1000);
    const [named] = files();
    const ageFile = async (name: string) => {
      const longAgo = new Date(Date.now() - 2 * HOUR_MS);
      await utimes(join(folder(), 'red', name), longAgo, longAgo);
    };
    for (const name of ['upload-07.0000', 'upload-08.0000', 'upload-09.new'])
      await writeFile(join(folder(), 'red', name), 'never named');
    for (const name of [named!, 'upload-07.0000', 'upload-08.0000']) await ageFile(name);
    assert.equal(await service.sweep(), 0);
    assert.deepEqual(files(), [named!, 'upload-09.new'].sort());
  });

  it('shows uploads whose bytes another process has, and leaves these to that one', async () => {
    await begin('upload-11', weights.length);
    await add('upload-11', 0, weights.subarray(0, 100));
    const other = open(join(root(), 'elsewhere'));
    const elsewhere = other.of(tenant('red'));
    assert.deepEqual(await idsOf(elsewhere), ['upload-11']);
    assert.equal((await elsewhere.get('upload-11')).receivedBytes, 100);
    await assert.rejects(elsewhere.settle('upload-11'), { code: 'UPLOAD_NOT_FOUND' });
    await assert.rejects(add('upload-11', 100, weights.subarray(100), elsewhere), {
      code: 'UPLOAD_NOT_FOUND',
    });
    await elsewhere.remove('upload-11');
    await assert.rejects(uploads.get('upload-11'), { code: 'UPLOAD_NOT_FOUND' });
    assert.equal(files().length, 1);
    const longAgo = new Date(Date.now() - 2 * HOUR_MS);
    await utimes(dataOf('upload-11'), longAgo, longAgo);
    await other.sweep();
    assert.equal(files().length, 1);
    await service.sweep();
    assert.deepEqual(files(), []);
    other.close();
  });

  it('writes no more for a request that lost its lock', async () => {
    await begin('upload-12', weights.length);
    let isLost = false;
    const onUrged = () => {
      isLost = true;
    };
    const unlock = await uploads.lock('upload-12', { onUrged });
    const pieces = new PassThrough();
    const appending = uploads.append('upload-12', 0, pieces);
    appending.catch(() => {});
    pieces.write(weights.subarray(0, 100));
    await until('the first bytes', async () => (await uploads.get('upload-12')).receivedBytes === 100);
    await database().write((writer) => writer.updateTable('upload_lock').set({ expires_at: 1 }).execute());
    const other = open();
    const unlockTheirs = await other.of(tenant('red')).lock('upload-12', { waitMs: 0 });
    await until('the holder learns that the lock is lost', () => isLost);
    pieces.end(weights.subarray(100));
    await assert.rejects(appending, { code: 'UPLOAD_LOCKED' });
    await unlock();
    assert.equal((await uploads.get('upload-12')).receivedBytes, 100);
    await unlockTheirs();
    other.close();
  });

  it('has nothing to sweep if there is nothing', async () => {
    assert.equal(await open().sweep(), 0);
    assert.deepEqual(await uploads.list(), []);
  });

  it('counts bytes that may still arrive against the quota of the tenant', async () => {
    for (const id of ['share-001', 'share-002', 'share-003']) await begin(id, null);
    await begin('share-004', 900_000);
    await assert.rejects(begin('share-005', 100_001), { code: 'QUOTA_UPLOADS' });
    await begin('share-006', 100_000);
    await assert.rejects(uploads.get('share-005'), { code: 'UPLOAD_NOT_FOUND' });
    const file = await incomingConfig();
    await assert.rejects(uploads.replace('share-007', 'adapter_config.json', file), {
      code: 'QUOTA_UPLOADS',
    });
    await uploads.replace('share-006', 'adapter_config.json', await incomingConfig());
    const theirs = service.of(tenant('blue'));
    await theirs.create('share-005', { filename: 'adapter_config.json', totalBytes: 10, metadata: {} });
  });

  it('counts those that arrive at the same time', async () => {
    const beginning = Array.from({ length: 8 }, (_, index) => begin(`together-${index}`, 1_000_000));
    const ends = await Promise.allSettled(beginning);
    assert.equal(ends.filter(({ status }) => status === 'fulfilled').length, 4);
    assert.equal((await uploads.list()).length, 4);
    assert.equal(files().length, 4, 'no bytes of those that were refused');
  });

  it('lets uploads be used once, as the files they are, and returns them if that fails', async () => {
    await begin('use-00001', weights.length);
    await add('use-00001', 0, weights);
    const folder = join(root(), 'use');
    await mkdir(folder);
    const wanted = [{ name: WEIGHTS, id: 'use-00001' }];
    const failing = useUploads(uploads, wanted, folder, async () => {
      throw new Error('not this time');
    });
    await assert.rejects(failing, /not this time/);
    await rm(join(folder, WEIGHTS));
    const { ino } = await stat(dataOf('use-00001'));
    const used: readonly IncomingFile[] = await useUploads(uploads, wanted, folder, async (files) => files);
    const [file] = used;
    assert.deepEqual(file, {
      name: WEIGHTS,
      path: join(folder, WEIGHTS),
      sentAs: WEIGHTS,
      sha256: sha256(weights),
      bytes: weights.length,
    });
    assert.equal((await stat(file!.path)).ino, ino, 'not a copy');
    await assert.rejects(
      useUploads(uploads, wanted, folder, async () => {}),
      { code: 'UPLOAD_NOT_FOUND' },
    );
    await rm(folder, { recursive: true });
  });
});
