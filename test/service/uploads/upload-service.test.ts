import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { appendFile, mkdir, mkdtemp, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { HeaderGate } from '../../../src/safetensors/header-gate.ts';
import type { IncomingFile } from '../../../src/service/adapter-service.ts';
import type { TenantUploads } from '../../../src/service/uploads/tenant-uploads.ts';
import { UploadService } from '../../../src/service/uploads/upload-service.ts';
import { useUploads } from '../../../src/service/uploads/use-uploads.ts';
import { CONFIG, tinyAdapter, WEIGHTS } from '../../http/tiny-adapter.ts';

const { weights, config } = tinyAdapter();
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const HOUR_MS = 3_600_000;

describe('UploadService', () => {
  let root: string;
  let service: UploadService;
  let uploads: TenantUploads;
  const open = () =>
    new UploadService({ folder: join(root, 'uploads'), maxUploadBytes: 1_000_000, ttlMs: HOUR_MS });
  /** What uploads need of a tenant's workspace. */
  const tenant = (id: string) => ({ tenant: id, adapters: { openGate: () => new HeaderGate() } });

  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'uploads-test-'));
  });
  beforeEach(() => {
    service = open();
    uploads = service.of(tenant('red'));
  });
  afterEach(async () => {
    await service.close();
    await rm(join(root, 'uploads'), { recursive: true, force: true });
  });
  after(() => rm(root, { recursive: true }));

  const begin = (id: string, totalBytes: number | null, filename: typeof WEIGHTS | typeof CONFIG = WEIGHTS) =>
    uploads.create(id, { filename: filename as 'adapter_config.json', totalBytes, metadata: {} });
  const add = (id: string, offset: number, bytes: Uint8Array, to = uploads) =>
    to.append(id, offset, Readable.from([Buffer.from(bytes)]));
  const filesOf = (id: string) => readdirSync(join(root, 'uploads/red', id)).sort();
  const dataOf = (id: string) =>
    join(root, 'uploads/red', id, filesOf(id).find((name) => name.startsWith('data-'))!);

  it('completes an upload with its last byte, whichever process took which part', async () => {
    await begin('upload-01', weights.length);
    assert.equal(await add('upload-01', 0, weights.subarray(0, 700)), 700);
    const other = open();
    assert.equal(await add('upload-01', 700, weights.subarray(700, 1200), other.of(tenant('red'))), 1200);
    await other.close();
    assert.equal(await add('upload-01', 1200, weights.subarray(1200)), weights.length);
    const { manifest } = await uploads.get('upload-01');
    assert.equal(manifest.sha256, sha256(weights));
    assert.deepEqual(await readFile(dataOf('upload-01')), weights);
  });

  it('trusts the file and not its memory of it', async () => {
    await begin('upload-02', weights.length);
    await add('upload-02', 0, weights.subarray(0, 500));
    // As after a kill in mid-write, of another process.
    await appendFile(dataOf('upload-02'), weights.subarray(500, 777));
    await assert.rejects(add('upload-02', 500, weights.subarray(500)), { code: 'UPLOAD_OFFSET' });
    await add('upload-02', 777, weights.subarray(777));
    assert.equal((await uploads.get('upload-02')).manifest.sha256, sha256(weights));
  });

  it('completes what was cut off between its last byte and the word that it is complete', async () => {
    await begin('upload-03', weights.length);
    await appendFile(dataOf('upload-03'), weights);
    assert.equal((await uploads.get('upload-03')).manifest.sha256, null);
    assert.equal((await uploads.settle('upload-03')).manifest.sha256, sha256(weights));

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
    const path = join(root, 'incoming');
    await writeFile(path, config);
    const file = { name: CONFIG, path, sha256: sha256(config), bytes: config.length };
    assert.deepEqual(await uploads.replace('upload-05', 'adapter_config.json', file), { created: false });
    assert.notEqual((await stat(dataOf('upload-05'))).ino, ino);
    assert.equal(filesOf('upload-05').length, 2);
  });

  it('takes back what does not verify', async () => {
    await begin('upload-06', weights.length);
    await add('upload-06', 0, weights.subarray(0, 100));
    const failing = uploads.append('upload-06', 100, Readable.from([weights.subarray(100)]), () => {
      throw new Error('not what was announced');
    });
    await assert.rejects(failing, /not what was announced/);
    assert.equal((await uploads.get('upload-06')).receivedBytes, 100);
    await add('upload-06', 100, weights.subarray(100));
    assert.equal((await uploads.get('upload-06')).manifest.sha256, sha256(weights));
  });

  it('sweeps what has expired, and nothing that a request is at work on or that is younger', async () => {
    for (const id of ['expired-1', 'expired-2', 'young-one']) await begin(id, 1000);
    const longAgo = new Date(Date.now() - 2 * HOUR_MS);
    for (const id of ['expired-1', 'expired-2']) await utimes(dataOf(id), longAgo, longAgo);
    const other = open();
    const unlock = await other.of(tenant('red')).lock('expired-2');
    await assert.rejects(uploads.get('expired-1'), { code: 'UPLOAD_EXPIRED' });
    assert.equal(await service.sweep(), 1);
    assert.deepEqual(readdirSync(join(root, 'uploads/red')).sort(), ['expired-2', 'young-one']);
    await unlock();
    await other.close();
    assert.equal(await service.sweep(), 1);
    assert.deepEqual(
      (await uploads.list()).map(({ id }) => id),
      ['young-one'],
    );
  });

  it('sweeps what killed processes left half-way', async () => {
    await begin('upload-07', 1000);
    await writeFile(join(root, 'uploads/red/upload-07/data-0000'), 'never named');
    await mkdir(join(root, 'uploads/red/upload-08'));
    await writeFile(join(root, 'uploads/red/upload-08/data-0000'), 'without a manifest');
    assert.equal(await service.sweep(), 0);
    assert.deepEqual(readdirSync(join(root, 'uploads/red')), ['upload-07']);
    assert.equal(filesOf('upload-07').length, 2);
  });

  it('has nothing to sweep where nothing is', async () => {
    assert.equal(await open().sweep(), 0);
    assert.deepEqual(await uploads.list(), []);
  });

  it('counts what may still come against the share of the tenant', async () => {
    for (const id of ['share-001', 'share-002', 'share-003']) await begin(id, null);
    await begin('share-004', 900_000);
    await assert.rejects(begin('share-005', 100_001), { code: 'QUOTA_UPLOADS' });
    await begin('share-006', 100_000);
    await assert.rejects(uploads.get('share-005'), { code: 'UPLOAD_NOT_FOUND' });
    const path = join(root, 'incoming');
    await writeFile(path, config);
    const file = { name: CONFIG, path, sha256: sha256(config), bytes: config.length };
    await assert.rejects(uploads.replace('share-007', 'adapter_config.json', file), {
      code: 'QUOTA_UPLOADS',
    });
    await uploads.replace('share-006', 'adapter_config.json', file);
    const theirs = service.of(tenant('blue'));
    await theirs.create('share-005', { filename: 'adapter_config.json', totalBytes: 10, metadata: {} });
  });

  it('lets uploads be used once, as the files they are, and gives them back where that fails', async () => {
    await begin('use-00001', weights.length);
    await add('use-00001', 0, weights);
    const folder = join(root, 'use');
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

  it('takes a damaged manifest for none, and serves the others', async () => {
    await begin('damaged-1', 1000);
    await begin('whole-001', 1000);
    await writeFile(join(root, 'uploads/red/damaged-1/upload.json'), '{"filename"');
    await assert.rejects(uploads.get('damaged-1'), { code: 'UPLOAD_NOT_FOUND' });
    assert.deepEqual(
      (await uploads.list()).map(({ id }) => id),
      ['whole-001'],
    );
    await service.sweep();
    assert.deepEqual(readdirSync(join(root, 'uploads/red')), ['whole-001']);
  });
});
