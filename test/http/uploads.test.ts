import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import type { UploadRecord } from '../../src/contract/upload.ts';
import { contentKey } from '../../src/resources/contents/content-files.ts';
import { openSocket, parseResponse, readAll } from './raw-request.ts';
import { problemIn, readRecord, startServer, type TestServer } from './server.ts';
import { CONFIG, tinyAdapter, WEIGHTS } from './tiny-adapter.ts';
import {
  attack,
  create,
  filesUnder,
  idOf,
  largeAdapter,
  makeAdapter,
  patch,
  put,
  recordOf,
} from './uploads-tools.ts';

const { weights, config } = tinyAdapter();
const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();
const digest = (bytes: Uint8Array): string => `sha-256=:${sha256(bytes).toString('base64')}:`;

describe('files that are sent with PUT', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer({ maxUploadBytes: 200_000, uploadIdleTimeoutMs: 400 });
  });
  after(() => server.close());
  afterEach(async () => {
    for (const { id } of await list()) await server.fetch(`/v1/uploads/${id}`, { method: 'DELETE' });
    await server.assertNoLeftovers();
    assert.deepEqual(filesUnder(join(server.root, 'uploads')), []);
  });

  const list = async (): Promise<UploadRecord[]> =>
    ((await (await server.fetch('/v1/uploads')).json()) as { data: UploadRecord[] }).data;

  it('have their size and digest, and are replaced by the next one with that id', async () => {
    const first = await put(server, 'my-weights', WEIGHTS, weights);
    assert.equal(first.status, 201);
    assert.equal(first.headers.get('location'), '/v1/uploads/my-weights');
    const record = (await first.json()) as UploadRecord;
    assert.deepEqual(
      { ...record, created_at: '', expires_at: '' },
      {
        id: 'my-weights',
        filename: WEIGHTS,
        received_bytes: weights.length,
        total_bytes: weights.length,
        complete: true,
        sha256: sha256(weights).toString('hex'),
        created_at: '',
        expires_at: '',
      },
    );
    const ttl = Date.parse(record.expires_at) - Date.now();
    assert.ok(ttl > 86_000_000 && ttl <= 86_400_000, record.expires_at);
    assert.deepEqual(await recordOf(server, '/v1/uploads/my-weights'), record);

    const other = tinyAdapter(2).weights;
    const second = await put(server, 'my-weights', WEIGHTS, other);
    assert.equal(second.status, 200);
    assert.equal(((await second.json()) as UploadRecord).sha256, sha256(other).toString('hex'));
    assert.equal((await list()).length, 1);
    assert.equal(filesUnder(join(server.root, 'uploads')).length, 1, 'the first one is gone');
  });

  it('can be sent with curl -T directly', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'curl-test-'));
    try {
      const path = join(folder, WEIGHTS);
      await writeFile(path, weights);
      const url = `${server.url}/v1/uploads/by-curl-1?filename=${WEIGHTS}`;
      const { stdout } = await promisify(execFile)('curl', ['-sS', '-T', path, url]);
      assert.equal((JSON.parse(stdout) as UploadRecord).sha256, sha256(weights).toString('hex'));
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('are compared with the digests sent with them', async () => {
    for (const header of ['content-digest', 'repr-digest']) {
      const good = await put(server, 'with-digest', WEIGHTS, weights, { [header]: digest(weights) });
      assert.ok(good.ok, header);
      const before = await recordOf(server, '/v1/uploads/with-digest');
      const bad = await put(server, 'with-digest', WEIGHTS, weights, { [header]: digest(config) });
      await problemIn(bad, 400, 'DIGEST_MISMATCH');
      assert.deepEqual(await recordOf(server, '/v1/uploads/with-digest'), before, 'the old one stays');
    }
  });

  it('are refused for their name, size, type, id or content, and nothing of them is kept', async () => {
    const cases: [string, Promise<Response>, number, string][] = [
      [
        'no name',
        server.fetch('/v1/uploads/no-name-here', { method: 'PUT', body: new Uint8Array(9) }),
        422,
        'UPLOAD_FILENAME',
      ],
      ['other name', put(server, 'other-name', 'weights.txt', weights), 422, 'UPLOAD_FILENAME'],
      ['short id', put(server, 'short', WEIGHTS, weights), 400, 'VALIDATION_FAILED'],
      ['id with a path', put(server, '..%2f..%2fetc%2fpasswd', WEIGHTS, weights), 400, 'VALIDATION_FAILED'],
      ['id with NUL', put(server, 'abcdefgh%00', WEIGHTS, weights), 400, 'VALIDATION_FAILED'],
      ['too large', put(server, 'too-large', WEIGHTS, Buffer.alloc(200_001)), 413, 'UPLOAD_TOO_LARGE'],
      ['large config', put(server, 'large-config', CONFIG, Buffer.alloc(200_001)), 422, 'CONFIG_TOO_LARGE'],
      [
        'type',
        put(server, 'of-a-type', WEIGHTS, weights, { 'content-type': 'text/html' }),
        415,
        'UNSUPPORTED_MEDIA_TYPE',
      ],
      [
        'part',
        put(server, 'of-a-part', WEIGHTS, weights, { 'content-range': 'bytes 0-9/20' }),
        400,
        'BAD_REQUEST',
      ],
      [
        'encoding',
        put(server, 'encoded-x', WEIGHTS, weights, { 'content-encoding': 'gzip' }),
        415,
        'UNSUPPORTED_CONTENT_ENCODING',
      ],
      [
        'pickle',
        put(server, 'a-pickle-1', WEIGHTS, Buffer.from('\x80\x04\x95 and more', 'latin1')),
        415,
        'PICKLE_REFUSED',
      ],
      ['half', put(server, 'half-a-file', WEIGHTS, weights.subarray(0, -1)), 422, 'ST_BUFFER_NOT_COVERED'],
      ['empty', put(server, 'empty-file', WEIGHTS, ''), 422, 'ST_HEADER_TOO_SMALL'],
    ];
    for (const [, response, status, code] of cases) await problemIn(await response, status, code);
    const pickled = await server.fetch('/v1/uploads/named-pickle?filename=adapter_model.bin', {
      method: 'PUT',
      body: new Uint8Array(9),
    });
    await problemIn(pickled, 415, 'PICKLE_REFUSED');
    assert.deepEqual(await list(), []);
  });

  it('are refused during the body for a bad header, however much would follow', async () => {
    const socket = await openSocket(server.port);
    const bad = attack('safetensors/e01_dup_key_same.safetensors').subarray(0, 4000);
    socket.write(
      `PUT /v1/uploads/bad-header?filename=${WEIGHTS} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 190000\r\n\r\n`,
    );
    socket.write(bad);
    const response = parseResponse(await readAll(socket));
    assert.equal(response.status, 422, response.body);
    assert.match(JSON.parse(response.body).code, /^ST_/);
  });

  it('that stall or break off leave nothing', async () => {
    const stalled = await openSocket(server.port);
    const head = `PUT /v1/uploads/stalling-1?filename=${WEIGHTS} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${weights.length}\r\n\r\n`;
    stalled.write(head);
    stalled.write(weights.subarray(0, 1000));
    const response = parseResponse(await readAll(stalled));
    assert.equal(response.status, 408);
    assert.equal(JSON.parse(response.body).code, 'UPLOAD_TOO_SLOW');
    const broken = await openSocket(server.port);
    broken.write(head);
    broken.write(weights.subarray(0, 1000));
    broken.destroy();
    assert.deepEqual(await list(), []);
  });

  it('are removed on request, once', async () => {
    await put(server, 'not-wanted', WEIGHTS, weights);
    const remove = () => server.fetch('/v1/uploads/not-wanted', { method: 'DELETE' });
    assert.equal((await remove()).status, 204);
    await problemIn(await remove(), 404, 'UPLOAD_NOT_FOUND');
    await problemIn(await server.fetch('/v1/uploads/not-wanted'), 404, 'UPLOAD_NOT_FOUND');
    await problemIn(await server.fetch('/v1/uploads/..%2f..%2fx'), 404, 'UPLOAD_NOT_FOUND');
  });
});

