import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Upload } from 'tus-js-client';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import type { UploadRecord } from '../../src/contract/upload.ts';
import {
  beginPatch,
  create,
  filesUnder,
  idOf,
  largeAdapter,
  makeAdapter,
  offsetOf,
  patch,
  put,
  received,
  recordOf,
} from '../http/uploads-tools.ts';
import { type ServiceProcess, startService } from '../main/service-process.ts';
import { type ExternalRedis, FIT, startExternalRedis } from '../queue/external-redis.ts';
import { BUCKET, motoIsMissing, startMoto } from '../storage/s3-servers.ts';
import { peakResidentBytes } from './process-tree.ts';

const MB = 1_000_000;
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** A service as the tools for uploads want it. */
const at = ({ url }: ServiceProcess) => ({
  port: Number(new URL(url).port),
  fetch: (path: string, init?: RequestInit) => fetch(`${url}${path}`, init),
});

describe('uploads and processes', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'squeeze-uploads-'));
  const storage = join(scratch, 'storage');
  const uploadsFolder = join(storage, 'uploads');
  const { weights, config } = largeAdapter(30 * MB);
  let redis: ExternalRedis;
  const running: ServiceProcess[] = [];

  before(async () => {
    mkdirSync(join(scratch, 'redis'));
    redis = await startExternalRedis(join(scratch, 'redis'), FIT);
  });
  after(async () => {
    for (const service of running) await service.end('SIGKILL');
    await redis.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  async function startApi(name: string, env: NodeJS.ProcessEnv = {}): Promise<ServiceProcess> {
    const service = await startService({
      ROLE: 'api',
      REDIS_URL: redis.url,
      DATA_DIR: join(scratch, name),
      STORAGE_URL: `file:${storage}`,
      ...env,
    });
    running.push(service);
    return service;
  }

  it('go on where the bytes end when the process was killed, in the same or another one', async () => {
    const first = await startApi('first');
    const second = await startApi('second');
    const path = await create(at(first), weights.length);
    const sender = await beginPatch(at(first), path, 0, weights.length, weights.subarray(0, 10 * MB));
    await received(at(second), path, 9 * MB);
    await first.end('SIGKILL');
    sender.destroy();

    // Its lock is nobody's now.
    const offset = await offsetOf(at(second), path);
    const { received_bytes: onDisk } = await recordOf(at(second), path);
    assert.ok(offset === onDisk && offset >= 9 * MB && offset <= 10 * MB, `${offset}`);
    const again = await startApi('first');
    assert.equal(await offsetOf(at(again), path), offset);
    assert.equal((await patch(at(again), path, offset, weights.subarray(offset, 20 * MB))).status, 204);
    assert.equal((await patch(at(second), path, 20 * MB, weights.subarray(20 * MB))).status, 204);
    const record = await recordOf(at(again), path);
    assert.deepEqual([record.complete, record.sha256], [true, sha256(weights)]);

    const made = await makeAdapter(at(again), idOf(path), JSON.parse(config.toString()));
    assert.equal(made.status, 201, await made.clone().text());
    const { files } = (await made.json()) as AdapterRecord;
    assert.equal(files.find(({ name }) => name.endsWith('.safetensors'))!.sha256, sha256(weights));
    assert.deepEqual(filesUnder(uploadsFolder), []);
    assert.equal(await again.end(), 0);
    assert.equal(await second.end(), 0);
    assert.deepEqual(readdirSync(join(uploadsFolder, '.locks')), []);
  });

  it('are written by one process at a time: what wants an upload elsewhere ends the request that has it', async () => {
    const [first, second] = [await startApi('first'), await startApi('second')];
    const path = await create(at(first), weights.length);
    const slow = await beginPatch(at(first), path, 0, weights.length, weights.subarray(0, MB));
    await received(at(second), path, MB);
    assert.equal(await offsetOf(at(second), path), MB);
    const answers = await Promise.all(
      [first, second, first, second].map((each) => patch(at(each), path, MB, weights.subarray(MB))),
    );
    const statuses = answers.map(({ status }) => status).sort();
    assert.ok(statuses.filter((status) => status === 204).length <= 1, statuses.join());
    assert.ok(
      statuses.every((status) => status === 204 || status === 409 || status === 423),
      statuses.join(),
    );
    // The one that wrote may have been ended in mid-body, by one that then found more bytes than it spoke of.
    const offset = await offsetOf(at(second), path);
    assert.equal(offset === weights.length, statuses.includes(204), statuses.join());
    if (offset < weights.length)
      assert.equal((await patch(at(second), path, offset, weights.subarray(offset))).status, 204);
    assert.equal((await recordOf(at(first), path)).sha256, sha256(weights));
    slow.destroy();
    assert.equal((await at(second).fetch(path, { method: 'DELETE' })).status, 204);
    assert.equal(await first.end(), 0);
    assert.equal(await second.end(), 0);
  });

  it('survive a kill unseen by a tus client that tries again', async () => {
    let service = await startApi('first');
    const { port } = at(service);
    let restarted: Promise<void> | undefined;
    const path = await new Promise<string>((resolve, reject) => {
      const client = new Upload(weights, {
        endpoint: `http://127.0.0.1:${port}/v1/uploads`,
        metadata: { filename: 'adapter_model.safetensors' },
        chunkSize: 3 * MB,
        retryDelays: Array(60).fill(250),
        onChunkComplete: (_size, accepted) => {
          if (accepted < 9 * MB || restarted) return;
          restarted = service.end('SIGKILL').then(async () => {
            service = await startApi('first', { PORT: String(port) });
          });
        },
        onError: reject,
        onSuccess: () => resolve(new URL(client.url!).pathname),
      });
      client.start();
    });
    assert.ok(restarted);
    await restarted;
    assert.equal((await recordOf(at(service), path)).sha256, sha256(weights));
    await at(service).fetch(path, { method: 'DELETE' });
    assert.equal(await service.end(), 0);
  });

  it('are swept by a process of the API, also those that it did not take', async () => {
    const lasting = await startApi('first');
    const path = await create(at(lasting), 1000);
    const kept = await create(at(lasting), weights.length);
    const live = await beginPatch(at(lasting), kept, 0, weights.length, weights.subarray(0, 1000));
    const beat = setInterval(() => live.write(weights.subarray(1000, 1100)), 100);
    const sweeper = await startApi('second', { UPLOAD_TTL_SECONDS: '1' });
    for (let tries = 0; tries < 200; tries++) {
      if ((await at(lasting).fetch(path)).status === 404) break;
      await sleep(50);
    }
    assert.equal((await at(lasting).fetch(path)).status, 404);
    assert.equal((await at(lasting).fetch(kept)).status, 200, 'bytes are coming');
    clearInterval(beat);
    live.destroy();
    await at(lasting).fetch(kept, { method: 'DELETE' });
    assert.equal(await sweeper.end(), 0);
    assert.equal(await lasting.end(), 0);
  });

  it('take no more memory for being large', async () => {
    const service = await startApi('first');
    const large = largeAdapter(300 * MB);
    await put(at(service), 'warming-up', 'adapter_model.safetensors', weights);
    const before = peakResidentBytes({ pid: service.child.pid! });
    const answer = await put(at(service), 'the-large-one', 'adapter_model.safetensors', large.weights);
    assert.equal(answer.status, 201);
    assert.equal(((await answer.json()) as UploadRecord).sha256, sha256(large.weights));
    const grown = peakResidentBytes({ pid: service.child.pid! }) - before;
    assert.ok(grown < 100 * MB, `${grown} bytes more`);
    for (const id of ['warming-up', 'the-large-one'])
      await at(service).fetch(`/v1/uploads/${id}`, { method: 'DELETE' });
    assert.equal(await service.end(), 0);
  });

  it('leave no descriptors, files or locks behind, however many break off', async () => {
    const service = await startApi('first');
    const { port } = at(service);
    const descriptors = () => readdirSync(`/proc/${service.child.pid}/fd`).length;
    const breakOff = async (head: string): Promise<void> => {
      const socket: Socket = connect(port, '127.0.0.1');
      socket.on('error', () => {});
      await once(socket, 'connect');
      socket.write(`${head}\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n`);
      socket.write(weights.subarray(0, Math.floor(Math.random() * 100_000)));
      await sleep(Math.random() * 20);
      socket.destroy();
    };
    const path = await create(at(service), weights.length);
    await offsetOf(at(service), path);
    const before = descriptors();
    for (let round = 0; round < 10; round++) {
      await Promise.all(
        Array.from({ length: 10 }, (_, index) =>
          breakOff(
            index % 2 === 0
              ? `PUT /v1/uploads/breaks-off-${index}?filename=adapter_model.safetensors HTTP/1.1`
              : `PATCH ${path} HTTP/1.1\r\nTus-Resumable: 1.0.0\r\nContent-Type: application/offset+octet-stream\r\nUpload-Offset: 0`,
          ),
        ),
      );
    }
    const offset = await offsetOf(at(service), path);
    assert.ok(offset > 0);
    assert.equal((await patch(at(service), path, offset, weights.subarray(offset))).status, 204);
    assert.equal((await recordOf(at(service), path)).sha256, sha256(weights));
    await at(service).fetch(path, { method: 'DELETE' });
    const left = () => [...filesUnder(uploadsFolder), ...filesUnder(join(storage, 'tmp'))];
    for (let tries = 0; tries < 200 && (left().length > 0 || descriptors() > before + 3); tries++)
      await sleep(50);
    assert.deepEqual(left(), []);
    assert.ok(descriptors() <= before + 3, `${descriptors()} descriptors, ${before} before`);
    assert.equal(await service.end(), 0);
  });

  it('become adapters in object storage from the disk of the process that took them', {
    skip: motoIsMissing() ?? false,
  }, async () => {
    const bucket = await startMoto();
    try {
      const service = await startApi('with-s3', {
        ...bucket.env,
        STORAGE_URL: `s3://${BUCKET}/uploads-test`,
        S3_FORCE_PATH_STYLE: 'true',
      });
      const path = await create(at(service), weights.length);
      await patch(at(service), path, 0, weights.subarray(0, 20 * MB));
      await patch(at(service), path, 20 * MB, weights.subarray(20 * MB));
      const made = await makeAdapter(at(service), idOf(path), JSON.parse(config.toString()));
      assert.equal(made.status, 201, await made.clone().text());
      const { id } = (await made.json()) as AdapterRecord;
      const file = await at(service).fetch(`/v1/adapters/${id}/files/adapter_model.safetensors`);
      assert.equal(sha256(Buffer.from(await file.arrayBuffer())), sha256(weights));
      assert.deepEqual(filesUnder(join(scratch, 'with-s3/s3/uploads')), []);
      assert.equal(await service.end(), 0);
    } finally {
      await bucket.stop();
    }
  });
});
