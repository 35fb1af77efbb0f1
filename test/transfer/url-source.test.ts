import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, beforeEach, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { StreamValidator } from '../../src/bytes/stream-validator.ts';
import type { UrlSource } from '../../src/contract/transfer.ts';
import { AppError } from '../../src/errors/app-error.ts';
import type { ErrorCode } from '../../src/errors/error-kinds.ts';
import { Outbound } from '../../src/net/outbound.ts';
import { SafetensorsValidator } from '../../src/safetensors/safetensors-validator.ts';
import { type FetchOptions, fetchAdapter } from '../../src/transfer/fetch-adapter.ts';
import type { BytesProgress } from '../../src/transfer/transfer-progress.ts';
import { type Certificate, makeCertificate, opensslIsMissing } from '../queue/certificate.ts';
import { type FileServer, startFileServer } from './file-server.ts';
import { CONFIG, LIMITS, Scratch, sha256Of, WEIGHTS } from './scratch.ts';

const HUB = 'https://huggingface.co';
const weights = randomBytes(3_000_000);
const config = Buffer.from('{"peft_type": "LORA"}');

const failing =
  (code: ErrorCode, message = /./) =>
  (error: unknown) => {
    assert.ok(error instanceof AppError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    assert.doesNotMatch(JSON.stringify([error.message, error.context]), /SECRET|secret/);
    return true;
  };

describe('an adapter from URLs', () => {
  const scratch = new Scratch();
  let server: FileServer;
  let outbound: Outbound;
  before(async () => {
    server = await startFileServer();
    outbound = new Outbound({ allowedHosts: [server.host] });
  });
  beforeEach(() => {
    server.files.clear();
    server.files.set('/w', weights).set('/c', config);
    server.seen.length = 0;
    server.fault = () => undefined;
    server.hasEtags = true;
  });
  after(async () => {
    await outbound.close();
    await server.close();
    scratch.remove();
  });

  const source = (sha256?: string): UrlSource => ({
    kind: 'url',
    files: {
      [WEIGHTS]: { url: `${server.url}/w?sig=SECRET`, ...(sha256 !== undefined && { sha256 }) },
      [CONFIG]: { url: `${server.url}/c?sig=SECRET` },
    },
  });
  const fetched = (from = source(), more: Partial<FetchOptions> = {}) =>
    fetchAdapter(from, { outbound, folder: scratch.folder(), limits: LIMITS, hubEndpoint: HUB, ...more });
  const askedFor = (path: string) => server.seen.filter((request) => request.path.startsWith(path));

  it('is fetched, and its record has the source without the signature', async () => {
    const progress: BytesProgress[] = [];
    const { files, imported: record } = await fetched(source(sha256Of(weights).toUpperCase()), {
      onProgress: (step) => progress.push(step),
    });
    assert.deepEqual(
      files.map(({ name, sha256, bytes }) => [name, sha256, bytes]),
      [
        [WEIGHTS, sha256Of(weights), weights.byteLength],
        [CONFIG, sha256Of(config), config.byteLength],
      ],
    );
    assert.ok(readFileSync(files[0]!.path).equals(weights));
    assert.ok(readFileSync(files[1]!.path).equals(config));
    const { finished_at, ...rest } = record;
    assert.ok(!Number.isNaN(Date.parse(finished_at)));
    assert.deepEqual(rest, {
      kind: 'url',
      place: `${server.host}/w`,
      revision: null,
      commit: null,
      bytes: weights.byteLength + config.byteLength,
      files: files.map(({ name, sha256, bytes }) => ({ name, sha256, bytes })),
    });
    const total = weights.byteLength + config.byteLength;
    assert.equal(progress[0]!.total, null, 'the size of the weights is not known yet');
    assert.deepEqual(progress.at(-1), { done: total, total });
    assert.equal(server.seen[0]!.headers['accept-encoding'], 'identity');
  });

  it('may be weights alone, under either name, but no file may be named twice', async () => {
    const at = (path: string) => ({ url: `${server.url}${path}` });
    const alone = await fetched({ kind: 'url', files: { weights: at('/w') } });
    assert.equal(alone.files.length, 1);
    assert.ok(readFileSync(alone.files[0]!.path).equals(weights));
    const both = await fetched({ kind: 'url', files: { weights: at('/w'), config: at('/c') } });
    assert.deepEqual(
      both.files.map(({ sha256 }) => sha256),
      [sha256Of(weights), sha256Of(config)],
    );
    for (const files of [
      { config: at('/c') },
      { weights: at('/w'), [WEIGHTS]: at('/w') },
      { weights: at('/w'), config: at('/c'), [CONFIG]: at('/c') },
    ])
      await assert.rejects(fetched({ kind: 'url', files }), failing('VALIDATION_FAILED', /files"? has/));
  });

  it('has the license that a card names, whose beginning alone is read, and needs no card', async () => {
    const text = '---\nlicense: apache-2.0\n---\n';
    server.files.set('/card', Buffer.from(text.padEnd(5_000_000, '#')));
    const withCard = (path: string) => ({ ...source().files, card: { url: `${server.url}${path}` } });
    const { files, license, imported } = await fetched({ kind: 'url', files: withCard('/card') });
    assert.deepEqual([license, files.length, imported.files.length], ['apache-2.0', 2, 2]);
    server.fault = ({ path }) => (path === '/card' ? { stallAfterBytes: 10 } : undefined);
    const stalled = await fetched({ kind: 'url', files: withCard('/card') }, { stallTimeoutMs: 50 });
    assert.deepEqual([stalled.license, stalled.files.length], [undefined, 2]);
    const missing = await fetched({ kind: 'url', files: withCard('/none') });
    assert.deepEqual([missing.license, missing.files.length], [undefined, 2]);
  });

  it('is resumed where the connection broke, if it is still the same file', async () => {
    let cuts = 0;
    server.fault = ({ path }) =>
      path.startsWith('/w') && cuts++ < 2 ? { cutAfterBytes: 1_000_000 } : undefined;
    const { files } = await fetched();
    assert.equal(files[0]!.sha256, sha256Of(weights));
    assert.ok(readFileSync(files[0]!.path).equals(weights));
    const ranges = askedFor('/w').map(({ headers }) => headers.range);
    assert.equal(ranges.length, 3);
    // Bytes that were in this process's buffers when the connection broke are requested again.
    const [first, second, third] = ranges.map((range) =>
      Number(/^bytes=(\d+)-$/.exec(range ?? 'bytes=0-')![1]),
    );
    assert.equal(first, 0);
    assert.ok(second! > 0 && second! <= 1_000_000 && third! > second! && third! <= 2_000_000, String(ranges));
  });

  it('is read again from the beginning if it cannot be resumed: another file, or no ETag', async () => {
    for (const hasEtags of [true, false]) {
      server.hasEtags = hasEtags;
      server.files.set('/w', randomBytes(3_000_000));
      let requests = 0;
      let validators = 0;
      server.fault = ({ path }) => {
        if (!path.startsWith('/w') || requests++ > 0) return undefined;
        // Replaced while it is read.
        setImmediate(() => server.files.set('/w', weights));
        return { cutAfterBytes: 2_000_000 };
      };
      const seen: number[] = [];
      const validator = (): StreamValidator => {
        validators++;
        let bytes = 0;
        const push = (chunk: Uint8Array): void => {
          bytes += chunk.byteLength;
        };
        return { push, finish: () => void seen.push(bytes) };
      };
      const { files } = await fetched(source(), { validator });
      assert.ok(readFileSync(files[0]!.path).equals(weights));
      assert.equal(files[0]!.sha256, sha256Of(weights));
      assert.deepEqual([validators, seen], [2, [weights.byteLength]]);
    }
  });

  it('is requested again after temporary failures, up to a limit', async () => {
    let failures = 0;
    server.fault = ({ path }) => (path.startsWith('/c') && failures++ < 2 ? { status: 503 } : undefined);
    await fetched();
    assert.equal(askedFor('/c').length, 3);
    server.fault = () => ({ status: 500 });
    await assert.rejects(
      fetched(),
      failing('OUTBOUND_FAILED', /status 500 to the request for adapter_config\.json/),
    );
    assert.equal(askedFor('/c').length, 7);
  });

  it('is requested once if the response will not change', async () => {
    for (const status of [401, 403, 404, 410]) {
      server.seen.length = 0;
      server.fault = ({ path }) => (path.startsWith('/w') ? { status } : undefined);
      const message = new RegExp(
        `${server.host} answered with status ${status} to the request for ${WEIGHTS}`,
      );
      await assert.rejects(fetched(), failing('OUTBOUND_REFUSED', message));
      assert.equal(askedFor('/w').length, 1);
    }
  });

  it('is refused if it is not what was announced', async () => {
    await assert.rejects(
      fetched(source('ab'.repeat(32))),
      failing('TRANSFER_DIGEST_MISMATCH', /has the SHA-256/),
    );
    assert.equal(askedFor('/w').length, 1);
  });

  it('is refused if it is too large, whether the size is announced or not', async () => {
    const limits = { ...LIMITS, maxUploadBytes: weights.byteLength - 1 };
    await assert.rejects(
      fetched(source(), { limits }),
      failing('UPLOAD_TOO_LARGE', /larger than the limit of 2999999 bytes/),
    );
    let sent = 0;
    server.fault = ({ path }) =>
      path.startsWith('/w')
        ? {
            answer: (_request, response) => {
              const more = () => {
                while (response.write(weights.subarray(0, 100_000))) sent += 100_000;
              };
              response.on('drain', more).writeHead(200);
              more();
            },
          }
        : undefined;
    await assert.rejects(fetched(source(), { limits }), failing('UPLOAD_TOO_LARGE'));
    assert.ok(sent < 50_000_000, 'the endless body was left');
    server.fault = () => undefined;
    server.files.set('/c', Buffer.alloc(LIMITS.maxConfigBytes + 1));
    await assert.rejects(fetched(), failing('CONFIG_TOO_LARGE', /adapter_config\.json .* 10000 bytes/));
    assert.equal(
      (await fetched(source(), { limits: { ...LIMITS, maxConfigBytes: 10_001 } })).files.length,
      2,
    );
  });

  it('is refused by the validator before all of it came', async () => {
    let stalled = false;
    server.fault = ({ path }) => {
      if (!path.startsWith('/w')) return undefined;
      stalled = true;
      return { stallAfterBytes: 100_000 };
    };
    await assert.rejects(
      fetched(source(), { validator: () => new SafetensorsValidator() }),
      failing('ST_HEADER_TOO_LARGE'),
    );
    assert.ok(stalled);
    assert.equal(askedFor('/w').length, 1, 'and is not asked for again');
  });

  it('is requested again if nothing arrives', async () => {
    let stalls = 0;
    server.fault = ({ path }) =>
      path.startsWith('/w') && stalls++ < 1 ? { stallAfterBytes: 500_000 } : undefined;
    const { files } = await fetched(source(), { stallTimeoutMs: 1000 });
    assert.equal(files[0]!.sha256, sha256Of(weights));
    assert.match(askedFor('/w')[1]!.headers.range!, /^bytes=[1-9]\d*-$/);
  });

  it('is abandoned with the reason of the signal, at any moment', async () => {
    const reason = new AppError('CANCELLED', 'enough');
    await assert.rejects(
      fetched(source(), { signal: AbortSignal.abort(reason) }),
      (error) => error === reason,
    );
    const cancel = new AbortController();
    server.fault = ({ path }) => (path.startsWith('/w') ? { stallAfterBytes: 100_000 } : undefined);
    const onProgress = ({ done }: BytesProgress) => void (done > 50_000 && cancel.abort(reason));
    await assert.rejects(
      fetched(source(), { signal: cancel.signal, onProgress }),
      (error) => error === reason,
    );
    const pausing = new AbortController();
    server.fault = () => {
      setTimeout(() => pausing.abort(reason), 20);
      return { status: 503 };
    };
    await assert.rejects(fetched(source(), { signal: pausing.signal }), (error) => error === reason);
  });

  it('is fetched through redirects', async () => {
    server.fault = ({ path }) =>
      path.startsWith('/w?')
        ? { answer: (_request, response) => void response.writeHead(302, { location: '/moved' }).end() }
        : undefined;
    server.files.set('/moved', weights);
    assert.equal((await fetched()).files[0]!.sha256, sha256Of(weights));
  });

  it('is refused if it is compressed', async () => {
    server.fault = () => ({
      answer: (_request, response) =>
        void response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(config)),
    });
    await assert.rejects(fetched(), failing('OUTBOUND_REFUSED', /only compressed \(gzip\)/));
  });

  it('is not fetched from an address to which the service does not connect', async () => {
    const strict = new Outbound({ allowedHosts: [] });
    await assert.rejects(
      fetched(source(), { outbound: strict }),
      failing('OUTBOUND_FORBIDDEN', /only https/),
    );
    assert.equal(server.seen.length, 0);
    await strict.close();
  });
});

describe('an adapter from URLs with TLS', { skip: opensslIsMissing }, () => {
  it('is fetched from a host whose authority is trusted', async () => {
    const scratch = new Scratch();
    const certificate: Certificate = makeCertificate(scratch.folder());
    const server = await startFileServer(certificate);
    server.files.set('/w', weights).set('/c', config);
    const ca = readFileSync(certificate.cert, 'utf8');
    const outbound = new Outbound({ allowedHosts: [server.host] }, { ca });
    const files = { [WEIGHTS]: { url: `${server.url}/w` }, [CONFIG]: { url: `${server.url}/c` } };
    const fetched = await fetchAdapter(
      { kind: 'url', files: files as UrlSource['files'] },
      { outbound, folder: scratch.folder(), limits: LIMITS, hubEndpoint: HUB },
    );
    assert.equal(fetched.files[0]!.sha256, sha256Of(weights));
    await outbound.close();
    await server.close();
    scratch.remove();
  });
});