describe('adapters created from uploads', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer();
  });
  after(() => server.close());
  afterEach(() => server.assertNoLeftovers());

  it('equal those sent as multipart, and use the uploads up', async () => {
    // Large enough to be kept in the storage.
    const large = largeAdapter(40_000);
    await put(server, 'the-weights', WEIGHTS, large.weights);
    await put(server, 'the-config', CONFIG, large.config);
    const inode = await inodeOf('the-weights');
    const made = await makeAdapter(server, 'the-weights', 'the-config', {
      labels: { team: 'x' },
      license: 'apache-2.0',
      ttl_seconds: 3600,
    });
    assert.equal(made.status, 201, await made.clone().text());
    const record = (await made.json()) as AdapterRecord;
    assert.equal(made.headers.get('location'), `/v1/adapters/${record.id}`);
    assert.deepEqual([record.labels, record.license], [{ team: 'x' }, 'apache-2.0']);
    assert.ok(Date.parse(record.expires_at!) > Date.now());
    assert.deepEqual(filesUnder(join(server.root, 'uploads')), []);
    const file = await stat(join(server.root, await keyOfWeights(record.id)));
    assert.equal(file.ino, inode, 'moved, not copied');
    assert.equal(file.nlink, 1);

    // The same content as multipart shares the bytes, and the other way round.
    const twin = await server.upload(large);
    await put(server, 'the-weights', WEIGHTS, large.weights);
    await put(server, 'the-config', CONFIG, large.config);
    const again = await makeAdapter(server, 'the-weights', 'the-config');
    assert.equal(again.status, 201);
    const third = (await again.json()) as AdapterRecord;
    assert.deepEqual([record.content_known, third.content_known], [false, true]);
    assert.deepEqual(
      [third.labels, third.expires_at],
      [{}, null],
      'the labels and expiry of the first adapter do not apply to it',
    );
    assert.deepEqual(filesUnder(join(server.root, 'uploads')), []);
    assert.equal(new Set([record.id, twin.id, third.id]).size, 3);
    for (const { id } of [twin, third]) assert.equal(await keyOfWeights(id), await keyOfWeights(record.id));
    assert.equal(filesUnder(join(server.root, 'content')).length, 1);
    assert.deepEqual(await (await server.fetch(`/v1/adapters/${record.id}`)).json(), readRecord(record));
  });

  /** The path of the weights in the storage. */
  async function keyOfWeights(id: string): Promise<string> {
    const { files } = await server.adapters.stored(id);
    return contentKey(files.find(({ name }) => name === WEIGHTS)!.content);
  }

  async function inodeOf(id: string): Promise<number> {
    const folder = join(server.root, 'uploads/default');
    const [name] = filesUnder(folder).filter((file) => file.startsWith(`${id}.`));
    return (await stat(join(folder, name!))).ino;
  }

  it('may have their configuration inline', async () => {
    const { weights: other, config: otherConfig } = tinyAdapter(3);
    await put(server, 'inline-weights', WEIGHTS, other);
    const made = await makeAdapter(server, 'inline-weights', JSON.parse(otherConfig.toString()));
    assert.equal(made.status, 201, await made.clone().text());
    assert.equal(((await made.json()) as AdapterRecord).base_model, 'some/model');
  });

  it('may consist of uploads that arrived in pieces', async () => {
    const { weights: other, config: otherConfig } = tinyAdapter(4);
    const path = await create(server, other.length);
    await patch(server, path, 0, other.subarray(0, 100));
    await problemIn(await makeAdapter(server, idOf(path), {}), 409, 'UPLOAD_INCOMPLETE');
    await patch(server, path, 100, other.subarray(100));
    assert.equal((await makeAdapter(server, idOf(path), JSON.parse(otherConfig.toString()))).status, 201);
  });

  it('are refused like multipart, and then the uploads remain', async () => {
    await put(server, 'kept-weights', WEIGHTS, weights);
    await put(server, 'bad-config', CONFIG, '{"peft_type": "IA3"}');
    const before = filesUnder(join(server.root, 'uploads'));
    const cases: [string, string | object, number, string][] = [
      ['kept-weights', 'bad-config', 422, 'CONFIG_PEFT_TYPE'],
      ['kept-weights', { peft_type: 'LORA', r: 0 }, 422, 'CONFIG_RANK'],
      ['kept-weights', 'kept-weights', 422, 'UPLOAD_FILENAME'],
      ['bad-config', 'bad-config', 422, 'UPLOAD_FILENAME'],
      ['kept-weights', 'no-such-upload', 404, 'UPLOAD_NOT_FOUND'],
      ['kept-weights', 'short', 400, 'VALIDATION_FAILED'],
      ['../../../etc/passwd', 'bad-config', 400, 'VALIDATION_FAILED'],
    ];
    for (const [one, other, status, code] of cases)
      await problemIn(await makeAdapter(server, one, other), status, code);
    const nothing = await server.fetch('/v1/adapters/from-uploads', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ files: { [WEIGHTS]: 'kept-weights' } }),
    });
    await problemIn(nothing, 422, 'FILE_MISSING');
    assert.deepEqual(filesUnder(join(server.root, 'uploads')), before);
    assert.equal(
      (await recordOf(server, '/v1/uploads/kept-weights')).sha256,
      sha256(weights).toString('hex'),
    );
    for (const id of ['kept-weights', 'bad-config'])
      await server.fetch(`/v1/uploads/${id}`, { method: 'DELETE' });
  });

  it('use uploads once, even if several requests do so at the same time', async () => {
    const { weights: other, config: otherConfig } = tinyAdapter(5);
    await put(server, 'raced-weights', WEIGHTS, other);
    await put(server, 'raced-config', CONFIG, otherConfig);
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => makeAdapter(server, 'raced-weights', 'raced-config')),
    );
    const statuses = answers.map(({ status }) => status).sort();
    assert.deepEqual(statuses, [201, 404, 404, 404, 404, 404]);
  });

  it('belong, like the uploads, to one tenant', async () => {
    const walled = await startServer({}, { auth: { mode: 'keys' } });
    try {
      const keyOf = async (tenant: string) =>
        (
          await walled.keys.create({
            tenant,
            makesTenant: true,
            name: '',
            scopes: ['read', 'write'],
            expiresAt: null,
          })
        ).key;
      const as = (key: string): Pick<TestServer, 'fetch'> => ({
        fetch: (path, init) =>
          walled.fetch(path, {
            ...init,
            headers: { ...(init?.headers as object), authorization: `Bearer ${key}` },
          }),
      });
      const ours = as(await keyOf('red'));
      const theirs = as(await keyOf('blue'));
      const path = await create(ours, 1000);
      await put(ours, 'my-weights', WEIGHTS, weights);
      for (const attempt of [
        theirs.fetch(path),
        theirs.fetch('/v1/uploads/my-weights'),
        theirs.fetch(path, { method: 'DELETE' }),
        patch(theirs, path, 0, randomBytes(10)),
        makeAdapter(theirs, 'my-weights', {}),
      ])
        await problemIn(await attempt, 404, 'UPLOAD_NOT_FOUND');
      assert.equal((await theirs.fetch(path, { method: 'HEAD' })).status, 404);
      assert.deepEqual(await (await theirs.fetch('/v1/uploads')).json(), { data: [], next_cursor: null });
      // For another tenant, the same id is a different upload.
      assert.equal((await put(theirs, 'my-weights', WEIGHTS, tinyAdapter(9).weights)).status, 201);
      assert.equal((await recordOf(ours, '/v1/uploads/my-weights')).sha256, sha256(weights).toString('hex'));
      await problemIn(await walled.fetch('/v1/uploads'), 401, 'KEY_MISSING');
      assert.equal((await walled.fetch('/v1/uploads', { method: 'OPTIONS' })).status, 401);
    } finally {
      await walled.close();
    }
  });
});
