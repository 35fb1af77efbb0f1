import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Value } from 'typebox/value';
import { AdapterRecord } from '../../src/contract/adapter.ts';
import { DATABASE_FILE } from '../../src/database/open-database.ts';
import { openSocket } from './raw-request.ts';
import { problemIn, readRecord, startServer, type TestServer } from './server.ts';
import { CONFIG, formOf, type TinyAdapter, tinyAdapter, WEIGHTS } from './tiny-adapter.ts';
import { largeAdapter } from './uploads-tools.ts';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const UNKNOWN = `ad_${'0'.repeat(32)}`;

describe('adapters over HTTP', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer();
  });
  after(() => server.close());

  const post = (body: FormData) => server.fetch('/v1/adapters', { method: 'POST', body });

  it('stores an upload and describes its content', async () => {
    const adapter = tinyAdapter(1);
    const response = await post(formOf(adapter));
    assert.equal(response.status, 201);
    const record = (await response.json()) as AdapterRecord;
    assert.equal(response.headers.get('location'), `/v1/adapters/${record.id}`);
    assert.match(record.id, /^ad_[0-9a-f]{32}$/);
    assert.ok(Value.Check(AdapterRecord, record), 'fits the contract');
    assert.equal(record.sha256, sha256(adapter.weights));
    assert.equal(record.bytes, adapter.weights.length + adapter.config.length);
    assert.equal(record.base_model, 'some/model');
    assert.equal(record.modules, 2);
    assert.deepEqual(record.ranks, { min: 4, max: 4 });
    assert.equal(record.alpha, 8);
    assert.deepEqual(record.dtypes, ['F32']);
    assert.equal(record.parameters, 2 * 4 * (24 + 16));
    assert.deepEqual(record.files.map((file) => file.name).sort(), [CONFIG, WEIGHTS]);
    assert.equal(record.parent_id, null);
    assert.equal(record.job_id, null);
    assert.equal(record.content_known, false);
    const read = await (await server.fetch(`/v1/adapters/${record.id}`)).json();
    assert.deepEqual(read, readRecord(record));
    await server.assertNoLeftovers();
  });

  it('creates a second adapter from the same content, and reports that it is known', async () => {
    const records: AdapterRecord[] = [];
    for (let round = 0; round < 2; round++) {
      const response = await post(formOf(tinyAdapter(2)));
      assert.equal(response.status, 201);
      const record = (await response.json()) as AdapterRecord;
      assert.equal(response.headers.get('location'), `/v1/adapters/${record.id}`);
      records.push(record);
    }
    const [first, again] = records;
    assert.notEqual(again!.id, first!.id);
    assert.deepEqual([first!.content_known, again!.content_known], [false, true]);
    const same = ({ id, created_at, content_known, ...rest }: AdapterRecord) => rest;
    assert.deepEqual(same(again!), same(first!));
    await server.assertNoLeftovers();
  });

  it('recognises content by weights and configuration together', async () => {
    const adapter = tinyAdapter(22);
    await server.upload(adapter);
    const config = Buffer.from(JSON.stringify({ ...JSON.parse(adapter.config.toString()), lora_alpha: 2 }));
    const isKnown = async (sent: TinyAdapter) =>
      ((await (await post(formOf(sent))).json()) as AdapterRecord).content_known;
    assert.equal(await isKnown({ ...adapter, config }), false);
    assert.equal(await isKnown({ ...adapter, config }), true);
    assert.equal(await isKnown(tinyAdapter(23)), false, 'the configuration is the same');
  });

  it('creates an adapter for each of many simultaneous uploads of the same content, all of which can be read', async () => {
    for (const adapter of [tinyAdapter(3), largeAdapter(40_000)]) {
      const responses = await Promise.all(Array.from({ length: 8 }, () => post(formOf(adapter))));
      const records = await Promise.all(
        responses.map(async (response) => {
          assert.equal(response.status, 201, await response.clone().text());
          return (await response.json()) as AdapterRecord;
        }),
      );
      assert.equal(new Set(records.map(({ id }) => id)).size, 8);
      for (const { id } of records) {
        const file = await server.fetch(`/v1/adapters/${id}/files/${WEIGHTS}`);
        assert.ok(Buffer.from(await file.arrayBuffer()).equals(adapter.weights));
      }
      await server.assertNoLeftovers();
    }
  });

  it('accepts parts in any order, named only by filename, and a configuration as a plain field', async () => {
    const { weights, config } = tinyAdapter(4);
    const [weightsBlob, configBlob] = [
      new Blob([new Uint8Array(weights)]),
      new Blob([new Uint8Array(config)]),
    ];
    const reversed = new FormData();
    reversed.append(WEIGHTS, weightsBlob, 'whatever.safetensors');
    reversed.append(CONFIG, configBlob, 'x.json');
    const byFilename = new FormData();
    byFilename.append('files', configBlob, CONFIG);
    byFilename.append('files', weightsBlob, WEIGHTS);
    const asField = new FormData();
    asField.append(CONFIG, config.toString('utf8'));
    asField.append(WEIGHTS, weightsBlob);
    const json = new FormData();
    json.append(CONFIG, new Blob([new Uint8Array(config)], { type: 'application/json' }));
    json.append(WEIGHTS, weightsBlob);
    const contents = new Set<string>();
    for (const form of [reversed, byFilename, asField, json]) {
      const response = await post(form);
      assert.ok(response.ok, await response.clone().text());
      contents.add(JSON.stringify(((await response.json()) as AdapterRecord).files));
    }
    assert.equal(contents.size, 1, 'the bytes of every form are the same');
  });

  it('accepts what curl sends', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'curl-'));
    try {
      const { weights, config } = tinyAdapter(5);
      writeFileSync(join(folder, WEIGHTS), weights);
      writeFileSync(join(folder, CONFIG), config);
      const files = [`files=@${CONFIG}`, `files=@${WEIGHTS}`].flatMap((file) => ['-F', file]);
      const args = ['-s', '-w', '\n%{http_code}', ...files, `${server.url}/v1/adapters`];
      // curl must not block this process, which is also the server.
      const out = await new Promise<string>((resolve, reject) => {
        execFile('curl', args, { cwd: folder }, (error, stdout) => (error ? reject(error) : resolve(stdout)));
      }).catch((error: NodeJS.ErrnoException) =>
        error.code === 'ENOENT' ? undefined : Promise.reject(error),
      );
      if (out === undefined) return t.skip('curl is not installed');
      assert.match(out, /\n201$/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('lists the modules', async () => {
    const { id } = await server.upload(tinyAdapter(6, { rank: 3, m: 10, n: 20 }));
    const { modules } = (await (await server.fetch(`/v1/adapters/${id}/modules`)).json()) as {
      modules: { name: string }[];
    };
    assert.equal(modules.length, 2);
    assert.deepEqual(
      { ...modules[0], name: '' },
      { name: '', kind: 'linear', shape: [10, 20], rank: 3, scale: 2 },
    );
    assert.match(modules[0]!.name, /q_proj$/);
  });

  it('does not find other ids, whatever they look like', async () => {
    const ids = [UNKNOWN, 'x', 'a:b', '%00', '..%2f..%2fetc%2fpasswd', '%252e%252e', 'AD_', 'x'.repeat(90)];
    for (const id of ids) {
      for (const rest of ['', '/modules', '/archive', `/files/${WEIGHTS}`]) {
        await problemIn(await server.fetch(`/v1/adapters/${id}${rest}`), 404, 'ADAPTER_NOT_FOUND');
      }
    }
  });

  describe('a file', () => {
    let adapter: TinyAdapter;
    let path: string;
    before(async () => {
      adapter = tinyAdapter(7);
      path = `/v1/adapters/${(await server.upload(adapter)).id}/files/${WEIGHTS}`;
    });
    const get = (headers: Record<string, string> = {}, method = 'GET') =>
      server.fetch(path, { headers, method });
    const bytesOf = async (response: Response) => Buffer.from(await response.arrayBuffer());

    it('is sent completely, with its digest', async () => {
      const response = await get();
      assert.equal(response.status, 200);
      assert.equal(response.headers.get('content-length'), String(adapter.weights.length));
      assert.equal(response.headers.get('etag'), `"${sha256(adapter.weights)}"`);
      const digest = createHash('sha256').update(adapter.weights).digest('base64');
      assert.equal(response.headers.get('repr-digest'), `sha-256=:${digest}:`);
      assert.equal(response.headers.get('content-disposition'), `attachment; filename="${WEIGHTS}"`);
      assert.equal(response.headers.get('accept-ranges'), 'bytes');
      assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
      assert.ok((await bytesOf(response)).equals(adapter.weights));
    });

    it('is described by HEAD without a body', async () => {
      const response = await get({ range: 'bytes=0-9' }, 'HEAD');
      assert.equal(response.status, 200);
      assert.equal(response.headers.get('content-length'), String(adapter.weights.length));
      assert.equal(response.headers.get('etag'), `"${sha256(adapter.weights)}"`);
      assert.equal((await bytesOf(response)).length, 0);
    });

    it('is sent in ranges', async () => {
      const total = adapter.weights.length;
      const cases: [string, number, number][] = [
        ['bytes=0-0', 0, 0],
        ['bytes=10-99', 10, 99],
        ['bytes=100-', 100, total - 1],
        ['bytes=-8', total - 8, total - 1],
        [`bytes=-${total * 2}`, 0, total - 1],
        [`bytes=5-${total * 2}`, 5, total - 1],
      ];
      for (const [range, start, end] of cases) {
        const response = await get({ range });
        assert.equal(response.status, 206, range);
        assert.equal(response.headers.get('content-range'), `bytes ${start}-${end}/${total}`);
        assert.equal(response.headers.get('content-length'), String(end - start + 1));
        assert.ok((await bytesOf(response)).equals(adapter.weights.subarray(start, end + 1)), range);
      }
    });

    it('is sent completely if the range is of an unsupported kind', async () => {
      for (const range of [
        'bytes=5-1',
        'bytes=0-1,4-5',
        'lines=1-2',
        'bytes=',
        'bytes=-',
        'bytes=a-b',
        'x',
      ]) {
        const response = await get({ range });
        assert.equal(response.status, 200, range);
        assert.equal((await bytesOf(response)).length, adapter.weights.length);
      }
    });

    it('answers 416 to ranges outside', async () => {
      for (const range of ['bytes=99999999999-', `bytes=${adapter.weights.length}-`, 'bytes=-0']) {
        const response = await get({ range });
        await problemIn(response, 416, 'RANGE_NOT_SATISFIABLE');
        assert.equal(response.headers.get('content-range'), `bytes */${adapter.weights.length}`);
      }
    });

    it('honours If-Range by its ETag only', async () => {
      const tag = `"${sha256(adapter.weights)}"`;
      const range = 'bytes=0-3';
      assert.equal((await get({ range, 'if-range': tag })).status, 206);
      for (const other of ['"other"', `W/${tag}`, 'Wed, 21 Oct 2026 07:28:00 GMT']) {
        assert.equal((await get({ range, 'if-range': other })).status, 200, other);
      }
    });

    it('is not sent to clients that have it', async () => {
      const tag = `"${sha256(adapter.weights)}"`;
      for (const value of [tag, `W/${tag}`, `"a", ${tag}`, '*']) {
        const response = await get({ 'if-none-match': value });
        assert.equal(response.status, 304, value);
        assert.equal(response.headers.get('etag'), tag);
      }
      assert.equal((await get({ 'if-none-match': '"a"' })).status, 200);
    });

    it('is a problem document if it does not exist', async () => {
      for (const name of ['nope', '..%2f..%2fetc', '%00', 'adapter_model.safetensors%00.json']) {
        const url = path.replace(WEIGHTS, name);
        assert.match(
          (await problemIn(await server.fetch(url), 404, 'FILE_NOT_FOUND')).detail,
          /it has adapter_/,
        );
      }
    });
  });

  it('is closed when its reader leaves early', async () => {
    const large = await startServer({ maxUploadBytes: 100_000_000 });
    try {
      const { id } = await large.upload(tinyAdapter(9, { rank: 32, m: 20_000, n: 20_000 }));
      const openFiles = () =>
        readdirSync('/proc/self/fd').filter((fd) => {
          try {
            const path = readlinkSync(`/proc/self/fd/${fd}`);
            // The database keeps its own files open.
            return path.startsWith(large.root) && !path.startsWith(join(large.root, DATABASE_FILE));
          } catch {
            return false;
          }
        });
      for (const path of [`/v1/adapters/${id}/files/${WEIGHTS}`, `/v1/adapters/${id}/archive`]) {
        for (let round = 0; round < 5; round++) {
          const socket = await openSocket(large.port);
          socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
          await once(socket, 'data');
          socket.destroy();
        }
      }
      for (let tries = 0; tries < 1000 && openFiles().length > 0; tries++) await sleep(20);
      assert.deepEqual(
        openFiles().map((fd) => readlinkSync(`/proc/self/fd/${fd}`)),
        [],
      );
    } finally {
      await large.close();
    }
  });

  describe('the archive', () => {
    it('contains the files, has the announced size and is the same every time', async (t) => {
      const adapter = tinyAdapter(8);
      const { id } = await server.upload(adapter);
      const response = await server.fetch(`/v1/adapters/${id}/archive`);
      assert.equal(response.status, 200);
      assert.equal(response.headers.get('content-type'), 'application/zip');
      const bytes = Buffer.from(await response.arrayBuffer());
      assert.equal(response.headers.get('content-length'), String(bytes.length));
      const again = await server.fetch(`/v1/adapters/${id}/archive`);
      assert.ok(Buffer.from(await again.arrayBuffer()).equals(bytes));
      assert.ok(bytes.includes(adapter.weights), 'stored, not deflated');

      const folder = mkdtempSync(join(tmpdir(), 'archive-'));
      try {
        writeFileSync(join(folder, 'a.zip'), bytes);
        execFileSync('python3', ['-m', 'zipfile', '-e', 'a.zip', 'out'], { cwd: folder, stdio: 'pipe' });
        assert.ok(readFileSync(join(folder, 'out', WEIGHTS)).equals(adapter.weights));
        assert.ok(readFileSync(join(folder, 'out', CONFIG)).equals(adapter.config));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return t.skip('python3 is not installed');
        throw error;
      } finally {
        rmSync(folder, { recursive: true });
      }
    });

    it('is named like the adapter, in characters that every system accepts', async () => {
      const { id } = await server.upload(tinyAdapter(8));
      const path = `/v1/adapters/${id}/archive`;
      for (const [name, filename] of [
        ['support chat / v3 "final"', 'support-chat-v3-final.zip'],
        ['..Überläufer', 'Uberlaufer.zip'],
        ['日本', 'adapter.zip'],
      ]) {
        await server.fetch(`/v1/adapters/${id}`, {
          method: 'PATCH',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ name }),
        });
        const response = await server.fetch(path, { method: 'HEAD' });
        assert.equal(response.headers.get('content-disposition'), `attachment; filename="${filename}"`);
      }
    });

    it('answers HEAD and If-None-Match', async () => {
      const { id } = await server.upload(tinyAdapter(8));
      const path = `/v1/adapters/${id}/archive`;
      const head = await server.fetch(path, { method: 'HEAD' });
      assert.equal(head.status, 200);
      assert.ok(Number(head.headers.get('content-length')) > 1000);
      const headers = { 'if-none-match': head.headers.get('etag')! };
      assert.equal((await server.fetch(path, { headers })).status, 304);
    });
  });
});
