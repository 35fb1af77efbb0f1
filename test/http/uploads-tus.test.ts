import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { Upload, type UploadOptions } from 'tus-js-client';
import { UploadService } from '../../src/resources/uploads/service.ts';
import fc from '../fast-check.ts';
import { assembleSafetensors } from '../oracle/safetensors.ts';
import { until } from '../queue/harness.ts';
import { rawRequest } from './raw-request.ts';
import { problemIn, startServer, type TestServer } from './server.ts';
import { CONFIG, tinyAdapter, WEIGHTS } from './tiny-adapter.ts';
import {
  beginPatch,
  create,
  cuttingRelay,
  filesUnder,
  idOf,
  largeAdapter,
  makeAdapter,
  metadataOf,
  offsetOf,
  openFiles,
  patch,
  received,
  recordOf,
  TUS,
  TUS_TYPE,
} from './uploads-tools.ts';

const { weights, config } = tinyAdapter();
const LIMIT = 8_000_000;
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Uploads with the client that users have, and returns the path of the upload. */
const upload = (file: Buffer, endpoint: string, options: Partial<UploadOptions> = {}): Promise<string> =>
  new Promise((resolve, reject) => {
    const client = new Upload(file, {
      endpoint,
      metadata: { filename: WEIGHTS, filetype: 'application/octet-stream' },
      retryDelays: null,
      onError: reject,
      onSuccess: () => resolve(new URL(client.url!).pathname),
      ...options,
    });
    client.start();
  });

let server: TestServer;
before(async () => {
  server = await startServer({ maxUploadBytes: LIMIT, uploadIdleTimeoutMs: 500 });
});
after(() => server.close());
afterEach(async () => {
  const { data: uploads } = (await (await server.fetch('/v1/uploads')).json()) as { data: { id: string }[] };
  for (const { id } of uploads) await server.fetch(`/v1/uploads/${id}`, { method: 'DELETE' });
  await server.assertNoLeftovers();
  assert.deepEqual(filesUnder(join(server.root, 'uploads')), []);
});

describe('tus-js-client', () => {
  it('uploads in one piece, in chunks, with the first bytes in the first request, and with an unknown size', async () => {
    const { weights: large } = largeAdapter(300_000);
    const ways: Partial<UploadOptions>[] = [
      {},
      { chunkSize: 70_001 },
      { uploadDataDuringCreation: true },
      { uploadDataDuringCreation: true, chunkSize: 65_536 },
      { uploadLengthDeferred: true, chunkSize: 100_000 },
    ];
    for (const way of ways) {
      const path = await upload(large, `${server.url}/v1/uploads`, way);
      const record = await recordOf(server, path);
      assert.deepEqual(
        [record.complete, record.sha256, record.total_bytes],
        [true, sha256(large), large.length],
      );
      await server.fetch(path, { method: 'DELETE' });
    }
  });

  it('continues after every break of the connection, wherever that is', async () => {
    const { weights: large, config: largeConfig } = largeAdapter(3_000_000);
    let left = 12;
    const relay = await cuttingRelay(server.port, () =>
      left-- > 0 ? 1 + Math.floor(Math.random() * 600_000) : 0,
    );
    const before = openFiles();
    try {
      const path = await upload(large, `${relay.url}/v1/uploads`, { retryDelays: Array(40).fill(0) });
      assert.ok(relay.cuts() > 3, `${relay.cuts()} cuts`);
      assert.equal((await recordOf(server, path)).sha256, sha256(large));
      const made = await makeAdapter(server, idOf(path), JSON.parse(largeConfig.toString()));
      assert.equal(made.status, 201, await made.text());
    } finally {
      await relay.close();
    }
    await until('no descriptor is left open', () => openFiles() <= before + 4);
  });

  it('learns what is wrong with a file long before its end', async () => {
    const bad = Buffer.concat([
      assembleSafetensors('{"a":{"dtype":"F32"', new Uint8Array(0)),
      randomBytes(7_000_000),
    ]);
    let sent = 0;
    const failed = await upload(bad, `${server.url}/v1/uploads`, {
      chunkSize: 100_000,
      onChunkComplete: (_size, accepted) => {
        sent = accepted;
      },
    }).then(
      () => assert.fail('accepted'),
      (error: Error) => error.message,
    );
    assert.match(failed, /ST_HEADER_JSON/);
    assert.equal(sent, 0);
  });
});

