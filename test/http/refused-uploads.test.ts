import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { DiskStore } from '../../src/storage/disk-store.ts';
import fc from '../fast-check.ts';
import { assembleSafetensors } from '../oracle/safetensors.ts';
import {
  BOUNDARY,
  multipartOf,
  openSocket,
  parseResponse,
  part,
  postHead,
  rawRequest,
  readAll,
} from './raw-request.ts';
import { checkedProblem, problemIn, startServer, type TestServer } from './server.ts';
import { CONFIG, formOf, tinyAdapter, WEIGHTS } from './tiny-adapter.ts';

const { weights, config } = tinyAdapter();
const GOOD = [part(WEIGHTS, weights), part(CONFIG, config)] as const;
const LIMIT = 200_000;

/** Descriptors of regular files and sockets in this process. */
const openFiles = (): number => readdirSync('/proc/self/fd').length;

describe('uploads that are refused', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer({ maxUploadBytes: LIMIT, uploadIdleTimeoutMs: 400, bodyTimeoutMs: 400 });
  });
  after(() => server.close());
  afterEach(async () => {
    await server.assertNoLeftovers();
    assert.deepEqual(await server.store.list('content/'), [], 'nothing was stored');
    assert.equal((await server.fetch('/livez')).status, 200);
  });

  /** Sends a body with its correct length and checks the problem document. */
  async function refused(body: Uint8Array, status: number, code: string, headers: readonly string[] = []) {
    const all = [...headers, `Content-Length: ${body.length}`, 'Connection: close'];
    const bytes = Buffer.concat([Buffer.from(postHead('/v1/adapters', all)), body]);
    const response = await rawRequest(server.port, bytes, true);
    assert.equal(response.status, status, response.body.slice(0, 500));
    assert.equal(response.headers.get('content-type'), 'application/problem+json');
    return checkedProblem(JSON.parse(response.body), status, code);
  }

  async function isRefused(...args: Parameters<typeof refused>): Promise<void> {
    await refused(...args);
  }

  const named = (content: Uint8Array | string, disposition: string) =>
    Buffer.concat([
      Buffer.from(`--${BOUNDARY}\r\n${disposition}\r\n\r\n`),
      Buffer.from(content),
      Buffer.from('\r\n'),
    ]);

  describe('by their multipart body', () => {
    it('empty', () => isRefused(Buffer.alloc(0), 400, 'MULTIPART_MALFORMED'));
    it('not multipart at all', () => isRefused(Buffer.from('hello'), 400, 'MULTIPART_MALFORMED'));
    it('no final boundary', () => isRefused(Buffer.concat(GOOD), 400, 'MULTIPART_MALFORMED'));
    it('another boundary', async () => {
      const text = multipartOf(...GOOD)
        .toString('latin1')
        .replaceAll(BOUNDARY, '----other');
      await refused(Buffer.from(text, 'latin1'), 400, 'MULTIPART_MALFORMED');
    });
    it('ends in the middle of a file', () =>
      isRefused(multipartOf(...GOOD).subarray(0, 700), 400, 'MULTIPART_MALFORMED'));
    it('line feeds without carriage returns', async () => {
      const text = multipartOf(part(WEIGHTS, 'XXXX'), part(CONFIG, '{}'))
        .toString('latin1')
        .replaceAll('\r\n', '\n');
      await refused(Buffer.from(text), 400, 'MULTIPART_MALFORMED');
    });
    it('a part header without a colon', () =>
      isRefused(multipartOf(named('x', 'Content-Disposition form-data')), 400, 'MULTIPART_MALFORMED'));
    it('parts without name or disposition', async () => {
      for (const disposition of [
        'Content-Type: text/plain',
        'Content-Disposition: attachment',
        `Content-Disposition: form-data; filename="${WEIGHTS}"`,
      ]) {
        await refused(multipartOf(named('x', disposition)), 400, 'MULTIPART_MALFORMED');
      }
    });
    it('thousands of part headers', () => {
      const bomb = Array.from({ length: 3000 }, (_, index) => `X-H${index}: v`).join('\r\n');
      return isRefused(
        multipartOf(named('x', `${bomb}\r\nContent-Disposition: form-data; name="${WEIGHTS}"`)),
        400,
        'MULTIPART_MALFORMED',
      );
    });
    it('no boundary in the content type', async () => {
      const head = postHead('/v1/adapters', ['Content-Length: 3', 'Connection: close']).replace(
        /; boundary=.*/,
        '',
      );
      const response = await rawRequest(server.port, `${head}abc`);
      checkedProblem(JSON.parse(response.body), 400, 'MULTIPART_MALFORMED');
    });
  });

  describe('by their parts', () => {
    it('a missing file', async () => {
      const problem = await refused(multipartOf(GOOD[0]), 422, 'FILE_MISSING');
      assert.deepEqual(problem.context, { missing: [CONFIG] });
      await refused(multipartOf(GOOD[1]), 422, 'FILE_MISSING');
    });
    it('a file twice', async () => {
      await refused(multipartOf(GOOD[1], GOOD[1]), 400, 'DUPLICATE_PART');
      await refused(multipartOf(...GOOD, GOOD[0]), 400, 'DUPLICATE_PART');
    });
    it('an undeclared part', async () => {
      const problem = await refused(multipartOf(...GOOD, part('readme.md', 'x')), 400, 'UNEXPECTED_PART');
      assert.match(
        problem.detail,
        /"readme.md" is not expected; send the parts adapter_model.safetensors \(or any/,
      );
      assert.match(problem.detail, /\. Other parts may be name, labels, ttl_seconds\.$/);
      await refused(multipartOf(...GOOD, part('request', '{}')), 400, 'UNEXPECTED_PART');
    });
    it('names of the prototype', async () => {
      for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
        await refused(multipartOf(part(name, 'x')), 400, 'UNEXPECTED_PART');
      }
      assert.equal(({} as Record<string, unknown>).polluted, undefined);
    });
    it('a very long name, and a path as a name', async () => {
      const problem = await refused(multipartOf(part('n'.repeat(5000), 'x')), 400, 'UNEXPECTED_PART');
      assert.ok(problem.detail.length < 300);
      await refused(multipartOf(part('../../etc/passwd', 'x')), 400, 'UNEXPECTED_PART');
    });
    it('pickles and archives by their name', async () => {
      await refused(multipartOf(part('adapter_model.bin', 'x')), 415, 'PICKLE_REFUSED');
      await refused(multipartOf(part('adapter.zip', 'x')), 415, 'UNSUPPORTED_FORMAT');
      await refused(multipartOf(part('adapter.tar.gz', 'x')), 415, 'UNSUPPORTED_FORMAT');
    });
  });

  describe('by their content', () => {
    const with_ = (bad: Uint8Array | string, good = config) =>
      multipartOf(part(CONFIG, good), part(WEIGHTS, bad));

    it('weights of another kind', async () => {
      await refused(with_(Buffer.concat([Buffer.from([0x80, 2]), randomBytes(600)])), 415, 'PICKLE_REFUSED');
      await refused(
        with_('version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 123\n'),
        422,
        'LFS_POINTER',
      );
    });
    it('weights that are truncated, or too long', async () => {
      await refused(with_(''), 422, 'ST_HEADER_TOO_SMALL');
      await refused(with_(weights.subarray(0, 60)), 422, 'ST_HEADER_LENGTH');
      await refused(with_(weights.subarray(0, -1)), 422, 'ST_BUFFER_NOT_COVERED');
      await refused(with_(Buffer.concat([weights, Buffer.from('x')])), 422, 'ST_BUFFER_NOT_COVERED');
    });
    it('weights without a LoRA', async () => {
      const file = assembleSafetensors(
        JSON.stringify({ x: { dtype: 'F32', shape: [1], data_offsets: [0, 4] } }),
        Buffer.alloc(4),
      );
      await refused(with_(file), 422, 'NO_LORA_TENSORS');
    });
    it('a configuration that is not one', async () => {
      await refused(with_(weights, Buffer.from('{')), 422, 'CONFIG_JSON');
      await refused(
        with_(weights, Buffer.from('{"peft_type":"IA3","r":4,"lora_alpha":1}')),
        422,
        'CONFIG_PEFT_TYPE',
      );
      await refused(with_(weights, Buffer.alloc(1_100_000, 32)), 422, 'CONFIG_TOO_LARGE');
    });
    it('weights above the limit, announced or not', async () => {
      const header = JSON.stringify({ x: { dtype: 'U8', shape: [LIMIT], data_offsets: [0, LIMIT] } });
      const big = with_(assembleSafetensors(header, Buffer.alloc(LIMIT)));
      const problem = await refused(big, 413, 'UPLOAD_TOO_LARGE');
      assert.equal(problem.context?.limit_bytes, LIMIT);
      await refused(with_(assembleSafetensors(header, Buffer.alloc(10 * LIMIT))), 413, 'UPLOAD_TOO_LARGE');
    });
  });

  it('by a Content-Length of 10^14, before anything is read', async () => {
    const response = await rawRequest(
      server.port,
      postHead('/v1/adapters', ['Content-Length: 100000000000000']),
      true,
    );
    checkedProblem(JSON.parse(response.body), 413, 'UPLOAD_TOO_LARGE');
  });

  it('for a bad header at once, although the client would send much more', async () => {
    const socket = await openSocket(server.port);
    socket.write(postHead('/v1/adapters', [`Content-Length: ${LIMIT}`]));
    socket.write(`--${BOUNDARY}\r\nContent-Disposition: form-data; name="${WEIGHTS}"\r\n\r\n`);
    socket.write(Buffer.concat([Buffer.alloc(8, 255), Buffer.alloc(1000)]));
    const response = parseResponse(await readAll(socket));
    checkedProblem(JSON.parse(response.body), 422, 'ST_HEADER_TOO_LARGE');
  });

  it('with a response that a client can read while it is still sending', async () => {
    const body = multipartOf(part(WEIGHTS, Buffer.alloc(190_000, 255)), part(CONFIG, config));
    for (let round = 0; round < 10; round++) await refused(body, 422, 'ST_HEADER_TOO_LARGE');
  });

  it('for stalling: before the first part, in a file, between parts, and by sending single bytes', async () => {
    const whole = multipartOf(...GOOD);
    for (const sent of [0, 20, 400, GOOD[0].length, GOOD[0].length + 30]) {
      const socket = await openSocket(server.port);
      socket.write(postHead('/v1/adapters', [`Content-Length: ${whole.length}`]));
      socket.write(whole.subarray(0, sent));
      const response = parseResponse(await readAll(socket));
      assert.equal(response.status, 408, `${sent} bytes sent: ${response.body}`);
      checkedProblem(JSON.parse(response.body), 408, 'UPLOAD_TOO_SLOW');
    }
    const socket = await openSocket(server.port);
    socket.write(postHead('/v1/adapters', [`Content-Length: ${whole.length}`]));
    const drip = setInterval(() => socket.write('x'), 50);
    const response = parseResponse(await readAll(socket).finally(() => clearInterval(drip)));
    checkedProblem(JSON.parse(response.body), 408, 'UPLOAD_TOO_SLOW');
  });

  it('for ending anywhere: nothing is left, whichever byte was the last', async () => {
    const whole = Buffer.concat([
      Buffer.from(postHead('/v1/adapters', [`Content-Length: ${multipartOf(...GOOD).length}`])),
      multipartOf(...GOOD),
    ]);
    const openBefore = openFiles();
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: whole.length - 1 }),
        fc.boolean(),
        async (length, politely) => {
          const socket = await openSocket(server.port);
          await new Promise<void>((resolve) => socket.write(whole.subarray(0, length), () => resolve()));
          await sleep(1);
          if (politely) {
            socket.end();
            socket.resume();
            await new Promise((resolve) => socket.once('close', resolve));
          } else socket.destroy();
        },
      ),
      { numRuns: 40 },
    );
    await server.assertNoLeftovers();
    for (let tries = 0; tries < 1000 && openFiles() > openBefore; tries++) await sleep(20);
    assert.ok(openFiles() <= openBefore, 'no file stays open');
  });

  it('by a full disk', async (t) => {
    const mount = await mkdtemp(join(tmpdir(), 'full-disk-'));
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', mount], { stdio: 'pipe' });
    } catch (error) {
      await rm(mount, { recursive: true });
      return t.skip(`no tmpfs can be mounted here: ${String(error).split('\n')[0]}`);
    }
    const store = await DiskStore.open(mount);
    const full = await startServer({ maxUploadBytes: 10_000_000 }, { store });
    try {
      const big = tinyAdapter(1, { rank: 16, m: 8000, n: 8000 });
      const response = await full.fetch('/v1/adapters', { method: 'POST', body: formOf(big) });
      assert.equal(response.headers.get('retry-after'), '60');
      await problemIn(response, 507, 'STORAGE_FULL');
      assert.deepEqual(await store.list(''), []);
      const small = await full.fetch('/v1/adapters', { method: 'POST', body: formOf(tinyAdapter()) });
      assert.equal(small.status, 201, 'there is room again');
    } finally {
      await full.close();
      await store.close();
      execFileSync('umount', [mount]);
      await rm(mount, { recursive: true });
    }
  });

  it('by broken chunked framing', async () => {
    const head = postHead('/v1/adapters', ['Transfer-Encoding: chunked']);
    const chunk = `${GOOD[0].length.toString(16)}\r\n${GOOD[0].toString('latin1')}\r\nZZZ\r\n`;
    const response = await rawRequest(server.port, Buffer.from(head + chunk, 'latin1'), true);
    assert.equal(response.status, 400);
    assert.equal(response.headers.get('content-type'), 'application/problem+json');
  });

  it('by their media type or encoding', async () => {
    const send = async (headers: Record<string, string>) =>
      parseResponse(
        await readAll(
          await openSocket(server.port).then((socket) => {
            const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
            socket.write(
              `POST /v1/adapters HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 2\r\n${lines.join('\r\n')}\r\n\r\n{}`,
            );
            return socket;
          }),
        ),
      );
    const page = await send({ 'Content-Type': 'text/html' });
    assert.match(
      checkedProblem(JSON.parse(page.body), 415, 'UNSUPPORTED_MEDIA_TYPE').detail,
      /"text\/html"; multipart\/form-data is expected/,
    );
    const none = await send({ 'X-Nothing': '1' });
    checkedProblem(JSON.parse(none.body), 415, 'UNSUPPORTED_MEDIA_TYPE');
    const gzip = await send({
      'Content-Type': 'multipart/form-data; boundary=x',
      'Content-Encoding': 'gzip',
    });
    checkedProblem(JSON.parse(gzip.body), 415, 'UNSUPPORTED_CONTENT_ENCODING');
  });

  it('by a Content-Digest that does not match or cannot be read', async () => {
    const body = multipartOf(...GOOD);
    const digest = (algorithm: string) => createHash(algorithm).update(body).digest('base64');
    const other = Buffer.alloc(32, 1).toString('base64');
    for (const header of [
      `sha-256=:${other}:`,
      `md5=:AAAA:, sha-256=:${other}:`,
      `sha-256=:${digest('sha256')}:, sha-512=:${Buffer.alloc(64).toString('base64')}:`,
    ]) {
      await refused(body, 400, 'DIGEST_MISMATCH', [`Content-Digest: ${header}`]);
    }
    for (const header of ['sha-256=abc', 'sha-256=:AAAA:', 'nonsense', 'sha-256=:!!:', '']) {
      await refused(body, 400, 'DIGEST_INVALID', [`Content-Digest: ${header}`]);
    }
    // The digest is right, so that the next check decides.
    const cut = multipartOf(GOOD[0]);
    const right = createHash('sha512').update(cut).digest('base64');
    await refused(cut, 422, 'FILE_MISSING', [`Content-Digest: sha-512=:${right}:, md5=:AAAA:`]);
  });

  it('because the service is stopping', async () => {
    server.stopping = true;
    try {
      const problem = await refused(multipartOf(...GOOD), 503, 'SHUTTING_DOWN');
      assert.match(problem.detail, /stopping/);
    } finally {
      server.stopping = false;
    }
  });
});

