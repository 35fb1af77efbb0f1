import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { SinkObject, UrlSink } from '../../src/contract/transfer.ts';
import { AppError } from '../../src/errors/app-error.ts';
import type { ErrorCode } from '../../src/errors/error-kinds.ts';
import { Outbound } from '../../src/net/outbound.ts';
import { type DeliverOptions, deliverAdapter } from '../../src/transfer/deliver-adapter.ts';
import { checkTransfer } from '../../src/transfer/transfer-endpoints.ts';
import type { BytesProgress } from '../../src/transfer/transfer-progress.ts';
import { type FileServer, startFileServer } from './file-server.ts';
import { CONFIG, Scratch, WEIGHTS } from './scratch.ts';

const HUB = 'https://huggingface.co';
const weights = randomBytes(2_000_000);
const config = Buffer.from('{"r": 4}');

const failing =
  (code: ErrorCode, message = /./) =>
  (error: unknown) => {
    assert.ok(error instanceof AppError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    assert.doesNotMatch(JSON.stringify([error.message, error.context]), /SECRET|secret/);
    return true;
  };

describe('delivering a result to URLs', () => {
  const scratch = new Scratch();
  const files = scratch.adapter(weights, config);
  let server: FileServer;
  let outbound: Outbound;
  before(async () => {
    server = await startFileServer();
    outbound = new Outbound({ allowedHosts: [server.host] });
  });
  beforeEach(() => {
    server.files.clear();
    server.seen.length = 0;
    server.fault = () => undefined;
  });
  after(async () => {
    await outbound.close();
    await server.close();
    scratch.remove();
  });

  const sink = (headers?: Record<string, string>): UrlSink => ({
    kind: 'url',
    files: {
      [WEIGHTS]: { url: `${server.url}/out/w?sig=SECRET`, ...(headers && { headers }) },
      [CONFIG]: { url: `${server.url}/out/c?sig=SECRET` },
    },
  });
  const delivered = (to: UrlSink = sink(), more: Partial<DeliverOptions> = {}) =>
    deliverAdapter(to, files, { outbound, hubEndpoint: HUB, ...more });

  it('sends the files for which there are URLs, under either name', async () => {
    const card = { ...scratch.adapter(config, config)[0]!, name: 'README.md' };
    const gguf = { ...files[0]!, name: 'adapter.gguf' };
    const to = (...names: readonly (keyof UrlSink['files'])[]): UrlSink => ({
      kind: 'url',
      files: Object.fromEntries(names.map((name) => [name, { url: `${server.url}/out/${name}` }])),
    });
    for (const [sent, names, there] of [
      [
        [gguf, card],
        ['weights', 'config', 'card'],
        ['/out/weights', '/out/card'],
      ],
      [
        [...files, card],
        ['weights', 'config'],
        ['/out/weights', '/out/config'],
      ],
      [[...files, card], [WEIGHTS], [`/out/${WEIGHTS}`]],
    ] as const) {
      server.files.clear();
      const record = await deliverAdapter(to(...names), sent, { outbound, hubEndpoint: HUB });
      assert.deepEqual([...server.files.keys()], there);
      assert.equal(record.files.length, there.length);
      assert.equal(record.place, `${server.host}${there[0]}`);
    }
    for (const names of [['config'], ['weights', WEIGHTS], ['weights', 'config', CONFIG]] as const)
      assert.throws(() => checkTransfer(to(...names), outbound), failing('VALIDATION_FAILED', /files"? has/));
  });

  it('sends the files unchanged, with the requested headers', async () => {
    const progress: BytesProgress[] = [];
    const record = await delivered(sink({ 'x-ms-blob-type': 'BlockBlob' }), {
      onProgress: (p) => progress.push(p),
    });
    assert.ok(server.files.get('/out/w')!.equals(weights));
    assert.ok(server.files.get('/out/c')!.equals(config));
    const [first, second] = server.seen;
    assert.deepEqual(
      [first!.method, first!.path, first!.headers['content-length'], first!.headers['x-ms-blob-type']],
      ['PUT', '/out/w?sig=SECRET', String(weights.byteLength), 'BlockBlob'],
    );
    assert.equal(second!.headers['x-ms-blob-type'], undefined);
    assert.equal(first!.headers['content-type'], undefined, 'it would be signed with');
    const { finished_at, ...rest } = record;
    assert.ok(!Number.isNaN(Date.parse(finished_at)));
    assert.deepEqual(rest, {
      kind: 'url',
      place: `${server.host}/out/w`,
      commit: null,
      bytes: weights.byteLength + config.byteLength,
      files: files.map(({ name, sha256, bytes }) => ({ name, sha256, bytes })),
    });
    const total = weights.byteLength + config.byteLength;
    assert.deepEqual(progress.at(-1), { done: total, total });
    assert.ok(progress.every((step) => step.total === total));
  });

  it('sends a file again from its beginning after a failure', async () => {
    const faults = [{ cutAfterBytes: 1 }, { status: 503 }];
    server.fault = () => faults.shift();
    await delivered();
    assert.ok(server.files.get('/out/w')!.equals(weights));
    assert.deepEqual(
      server.seen.map(({ path }) => path.slice(0, 6)),
      ['/out/w', '/out/w', '/out/w', '/out/c'],
    );
  });

  it('gives up if the other side refuses it', async () => {
    for (const status of [403, 404, 413, 302]) {
      server.seen.length = 0;
      server.fault = () => ({ status });
      await assert.rejects(
        delivered(),
        failing('OUTBOUND_REFUSED', new RegExp(`status ${status}: ${WEIGHTS} was not accepted`)),
      );
      assert.equal(server.seen.length, 1);
    }
    server.seen.length = 0;
    server.fault = () => ({ status: 500 });
    await assert.rejects(delivered(), failing('OUTBOUND_FAILED', /status 500/));
    assert.equal(server.seen.length, 4);
  });

  it('does not begin if the local files are missing or damaged', async () => {
    const own = scratch.adapter(weights, config);
    const to = (list: typeof own) => deliverAdapter(sink(), list, { outbound, hubEndpoint: HUB });
    await assert.rejects(
      to([{ ...own[0]!, bytes: 5 }, own[1]!]),
      failing('STORAGE_FAILED', /2000000 bytes on the disk of the service/),
    );
    rmSync(own[1]!.path);
    await assert.rejects(to(own), failing('STORAGE_FAILED', /ENOENT/));
    assert.equal(server.seen.length, 0);
  });

  it('does not wait forever', async () => {
    server.fault = () => ({ stallAfterBytes: 0 });
    await assert.rejects(
      delivered(sink(), { stallTimeoutMs: 100 }),
      failing('OUTBOUND_FAILED', /did not answer in time/),
    );
  });

  it('ends with the reason of the signal', async () => {
    const reason = new AppError('CANCELLED', 'enough');
    const cancel = new AbortController();
    server.fault = () => {
      cancel.abort(reason);
      return { stallAfterBytes: 0 };
    };
    await assert.rejects(delivered(sink(), { signal: cancel.signal }), (error) => error === reason);
  });
});

describe('checkTransfer', () => {
  const outbound = new Outbound({ allowedHosts: ['inside.test'] });
  after(() => outbound.close());
  const url = (weightsUrl: string, headers?: Record<string, string>): UrlSink => ({
    kind: 'url',
    files: {
      [WEIGHTS]: { url: weightsUrl, ...(headers && { headers }) },
      [CONFIG]: { url: 'https://inside.test/c' },
    },
  });
  const credentials = { access_key_id: 'a', secret_access_key: 'b' };

  it('permits what may succeed', () => {
    for (const end of [
      url('https://example.com/w?sig=x', { 'x-ms-blob-type': 'BlockBlob' }),
      { kind: 's3', bucket: 'bucket', prefix: '', credentials },
      { kind: 's3', bucket: 'bucket', prefix: '', credentials, endpoint: 'https://inside.test:9000' },
      { kind: 'hub', repo: 'owner/adapter', token: 'hf_x' },
    ] satisfies SinkObject[]) {
      assert.doesNotThrow(() => checkTransfer(end, outbound));
    }
  });

  it('refuses what can never succeed', () => {
    const refused = (end: SinkObject, code: ErrorCode) =>
      assert.throws(() => checkTransfer(end, outbound), failing(code), JSON.stringify(end));
    refused(url('https://10.0.0.1/w?sig=SECRET'), 'OUTBOUND_FORBIDDEN');
    refused(url('http://example.com/w?sig=SECRET'), 'OUTBOUND_FORBIDDEN');
    refused(url('https://'), 'OUTBOUND_URL_INVALID');
    for (const header of ['Host', 'content-length', 'Transfer-Encoding', 'connection', 'Expect']) {
      refused(url('https://example.com/w', { [header]: 'x' }), 'VALIDATION_FAILED');
    }
    const endpoint = 'https://169.254.169.254';
    refused({ kind: 's3', bucket: 'bucket', prefix: '', credentials, endpoint }, 'OUTBOUND_FORBIDDEN');
  });
});
