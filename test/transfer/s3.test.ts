import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { after, afterEach, before, describe, it } from 'node:test';
import {
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { AppError } from '../../src/errors/app-error.ts';
import type { ErrorCode } from '../../src/errors/error-kinds.ts';
import { Outbound } from '../../src/net/outbound.ts';
import { deliverAdapter } from '../../src/transfer/deliver-adapter.ts';
import { fetchAdapter } from '../../src/transfer/fetch-adapter.ts';
import type { ResolvedS3Source } from '../../src/transfer/resolved-endpoints.ts';
import { bucketError, openClient } from '../../src/transfer/s3/s3-client.ts';
import { dialsDuring } from '../net/dials.ts';
import { nameServer, serve } from '../net/servers.ts';
import { type FaultProxy, startFaultProxy } from '../storage/fault-proxy.ts';
import { BUCKET, motoIsMissing, type S3Server, startMoto } from '../storage/s3-servers.ts';
import { CONFIG, LIMITS, Scratch, sha256Of, WEIGHTS } from './scratch.ts';

const HUB = 'https://huggingface.co';
const MB = 1_000_000;
const weights = randomBytes(20 * MB);
const config = Buffer.from('{"r": 4}');
const credentials = { access_key_id: 'KEYID', secret_access_key: 'SECRET-KEY' };

const failing =
  (code: ErrorCode, message = /./) =>
  (error: unknown) => {
    assert.ok(error instanceof AppError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    assert.doesNotMatch(JSON.stringify([error.message, error.context]), /SECRET|KEYID/);
    return true;
  };

describe('an adapter in a bucket', { skip: motoIsMissing() ?? false }, () => {
  const scratch = new Scratch();
  let server: S3Server;
  let proxy: FaultProxy;
  let witness: S3Client;
  let outbound: Outbound;
  before(async () => {
    server = await startMoto();
    proxy = await startFaultProxy(server.url);
    witness = new S3Client({
      endpoint: server.url,
      region: 'us-east-1',
      forcePathStyle: true,
      credentials: { accessKeyId: 'x', secretAccessKey: 'y' },
    });
    outbound = new Outbound({ allowedHosts: [new URL(proxy.url).host] });
    for (const [name, Body] of [
      [WEIGHTS, weights],
      [CONFIG, config],
    ] as const) {
      await witness.send(new PutObjectCommand({ Bucket: BUCKET, Key: `in/a b/${name}`, Body }));
    }
  });
  afterEach(() => {
    proxy.fault = () => undefined;
  });
  after(async () => {
    witness?.destroy();
    await outbound?.close();
    await proxy?.close();
    await server?.stop();
    scratch.remove();
  });

  const place = (more: Partial<ResolvedS3Source> = {}): ResolvedS3Source => ({
    kind: 's3',
    bucket: BUCKET,
    prefix: 'in/a b/',
    endpoint: proxy.url,
    credentials,
    ...more,
  });
  const fetched = (source = place(), more = {}) =>
    fetchAdapter(source, { outbound, folder: scratch.folder(), limits: LIMITS, hubEndpoint: HUB, ...more });
  const stored = async (Key: string): Promise<Buffer> => {
    const { Body } = await witness.send(new GetObjectCommand({ Bucket: BUCKET, Key }));
    return buffer(Body as Readable);
  };

  it('is fetched', async () => {
    const { files, imported: record } = await fetched();
    assert.ok(readFileSync(files[0]!.path).equals(weights));
    assert.deepEqual(
      files.map(({ name, sha256 }) => [name, sha256]),
      [
        [WEIGHTS, sha256Of(weights)],
        [CONFIG, sha256Of(config)],
      ],
    );
    assert.equal(record.place, `${new URL(proxy.url).host}/${BUCKET}/in/a b`);
    assert.deepEqual(
      [record.kind, record.commit, record.bytes],
      ['s3', null, weights.byteLength + config.byteLength],
    );
  });

  it('is resumed where the connection broke', async () => {
    let cuts = 0;
    const ranges: (string | undefined)[] = [];
    proxy.fault = ({ url, headers }) => {
      if (!url!.includes(WEIGHTS)) return undefined;
      ranges.push(headers.range);
      return cuts++ < 2 ? { cutAfterBytes: 5 * MB } : undefined;
    };
    const { files } = await fetched();
    assert.equal(files[0]!.sha256, sha256Of(weights));
    // Bytes that were in this process's buffers when the connection broke are requested again.
    const [first, second, third] = ranges.map((range) =>
      Number(/^bytes=(\d+)-$/.exec(range ?? 'bytes=0-')![1]),
    );
    assert.deepEqual([ranges.length, first], [3, 0]);
    assert.ok(second! > MB && second! <= 5 * MB && third! > second! && third! <= 10 * MB, String(ranges));
  });

  it('is read again from the beginning if the store does not support ranges', async () => {
    let requests = 0;
    proxy.fault = ({ url, headers }) => {
      if (!url!.includes(WEIGHTS)) return undefined;
      delete headers.range;
      return requests++ === 0 ? { cutAfterBytes: 5 * MB } : undefined;
    };
    const { files } = await fetched();
    assert.deepEqual([files[0]!.sha256, requests], [sha256Of(weights), 2]);
  });

  it('is read again from the beginning if the object was replaced meanwhile', async () => {
    const put = (name: string, Body: Buffer) =>
      witness.send(new PutObjectCommand({ Bucket: BUCKET, Key: `moving/${name}`, Body }));
    await put(CONFIG, config);
    await put(WEIGHTS, weights);
    const replacement = randomBytes(100_000);
    let requests = 0;
    let isReplaced = false;
    proxy.fault = ({ url }) => {
      if (!url!.includes(WEIGHTS)) return undefined;
      if (requests++ === 0) return { cutAfterBytes: 5 * MB };
      return isReplaced ? undefined : 'refuse';
    };
    let replacing: Promise<void> | undefined;
    const onProgress = ({ done }: { done: number }): void => {
      if (done < MB) return;
      replacing ??= put(WEIGHTS, replacement).then(() => {
        isReplaced = true;
      });
    };
    const { files } = await fetched(place({ prefix: 'moving' }), { onProgress });
    await replacing;
    assert.equal(files[0]!.sha256, sha256Of(replacement));
    assert.equal(files[0]!.bytes, replacement.byteLength);
  });

  it('is found among the existing files, or by its name', async () => {
    const put = (Key: string, Body: Buffer) =>
      witness.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body }));
    await put('kohya/my style.safetensors', config);
    await put('kohya/deeper/other.safetensors', config);
    await put('two/a.gguf', config);
    await put('two/b.gguf', config);
    await put('pickle/adapter_model.bin', config);
    const names = async (more: Partial<ResolvedS3Source>) =>
      (await fetched(place(more))).files.map(({ name }) => name);
    assert.deepEqual(await names({ prefix: 'kohya' }), ['my style.safetensors']);
    assert.deepEqual(await names({ prefix: 'two/', weights: 'b.gguf' }), ['b.gguf']);
    assert.deepEqual(await names({ weights: WEIGHTS }), [WEIGHTS, CONFIG]);
    await assert.rejects(
      fetched(place({ prefix: 'two' })),
      failing('FILE_MISSING', /s3:\/\/test-bucket\/two\/ contains 2 weights files/),
    );
    await assert.rejects(
      fetched(place({ prefix: 'two', weights: 'c.gguf' })),
      failing('FILE_MISSING', /has no c\.gguf/),
    );
    await assert.rejects(fetched(place({ prefix: 'pickle' })), failing('PICKLE_REFUSED', /python -c/));
  });

  it('of PEFT requires no permission to list', async () => {
    const denied = '<Error><Code>AccessDenied</Code><Message>SECRET</Message></Error>';
    const server = createServer((request, response) => {
      const key = decodeURIComponent(request.url!.split('?', 1)[0]!);
      if (key.endsWith(WEIGHTS)) response.end(weights.subarray(0, 100));
      else if (key.endsWith(CONFIG)) response.end(config);
      else response.writeHead(403, { 'content-type': 'application/xml' }).end(denied);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const guarded = new Outbound({ allowedHosts: [new URL(endpoint).host] });
    try {
      const { files } = await fetched(place({ endpoint }), { outbound: guarded });
      assert.deepEqual(
        files.map(({ name }) => name),
        [WEIGHTS, CONFIG],
      );
      await assert.rejects(
        fetched(place({ endpoint, weights: 'x.gguf' }), { outbound: guarded }),
        failing('OUTBOUND_REFUSED', /the credentials do not permit this operation/),
      );
    } finally {
      await guarded.close();
      server.close();
    }
  });

  it('is refused clearly if it does not exist', async () => {
    await assert.rejects(
      fetched(place({ prefix: 'nowhere' })),
      failing(
        'FILE_MISSING',
        /s3:\/\/test-bucket\/nowhere\/ contains no weights file \(adapter_model\.safetensors, .*\) and no/,
      ),
    );
    await assert.rejects(
      fetched(place({ bucket: 'no-such-bucket' })),
      failing('OUTBOUND_REFUSED', /no bucket has this name/),
    );
  });

  it('is not fetched if it is too large', async () => {
    const limits = { ...LIMITS, maxUploadBytes: 20 * MB - 1 };
    await assert.rejects(fetched(place(), { limits }), failing('UPLOAD_TOO_LARGE'));
  });

  it('is delivered: large files in parts, small ones at once', async () => {
    const files = scratch.adapter(weights, config);
    const seen: number[] = [];
    const sink = place({ prefix: 'out/1' });
    const record = await deliverAdapter(sink, files, {
      outbound,
      hubEndpoint: HUB,
      onProgress: ({ done }) => seen.push(done),
    });
    assert.ok((await stored(`out/1/${WEIGHTS}`)).equals(weights));
    assert.ok((await stored(`out/1/${CONFIG}`)).equals(config));
    const { ETag } = await witness.send(new HeadObjectCommand({ Bucket: BUCKET, Key: `out/1/${WEIGHTS}` }));
    assert.match(ETag!, /-3"$/, 'three parts of 8 MiB');
    assert.deepEqual([record.kind, record.place], ['s3', `${new URL(proxy.url).host}/${BUCKET}/out/1`]);
    assert.equal(seen.at(-1), weights.byteLength + config.byteLength);
    // Again, with the same result.
    await deliverAdapter(sink, files, { outbound, hubEndpoint: HUB });
    assert.ok((await stored(`out/1/${WEIGHTS}`)).equals(weights));
  });

  it('is delivered despite failures', async () => {
    let requests = 0;
    proxy.fault = ({ method }) => (method !== 'GET' && requests++ % 3 === 1 ? 'refuse' : undefined);
    await deliverAdapter(place({ prefix: 'out/2' }), scratch.adapter(weights, config), {
      outbound,
      hubEndpoint: HUB,
    });
    assert.ok((await stored(`out/2/${WEIGHTS}`)).equals(weights));
    assert.ok((await stored(`out/2/${CONFIG}`)).equals(config));
  });

  it('leaves no parts when delivery is abandoned', async () => {
    const reason = new AppError('CANCELLED', 'enough');
    const cancel = new AbortController();
    await assert.rejects(
      deliverAdapter(place({ prefix: 'out/3' }), scratch.adapter(randomBytes(60 * MB), config), {
        outbound,
        hubEndpoint: HUB,
        signal: cancel.signal,
        onProgress: ({ done }) => void (done > 0 && cancel.abort(reason)),
      }),
      (error) => error === reason,
    );
    const { Uploads = [] } = await witness.send(new ListMultipartUploadsCommand({ Bucket: BUCKET }));
    assert.deepEqual(Uploads, []);
  });

  it('is not delivered to a bucket that does not exist', async () => {
    await assert.rejects(
      deliverAdapter(place({ bucket: 'no-such-bucket' }), scratch.adapter(Buffer.from('x'), config), {
        outbound,
        hubEndpoint: HUB,
      }),
      failing('OUTBOUND_REFUSED', /no bucket has this name/),
    );
  });
});

describe("a client for a user's bucket", () => {
  const place = (more: Partial<ResolvedS3Source>): ResolvedS3Source => ({
    kind: 's3',
    bucket: 'bucket',
    prefix: '',
    credentials,
    ...more,
  });

  it('connects only to permitted addresses, whatever the endpoint resolves to', async () => {
    const outbound = new Outbound({ allowedHosts: [] }, nameServer(['127.0.0.1']));
    assert.throws(
      () => openClient(place({ endpoint: 'https://127.0.0.1' }), outbound, 1000),
      failing('OUTBOUND_FORBIDDEN'),
    );
    const dials = await dialsDuring(async () => {
      for (const source of [place({ endpoint: 'https://inside.test' }), place({})]) {
        const scratch = new Scratch();
        await assert.rejects(
          fetchAdapter(source, { outbound, folder: scratch.folder(), limits: LIMITS, hubEndpoint: HUB }),
          failing('OUTBOUND_FORBIDDEN', /does not resolve to a public address/),
        );
        scratch.remove();
      }
    });
    assert.deepEqual(dials, []);
    await outbound.close();
  });

  it('survives an endlessly nested list', async () => {
    const hostile = await serve((_request, response) => {
      const inside = `${'<a>'.repeat(100_000)}${'</a>'.repeat(100_000)}`;
      response.writeHead(200, { 'content-type': 'application/xml' });
      response.end(`<ListBucketResult><Contents>${inside}</Contents></ListBucketResult>`);
    });
    const scratch = new Scratch();
    const outbound = new Outbound({ allowedHosts: [hostile.host] });
    try {
      await assert.rejects(
        fetchAdapter(place({ endpoint: hostile.url }), {
          outbound,
          folder: scratch.folder(),
          limits: LIMITS,
          hubEndpoint: HUB,
        }),
        failing('OUTBOUND_FAILED', /127\.0\.0\.1/),
      );
    } finally {
      scratch.remove();
      await outbound.close();
      await hostile.close();
    }
  });

  it('uses nothing from the environment of the service', async () => {
    const own = {
      AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:1',
      AWS_ENDPOINT_URL: 'http://127.0.0.1:1',
      AWS_ACCESS_KEY_ID: 'OWN',
      AWS_SECRET_ACCESS_KEY: 'OWN',
      AWS_REGION: 'eu-own-1',
    };
    const before = Object.fromEntries(Object.keys(own).map((name) => [name, process.env[name]]));
    Object.assign(process.env, own);
    const names = nameServer(['127.0.0.1']);
    const outbound = new Outbound({ allowedHosts: [] }, names);
    const client = openClient(place({}), outbound, 1000);
    try {
      const { accessKeyId } = await client.config.credentials();
      assert.deepEqual([accessKeyId, await client.config.region()], ['KEYID', 'us-east-1']);
      await assert.rejects(client.send(new HeadObjectCommand({ Bucket: 'bucket', Key: 'x' })));
      assert.deepEqual(new Set(names.asked), new Set(['bucket.s3.us-east-1.amazonaws.com']));
    } finally {
      client.destroy();
      await outbound.close();
      for (const [name, value] of Object.entries(before)) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
    }
  });
});

describe('bucketError', () => {
  const answer = (name: string, httpStatusCode: number): Error =>
    Object.assign(new Error('SECRET words of the store'), { name, $metadata: { httpStatusCode } });

  it('distinguishes permanent from temporary errors', () => {
    for (const [name, status] of [
      ['AccessDenied', 403],
      ['NoSuchKey', 404],
      ['NoSuchBucket', 404],
      ['SignatureDoesNotMatch', 403],
      ['ExpiredToken', 400],
      ['PermanentRedirect', 301],
      ['Odd', 400],
    ] as const) {
      assert.ok(
        failing('OUTBOUND_REFUSED', new RegExp(name))(bucketError('host', 's3://b/k', answer(name, status))),
      );
    }
    for (const [name, status] of [
      ['SlowDown', 503],
      ['InternalError', 500],
      ['RequestTimeout', 400],
      ['Odd', 429],
    ] as const) {
      assert.ok(
        failing('OUTBOUND_FAILED', new RegExp(name))(bucketError('host', 's3://b/k', answer(name, status))),
      );
    }
    const reset = Object.assign(new Error('x'), { code: 'ECONNRESET', name: 'TimeoutError' });
    assert.ok(failing('OUTBOUND_FAILED', /closed the connection/)(bucketError('host', 's3://b/k', reset)));
    assert.ok(failing('OUTBOUND_FAILED')(bucketError('host', 's3://b/k', 'odd')));
  });

  it('says what to do', () => {
    assert.equal(
      bucketError('host', 's3://b/k', answer('AccessDenied', 403)).message,
      'host answered with status 403: s3://b/k: the credentials do not permit this operation (AccessDenied).',
    );
  });
});