describe('the tus protocol', () => {
  it('states its capabilities', async () => {
    const response = await server.fetch('/v1/uploads', { method: 'OPTIONS' });
    assert.equal(response.status, 204);
    const header = (name: string) => response.headers.get(name);
    assert.deepEqual(
      [header('tus-version'), header('tus-resumable'), header('tus-max-size'), header('tus-extension')],
      [
        '1.0.0',
        '1.0.0',
        String(LIMIT),
        'creation,creation-with-upload,creation-defer-length,termination,expiration',
      ],
    );
    assert.equal(header('x-content-type-options'), 'nosniff');
    assert.equal(header('access-control-allow-origin'), null, 'no page of another origin was invited');
  });

  it('creates an upload, reports its state, accepts bytes, and removes it', async () => {
    const path = await create(server, weights.length);
    const expires = (await patch(server, path, 0, weights.subarray(0, 10))).headers.get('upload-expires')!;
    const ttlMs = Date.parse(expires) - Date.now();
    assert.ok(ttlMs > 86_390_000 && ttlMs <= 86_400_000, expires);
    const look = await server.fetch(path, { method: 'HEAD', headers: TUS });
    assert.deepEqual(
      ['upload-offset', 'upload-length', 'cache-control', 'tus-resumable', 'upload-metadata'].map((name) =>
        look.headers.get(name),
      ),
      ['10', String(weights.length), 'no-store', '1.0.0', metadataOf({ filename: WEIGHTS })],
    );
    const rest = await patch(server, path, 10, weights.subarray(10));
    assert.deepEqual([rest.status, rest.headers.get('upload-offset')], [204, String(weights.length)]);
    assert.ok(rest.headers.get('x-request-id') && rest.headers.get('content-security-policy'));
    assert.equal((await recordOf(server, path)).sha256, sha256(weights));
    assert.equal((await server.fetch(path, { method: 'DELETE', headers: TUS })).status, 204);
    assert.equal((await server.fetch(path, { method: 'HEAD', headers: TUS })).status, 404);
    await problemIn(await patch(server, path, 0, weights), 404, 'UPLOAD_NOT_FOUND');
  });

  it('answers every refusal with a problem document', async () => {
    const path = await create(server, 1000);
    const post = (headers: Record<string, string>) =>
      server.fetch('/v1/uploads', { method: 'POST', headers });
    const named = { 'upload-metadata': metadataOf({ filename: WEIGHTS }) };
    const cases: [Promise<Response>, number, string][] = [
      [post({ 'upload-length': '5', ...named }), 412, 'UPLOAD_VERSION'],
      [post({ 'tus-resumable': '0.2.2', 'upload-length': '5', ...named }), 412, 'UPLOAD_VERSION'],
      [post({ ...TUS, ...named }), 400, 'UPLOAD_HEADER'],
      [post({ ...TUS, ...named, 'upload-length': '-1' }), 400, 'UPLOAD_HEADER'],
      [post({ ...TUS, ...named, 'upload-length': '1e3' }), 400, 'UPLOAD_HEADER'],
      [post({ ...TUS, ...named, 'upload-length': '5', 'upload-concat': 'partial' }), 400, 'UPLOAD_HEADER'],
      [post({ ...TUS, ...named, 'upload-length': String(LIMIT + 1) }), 413, 'UPLOAD_TOO_LARGE'],
      [post({ ...TUS, 'upload-length': '5' }), 422, 'UPLOAD_FILENAME'],
      [post({ ...TUS, ...named, 'upload-length': '0' }), 422, 'ST_HEADER_TOO_SMALL'],
      [
        post({ ...TUS, 'upload-length': '2000000', 'upload-metadata': metadataOf({ filename: CONFIG }) }),
        422,
        'CONFIG_TOO_LARGE',
      ],
      [patch(server, path, 7, weights.subarray(0, 10)), 409, 'UPLOAD_OFFSET'],
      [patch(server, path, 0, Buffer.alloc(1001)), 413, 'UPLOAD_TOO_LARGE'],
      [patch(server, path, 0, weights, { 'upload-offset': 'x' }), 400, 'UPLOAD_HEADER'],
      [
        patch(server, path, 0, weights, { 'content-type': 'application/json' }),
        415,
        'UNSUPPORTED_MEDIA_TYPE',
      ],
      [patch(server, path, 0, weights, { 'tus-resumable': '2.0.0' }), 412, 'UPLOAD_VERSION'],
      [patch(server, path, 0, weights.subarray(0, 9), { 'upload-length': '9' }), 400, 'UPLOAD_HEADER'],
      [patch(server, `${path}x`, 0, weights), 404, 'UPLOAD_NOT_FOUND'],
      [patch(server, '/v1/uploads/..%2f..%2fetc', 0, weights), 404, 'UPLOAD_NOT_FOUND'],
      [server.fetch('/v1/uploads/no-such-upload', { method: 'DELETE' }), 404, 'UPLOAD_NOT_FOUND'],
      [server.fetch('/v1/uploads', { method: 'PATCH' }), 405, 'METHOD_NOT_ALLOWED'],
    ];
    for (const [index, [response, status, code]] of cases.entries()) {
      const answer = await response;
      await problemIn(answer, status, code).catch((error) => assert.fail(`case ${index}: ${error.message}`));
      assert.equal(answer.headers.get('tus-version'), status === 412 ? '1.0.0' : null, `case ${index}`);
    }
    assert.equal(await offsetOf(server, path), 0);
  });

  it('accepts only the two file names of an adapter, and no paths', async () => {
    const hostile = [
      '../../../etc/passwd',
      `/${WEIGHTS}`,
      `${WEIGHTS}\0.exe`,
      `a/${WEIGHTS}`,
      '..',
      '',
      WEIGHTS.toUpperCase(),
      'C:\\adapter_model.safetensors',
      '__proto__',
      '\u202e',
      'x'.repeat(1500),
    ];
    for (const filename of hostile) {
      const headers = { ...TUS, 'upload-length': '5', 'upload-metadata': metadataOf({ filename }) };
      const problem = await problemIn(
        await server.fetch('/v1/uploads', { method: 'POST', headers }),
        422,
        'UPLOAD_FILENAME',
      );
      assert.ok(problem.detail.length < 400);
    }
    const pickle = {
      ...TUS,
      'upload-length': '5',
      'upload-metadata': metadataOf({ filename: 'adapter_model.bin' }),
    };
    await problemIn(
      await server.fetch('/v1/uploads', { method: 'POST', headers: pickle }),
      415,
      'PICKLE_REFUSED',
    );
    for (const more of ['x'.repeat(10_000), 'x'.repeat(3000)]) {
      const headers = {
        ...TUS,
        'upload-length': '5',
        'upload-metadata': metadataOf({ filename: WEIGHTS, more }),
      };
      await problemIn(await server.fetch('/v1/uploads', { method: 'POST', headers }), 400, 'UPLOAD_HEADER');
    }
    for (const text of [
      'filename',
      'filename !!',
      'filename YQ',
      ',',
      'filename YQ==,filename YQ==',
      ' ',
      'é YQ==',
    ]) {
      const head = `POST /v1/uploads HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\nUpload-Length: 5\r\nUpload-Metadata: ${text}\r\nConnection: close\r\n\r\n`;
      const { status } = await rawRequest(server.port, head, true);
      assert.ok(status === 400 || status === 422, `${JSON.stringify(text)}: ${status}`);
    }
  });

  it('keeps what arrived before the connection broke or the client stalled or became too slow', async () => {
    const { weights: large } = largeAdapter(500_000);
    const path = await create(server, large.length);
    const broken = await beginPatch(server, path, 0, large.length, large.subarray(0, 100_000));
    await received(server, path, 100_000);
    broken.destroy();
    assert.equal(await offsetOf(server, path), 100_000);

    const stalled = await beginPatch(server, path, 100_000, 400_000, large.subarray(100_000, 250_000));
    let answer = '';
    stalled.on('data', (chunk) => {
      answer += chunk;
    });
    await new Promise((resolve) => stalled.once('close', resolve));
    assert.match(answer, /^HTTP\/1.1 408/);
    assert.match(answer, /UPLOAD_TOO_SLOW/);
    assert.match(answer, /upload-offset: 250000/i);
    assert.equal(await offsetOf(server, path), 250_000);

    const dripping = await beginPatch(server, path, 250_000, 250_000, large.subarray(250_000, 250_001));
    const drip = setInterval(() => dripping.write(large.subarray(250_001, 250_002)), 50);
    await new Promise((resolve) => dripping.once('close', resolve));
    clearInterval(drip);
    const offset = await offsetOf(server, path);
    assert.ok(offset > 250_000 && offset < 250_200, `${offset}`);
  });

  it('checks the digest of a piece, and keeps nothing of one that does not match or is incomplete', async () => {
    const path = await create(server, weights.length);
    const piece = weights.subarray(0, 500);
    const digest = { 'content-digest': `sha-256=:${Buffer.from(sha256(piece), 'hex').toString('base64')}:` };
    assert.equal((await patch(server, path, 0, piece, digest)).status, 204);
    await problemIn(
      await patch(server, path, 500, weights.subarray(500, 1000), digest),
      400,
      'DIGEST_MISMATCH',
    );
    assert.equal(await offsetOf(server, path), 500);
    await problemIn(
      await patch(server, path, 500, piece, { 'content-digest': 'nonsense' }),
      400,
      'DIGEST_INVALID',
    );
    assert.equal((await patch(server, path, 500, weights.subarray(500))).status, 204);
    assert.equal((await recordOf(server, path)).sha256, sha256(weights));
  });

  it('lets one request write at a time: a later one ends the earlier, and bytes never interleave', async () => {
    const { weights: large } = largeAdapter(400_000);
    const path = await create(server, large.length);
    const slow = await beginPatch(server, path, 0, large.length, large.subarray(0, 50_000));
    await received(server, path, 50_000);
    // Writes at the offset of the first one, which is no longer the end.
    const late = await patch(server, path, 0, large);
    await problemIn(late, 409, 'UPLOAD_OFFSET');
    slow.destroy();
    assert.equal(await offsetOf(server, path), 50_000);
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => patch(server, path, 50_000, large.subarray(50_000))),
    );
    const statuses = answers.map(({ status }) => status).sort();
    assert.equal(statuses[0], 204);
    for (const status of statuses.slice(1)) assert.ok(status === 409 || status === 423, statuses.join());
    assert.equal((await recordOf(server, path)).sha256, sha256(large));
  });

  it('refuses weights as early as their bytes allow, however they are split, and removes the upload', async () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 6 });
    const bad = assembleSafetensors(
      '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,9]}}',
      new Uint8Array(9),
    );
    await fc.assert(
      fc.asyncProperty(cuts, async (sizes) => {
        const path = await create(server, 500_000);
        let offset = 0;
        for (const size of [...sizes, 100]) {
          const piece = bad.subarray(offset, offset + size);
          const answer = await patch(server, path, offset, piece);
          if (answer.status === 204) {
            offset += piece.length;
            assert.ok(offset < bad.length - 9, 'the header is complete');
            continue;
          }
          assert.match(
            (await problemIn(answer, 422, JSON.parse(await answer.clone().text()).code)).code,
            /^ST_/,
          );
          await problemIn(await server.fetch(path), 404, 'UPLOAD_NOT_FOUND');
          return;
        }
        assert.fail('accepted');
      }),
      { numRuns: 30 },
    );
  });

  it('refuses weights whose header does not fit the announced size, by the size alone', async () => {
    for (const bytes of [weights.length - 1, weights.length + 1]) {
      const path = await create(server, bytes);
      await problemIn(await patch(server, path, 0, weights.subarray(0, 1000)), 422, 'ST_BUFFER_NOT_COVERED');
    }
    // Including pieces that another process received.
    const path = await create(server, null);
    await patch(server, path, 0, weights.subarray(0, 900));
    const other = new UploadService({
      database: server.database,
      folder: join(server.root, 'uploads'),
      maxUploadBytes: LIMIT,
      ttlMs: 1e6,
    });
    const uploads = other.of(server.workspaces.of('default'));
    const unlock = await uploads.lock(idOf(path));
    const rest = [weights.subarray(900), Buffer.from('more')];
    const appended = uploads.append(
      idOf(path),
      900,
      (async function* () {
        yield* rest;
      })(),
    );
    await assert.rejects(appended, { code: 'ST_BUFFER_NOT_COVERED' });
    await unlock();
    other.close();
    await problemIn(await server.fetch(path), 404, 'UPLOAD_NOT_FOUND');
  });

  it('enforces the size that was announced later for an upload of unknown size', async () => {
    const path = await create(server, null, CONFIG);
    assert.equal((await server.fetch(path, { method: 'HEAD' })).headers.get('upload-defer-length'), '1');
    assert.equal((await patch(server, path, 0, config.subarray(0, 5))).status, 204);
    await problemIn(await patch(server, path, 5, Buffer.alloc(1_100_000)), 422, 'CONFIG_TOO_LARGE');
    const at = await offsetOf(server, path);
    await problemIn(
      await patch(server, path, at, Buffer.alloc(0), { 'upload-length': '2' }),
      400,
      'UPLOAD_HEADER',
    );
    const done = await patch(server, path, at, Buffer.alloc(0), { 'upload-length': String(at) });
    assert.equal(done.status, 204);
    assert.equal((await recordOf(server, path)).complete, true);
  });

  it('does not continue an expired upload', async () => {
    const folder = join(server.root, 'short-lived');
    const limits = { database: server.database, folder, maxUploadBytes: LIMIT };
    const uploads = new UploadService({ ...limits, ttlMs: 300 });
    // Two processes share the folder: an upload that one of them still keeps has already expired for the
    // other.
    const kept = new UploadService({ ...limits, ttlMs: 86_400_000 });
    const patient = await startServer({}, { uploads: kept });
    const hasty = await startServer({}, { uploads });
    try {
      const path = await create(patient, 1000);
      const headOf = (one: TestServer) => one.fetch(path, { method: 'HEAD', headers: TUS });
      await until('the end of the upload', async () => (await headOf(hasty)).status === 410);
      assert.equal((await headOf(patient)).status, 200);
      await problemIn(await patch(hasty, path, 0, weights.subarray(0, 9)), 410, 'UPLOAD_EXPIRED');
      await problemIn(await hasty.fetch(path), 410, 'UPLOAD_EXPIRED');
      assert.deepEqual(await (await hasty.fetch('/v1/uploads')).json(), { data: [], next_cursor: null });
      assert.equal(await uploads.sweep(), 1);
      await problemIn(await hasty.fetch(path), 404, 'UPLOAD_NOT_FOUND');
      assert.deepEqual(filesUnder(folder), []);
    } finally {
      for (const one of [patient, hasty]) await one.close();
      for (const one of [kept, uploads]) one.close();
    }
  });

  it('limits the unfinished uploads of a tenant', async () => {
    const most = await startServer({ maxUploadBytes: 100_000 });
    try {
      for (let count = 0; count < 4; count++) await create(most, 100_000);
      const headers = {
        ...TUS,
        'upload-length': '100',
        'upload-metadata': metadataOf({ filename: WEIGHTS }),
      };
      const refused = await most.fetch('/v1/uploads', { method: 'POST', headers });
      assert.equal(refused.headers.get('retry-after'), '600');
      await problemIn(refused, 429, 'QUOTA_UPLOADS');
      assert.equal(filesUnder(join(most.root, 'uploads')).length, 4);
    } finally {
      await most.close();
    }
    const many = await Promise.all(
      Array.from({ length: 130 }, () =>
        server.fetch('/v1/uploads', {
          method: 'POST',
          headers: { ...TUS, 'upload-length': '100', 'upload-metadata': metadataOf({ filename: WEIGHTS }) },
        }),
      ),
    );
    const created = many.filter(({ status }) => status === 201).length;
    assert.ok(created > 0 && created <= 100, `${created}`);
    assert.ok(many.every(({ status }) => status === 201 || status === 429));
  });

  it('accepts nothing more while the service is stopping', async () => {
    const path = await create(server, weights.length);
    server.stopping = true;
    try {
      await problemIn(await patch(server, path, 0, weights), 503, 'SHUTTING_DOWN');
      const post = await server.fetch('/v1/uploads', { method: 'POST', headers: { ...TUS, ...TUS_TYPE } });
      await problemIn(post, 503, 'SHUTTING_DOWN');
      assert.equal(await offsetOf(server, path), 0, 'looking goes on');
    } finally {
      server.stopping = false;
    }
  });

  it('counts uploads and their bytes', async () => {
    const path = await create(server, weights.length);
    const read = async (name: string) =>
      Number(
        new RegExp(`^${name.replace(/[{}]/g, '\\$&')} (\\d+)`, 'm').exec(
          await server.metrics.render(),
        )?.[1] ?? 0,
      );
    const [bytes, pieces] = [
      'lora_squeeze_upload_bytes_total',
      'lora_squeeze_uploads_total{outcome="received"}',
    ];
    const before = [await read(bytes!), await read(pieces!)];
    await patch(server, path, 0, weights);
    assert.deepEqual(
      [await read(bytes!), await read(pieces!)],
      [before[0]! + weights.length, before[1]! + 1],
    );
    assert.match(await server.metrics.render(), /route="\/v1\/uploads\/:id",status="204"/);
  });
});
