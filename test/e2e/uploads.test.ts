import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Upload } from 'tus-js-client';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import type { UploadRecord } from '../../src/contract/upload.ts';
import { openDatabase } from '../../src/database/open-database.ts';
import { POOL } from '../database/dialects.ts';
import { testDatabase } from '../database/postgres-server.ts';
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
import { buildSafetensors } from '../oracle/safetensors.ts';
import { type ExternalRedis, FIT, startExternalRedis } from '../queue/external-redis.ts';
import { until } from '../queue/harness.ts';
import { descriptorsOf, peakResidentBytes } from './process-tree.ts';

const MB = 1_000_000;
/** The parts of a file that is sent in three. */
const PART = 4 * MB;
/** Much more than a busy machine needs; only work that never ends takes so long. */
const LIMIT_MS = 180_000;
const RETRY_MS = 50;
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** A service configured for upload tools. */
const at = ({ url }: ServiceProcess) => ({
  port: Number(new URL(url).port),
  fetch: (path: string, init?: RequestInit) => fetch(`${url}${path}`, init),
});

/** Two API processes with one storage; the first one is killed and started again. */
describe('uploads across processes', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'squeeze-uploads-'));
  const storage = join(scratch, 'storage');
  const uploadsFolder = join(storage, 'uploads');
  const { weights, config } = largeAdapter(3 * PART);
  let redis: ExternalRedis;
  let databaseUrl: string;
  let first: ServiceProcess;
  let second: ServiceProcess;

  before(async () => {
    mkdirSync(join(scratch, 'redis'));
    redis = await startExternalRedis(join(scratch, 'redis'), FIT);
    databaseUrl = await testDatabase();
    [first, second] = await Promise.all([startApi('first'), startApi('second')]);
  });
  after(async () => {
    try {
      const codes = await Promise.all([first, second].map((service) => service?.end()));
      assert.deepEqual(codes, [0, 0]);
      const database = await openDatabase({ url: databaseUrl, dataDir: scratch, ...POOL });
      const held = database.reader
        .selectFrom('upload_lock')
        .selectAll()
        .where('expires_at', '>', database.now);
      // The locks of requests that broke off end by themselves.
      const isFree = async () => (await held.execute()).length === 0 || undefined;
      await until('the end of all locks', isFree).finally(() => database.close());
    } finally {
      await redis.stop();
      rmSync(scratch, { recursive: true, force: true });
    }
  });

  const startApi = (name: string, env: NodeJS.ProcessEnv = {}): Promise<ServiceProcess> =>
    startService({
      ROLE: 'api',
      REDIS_URL: redis.url,
      DATABASE_URL: databaseUrl,
      DATA_DIR: join(scratch, name),
      STORAGE_URL: `file:${storage}`,
      ...env,
    });

  it('resume where the bytes end after a kill of the process, in the same or another one', async () => {
    const path = await create(at(first), weights.length);
    const sender = await beginPatch(at(first), path, 0, weights.length, weights.subarray(0, PART));
    await received(at(second), path, PART - MB);
    await first.end('SIGKILL');
    sender.destroy();

    // Its lock ends by itself.
    const offset = await offsetOf(at(second), path);
    const { received_bytes: onDisk } = await recordOf(at(second), path);
    assert.ok(offset === onDisk && offset >= PART - MB && offset <= PART, `${offset}`);
    first = await startApi('first');
    assert.equal(await offsetOf(at(first), path), offset);
    assert.equal((await patch(at(first), path, offset, weights.subarray(offset, 2 * PART))).status, 204);
    assert.equal((await patch(at(second), path, 2 * PART, weights.subarray(2 * PART))).status, 204);
    const record = await recordOf(at(first), path);
    assert.deepEqual([record.complete, record.sha256], [true, sha256(weights)]);

    const made = await makeAdapter(at(first), idOf(path), JSON.parse(config.toString()));
    assert.equal(made.status, 201, await made.clone().text());
    const { files } = (await made.json()) as AdapterRecord;
    assert.equal(files.find(({ name }) => name.endsWith('.safetensors'))!.sha256, sha256(weights));
    assert.deepEqual(filesUnder(uploadsFolder), []);
  });

  it('are written by one process at a time: a request for an upload elsewhere ends the request that holds it', async () => {
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
    // The request that wrote may have been ended during its body or after its last byte, by one that then
    // found more bytes than its offset.
    const offset = await offsetOf(at(second), path);
    if (statuses.includes(204)) assert.equal(offset, weights.length);
    else assert.ok(statuses.includes(423) && offset > MB, `${statuses.join()}: ${offset}`);
    if (offset < weights.length)
      assert.equal((await patch(at(second), path, offset, weights.subarray(offset))).status, 204);
    assert.equal((await recordOf(at(first), path)).sha256, sha256(weights));
    slow.destroy();
    assert.equal((await at(second).fetch(path, { method: 'DELETE' })).status, 204);
  });

  it('continue in another process when one hangs, which writes nothing more when it resumes', async () => {
    const path = await create(at(first), weights.length);
    const sender = await beginPatch(at(first), path, 0, weights.length, weights.subarray(0, MB));
    await received(at(second), path, MB);
    first.child.kill('SIGSTOP');
    try {
      // Bytes that do not belong there.
      sender.write(Buffer.alloc(PART));
      assert.equal(await offsetOf(at(second), path), MB);
      assert.equal((await patch(at(second), path, MB, weights.subarray(MB))).status, 204);
    } finally {
      first.child.kill('SIGCONT');
    }
    assert.match(String(await once(sender, 'data')), /^HTTP\/1.1 423 /);
    sender.destroy();
    const [name] = filesUnder(uploadsFolder).filter((file) => file.includes(idOf(path)));
    assert.equal(sha256(readFileSync(join(uploadsFolder, name!))), sha256(weights));
    assert.equal((await recordOf(at(first), path)).sha256, sha256(weights));
    assert.equal((await at(first).fetch(path, { method: 'DELETE' })).status, 204);
  });

  it('survive a kill that a retrying tus client does not notice', async () => {
    const { port } = at(first);
    let restarted: Promise<void> | undefined;
    const path = await new Promise<string>((resolve, reject) => {
      const client = new Upload(weights, {
        endpoint: `http://127.0.0.1:${port}/v1/uploads`,
        metadata: { filename: 'adapter_model.safetensors' },
        chunkSize: MB,
        retryDelays: Array(LIMIT_MS / RETRY_MS).fill(RETRY_MS),
        onChunkComplete: (_size, accepted) => {
          if (accepted < PART || restarted) return;
          restarted = first.end('SIGKILL').then(async () => {
            first = await startApi('first', { PORT: String(port) });
          });
        },
        onError: reject,
        onSuccess: () => resolve(new URL(client.url!).pathname),
      });
      client.start();
    });
    assert.ok(restarted);
    await restarted;
    assert.equal((await recordOf(at(first), path)).sha256, sha256(weights));
    await at(first).fetch(path, { method: 'DELETE' });
  });

  it('are swept by an API process, even those that another process received', async () => {
    const path = await create(at(first), 1000);
    const kept = await create(at(first), weights.length);
    const live = await beginPatch(at(first), kept, 0, weights.length, weights.subarray(0, 1000));
    await received(at(second), kept, 1000);
    const sweeper = await startApi('third', { UPLOAD_TTL_SECONDS: '1' });
    const isGone = async () => (await at(first).fetch(path)).status === 404;
    await until('the end of what is left alone', isGone, LIMIT_MS);
    assert.equal((await at(first).fetch(kept)).status, 200, 'somebody is at work on it');
    live.destroy();
    await at(first).fetch(kept, { method: 'DELETE' });
    assert.equal(await sweeper.end(), 0);
  });

  it('take no more memory when they are large', async () => {
    const pid = first.child.pid!;
    const columns = (150 * MB) / 8;
    const factor = (shape: [number, number]) => ({ dtype: 'F32', shape, bytes: new Uint8Array(4 * columns) });
    const large = buildSafetensors({
      'base_model.model.layers.0.self_attn.q_proj.lora_A.weight': factor([1, columns]),
      'base_model.model.layers.0.self_attn.q_proj.lora_B.weight': factor([columns, 1]),
    });
    await put(at(first), 'warming-up', 'adapter_model.safetensors', weights);
    // The peak is counted from here on; see clear_refs in proc(5).
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
    const before = peakResidentBytes({ pid });
    const answer = await put(at(first), 'the-large-one', 'adapter_model.safetensors', large);
    assert.equal(answer.status, 201);
    assert.equal(((await answer.json()) as UploadRecord).sha256, sha256(large));
    const grown = peakResidentBytes({ pid }) - before;
    assert.ok(grown < large.length / 2, `${grown} bytes more`);
    for (const id of ['warming-up', 'the-large-one'])
      await at(first).fetch(`/v1/uploads/${id}`, { method: 'DELETE' });
  });

  it('leave no descriptors, files or locks behind, however many break off', async () => {
    const { port } = at(first);
    // The connection pool of the database keeps its connections for a while, even without load.
    const descriptors = () => descriptorsOf(first.child.pid!, Number(new URL(databaseUrl).port));
    const breakOff = async (head: string): Promise<void> => {
      const socket: Socket = connect(port, '127.0.0.1');
      socket.on('error', () => {});
      await once(socket, 'connect');
      socket.write(`${head}\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n`);
      socket.write(weights.subarray(0, Math.floor(Math.random() * 100_000)));
      // At any point between the first byte and the last: the uploads differ only in that.
      await sleep(Math.random() * 20);
      socket.destroy();
    };
    const files = () => [...filesUnder(uploadsFolder), ...filesUnder(join(storage, 'tmp'))];
    // Left by processes that were killed in earlier tests, until the next sweep.
    const ofOthers = files();
    const left = () => files().filter((file) => !ofOthers.includes(file));
    const path = await create(at(first), weights.length);
    await offsetOf(at(first), path);
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
    // Uploads that broke off stay locked until their end is noticed; earlier requests get 423 and must be
    // repeated.
    const rest = async (): Promise<number | undefined> => {
      const offset = await offsetOf(at(first), path).catch(() => undefined);
      if (offset === undefined) return undefined;
      assert.ok(offset > 0);
      const { status } = await patch(at(first), path, offset, weights.subarray(offset));
      return status === 423 ? undefined : status;
    };
    assert.equal(await until('the upload is free', rest, LIMIT_MS), 204);
    assert.equal((await recordOf(at(first), path)).sha256, sha256(weights));
    await at(first).fetch(path, { method: 'DELETE' });
    const isTidy = () => left().length === 0 && descriptors() <= before + 3;
    await until('the end of it all', isTidy, LIMIT_MS).catch(() => undefined);
    assert.deepEqual(left(), []);
    assert.ok(descriptors() <= before + 3, `${descriptors()} descriptors, ${before} before`);
  });
});