describe('valid uploads', () => {
  it('arrive however the bytes are split: chunked, byte by byte at the boundaries, pipelined', async () => {
    const server = await startServer();
    try {
      const body = multipartOf(...GOOD);
      const chunks: Buffer[] = [];
      for (let at = 0; at < body.length; at += 37) chunks.push(body.subarray(at, at + 37));
      const socket = await openSocket(server.port);
      socket.write(postHead('/v1/adapters', ['Transfer-Encoding: chunked', 'Connection: close']));
      for (const chunk of chunks)
        socket.write(
          Buffer.concat([Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n')]),
        );
      socket.write('0\r\n\r\n');
      assert.equal(parseResponse(await readAll(socket)).status, 201);

      const pipelined = await openSocket(server.port);
      const one = Buffer.concat([
        Buffer.from(postHead('/v1/adapters', [`Content-Length: ${body.length}`])),
        body,
      ]);
      pipelined.write(
        Buffer.concat([
          one,
          one,
          Buffer.from('GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'),
        ]),
      );
      const answers = await readAll(pipelined);
      assert.deepEqual(answers.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 201', 'HTTP/1.1 201', 'HTTP/1.1 200']);
      await server.assertNoLeftovers();
    } finally {
      await server.close();
    }
  });

  it('never need memory for the whole file', async () => {
    const dataBytes = 256 * 1024 * 1024;
    const server = await startServer({ maxUploadBytes: 2 * dataBytes });
    try {
      const header = JSON.stringify({ x: { dtype: 'U8', shape: [dataBytes], data_offsets: [0, dataBytes] } });
      const start = Buffer.concat([
        part(CONFIG, config),
        Buffer.from(`--${BOUNDARY}\r\nContent-Disposition: form-data; name="${WEIGHTS}"\r\n\r\n`),
        assembleSafetensors(header, new Uint8Array()),
      ]);
      const end = Buffer.from(`\r\n--${BOUNDARY}--\r\n`);
      const socket = await openSocket(server.port);
      socket.write(
        postHead('/v1/adapters', [
          `Content-Length: ${start.length + dataBytes + end.length}`,
          'Connection: close',
        ]),
      );
      socket.write(start);
      const rssBefore = process.memoryUsage().rss;
      let rssMax = rssBefore;
      const zeros = Buffer.alloc(1024 * 1024);
      for (let sent = 0; sent < dataBytes; sent += zeros.length) {
        if (!socket.write(zeros)) await once(socket, 'drain');
        rssMax = Math.max(rssMax, process.memoryUsage().rss);
      }
      socket.write(end);
      const response = parseResponse(await readAll(socket));
      checkedProblem(JSON.parse(response.body), 422, 'NO_LORA_TENSORS');
      assert.ok(rssMax - rssBefore < 128 * 1024 * 1024, `${(rssMax - rssBefore) / 2 ** 20} MiB more`);
      await server.assertNoLeftovers();
    } finally {
      await server.close();
    }
  });
});
