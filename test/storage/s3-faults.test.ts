import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { contentOf } from '../conformance/blob-store.ts';
import { freePort } from '../free-port.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';
import { openS3, type S3UnderTest, Witness } from './s3-bench.ts';
import { isStorageFailure } from './s3-errors.ts';
import { motoIsMissing, type S3Server, startMoto } from './s3-servers.ts';

const MB = 1_000_000;

describe('S3Store with a bad network', { skip: motoIsMissing() ?? false }, () => {
  let server: S3Server;
  let proxy: FaultProxy;
  let s3: S3UnderTest;
  let witness: Witness;
  before(async () => {
    server = await startMoto();
    proxy = await startFaultProxy(server.url);
    s3 = await openS3({ ...server.env, AWS_ENDPOINT_URL_S3: proxy.url });
    witness = new Witness(server);
  });
  beforeEach(() => {
    proxy.fault = () => undefined;
  });
  after(async () => {
    witness.client.destroy();
    await s3.dispose();
    await proxy.close();
    await server.stop();
  });

  it('sends a checksum with every write', async () => {
    const bare: string[] = [];
    proxy.fault = ({ method, url, headers }) => {
      if (method === 'PUT' && !headers['x-amz-checksum-crc32'] && !headers['x-amz-trailer']) bare.push(url!);
      return undefined;
    };
    const path = join(await s3.store.makeScratch(), 'file');
    await writeFile(path, randomBytes(10 * MB));
    await s3.store.putFile('sums/parts', path);
    await s3.store.put('sums/small', Buffer.from('x'));
    assert.deepEqual(bare, []);
  });

  it('resumes a download where the connection broke', async () => {
    const bytes = randomBytes(5 * MB);
    await s3.store.put('cut/a', bytes);
    const ranges: (string | undefined)[] = [];
    proxy.fault = ({ method, headers }) => {
      if (method !== 'GET') return undefined;
      ranges.push(headers.range);
      return ranges.length <= 4 ? { cutAfterBytes: MB } : undefined;
    };
    assert.ok(readFileSync(await s3.store.localFile('cut/a', bytes.length)).equals(bytes));
    assert.ok(ranges.length > 4);
    assert.ok(
      ranges.slice(1).every((range) => /^bytes=[1-9]\d*-$/.test(range!)),
      String(ranges),
    );

    ranges.length = 0;
    const part = await contentOf(await s3.store.read('cut/a', { start: 7, end: 4 * MB }));
    assert.ok(part.equals(bytes.subarray(7, 4 * MB + 1)));
    assert.ok(ranges.length > 3);
    assert.ok(
      ranges.every((range) => range!.endsWith(`-${4 * MB}`)),
      String(ranges),
    );
  });

  it('fails when a download breaks and the server no longer answers, and leaves no incomplete copy', async () => {
    await s3.store.put('cut/b', randomBytes(2 * MB));
    let gets = 0;
    proxy.fault = ({ method }) => {
      if (method !== 'GET') return undefined;
      return gets++ === 0 ? { cutAfterBytes: MB } : 'refuse';
    };
    await assert.rejects(
      s3.store.localFile('cut/b', 2 * MB),
      isStorageFailure(/could not read s3:.*cut\/b \((ECONNRESET|EPIPE)\)/),
    );
    proxy.fault = () => undefined;
    assert.equal(readFileSync(await s3.store.localFile('cut/b', 2 * MB)).byteLength, 2 * MB);
  });

  it('never mixes two versions of a blob in one download', async () => {
    await s3.store.put('cut/c', Buffer.alloc(2 * MB, 1));
    let gets = 0;
    proxy.fault = ({ method }) => (method === 'GET' && gets++ === 0 ? { cutAfterBytes: MB } : undefined);
    const stream = await s3.store.read('cut/c');
    await s3.store.put('cut/c', Buffer.alloc(2 * MB, 2));
    await assert.rejects(contentOf(stream), isStorageFailure(/HTTP 412/));
  });

  it('leaves nothing of an upload that failed, and the file where it was', async () => {
    const path = join(await s3.store.makeScratch(), 'file');
    await writeFile(path, randomBytes(40 * MB));
    proxy.fault = ({ url }) => (url!.includes('partNumber=3') ? 'refuse' : undefined);
    await assert.rejects(
      s3.store.putFile('parts/a', path),
      isStorageFailure(/could not write s3:.*parts\/a/),
    );
    assert.equal(await s3.store.stat('parts/a'), undefined);
    assert.deepEqual(await witness.unfinishedUploads(), []);
    assert.ok(existsSync(path), 'so that the upload can be tried again');

    proxy.fault = ({ url }) => (/^[^?]*parts\/a\?uploadId=/.test(url!) ? { cutAfterBytes: 0 } : undefined);
    await s3.store.putFile('parts/a', path).catch(() => undefined);
    assert.deepEqual(await witness.unfinishedUploads(), []);
  });

  it('fails in seconds if no server listens, and works once one does', {
    timeout: 60_000,
  }, async () => {
    const port = await freePort();
    const secrets = [server.env.AWS_SECRET_ACCESS_KEY!, server.env.AWS_ACCESS_KEY_ID!];
    const down = await openS3({ ...server.env, AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${port}` });
    const failure = isStorageFailure(
      /s3:\/\/test-bucket\/prefix-\d+\/deep\/.*ECONNREFUSED.*cannot be reached/,
      secrets,
    );
    for (const call of [
      () => down.store.check(),
      () => down.store.get('a/b'),
      () => down.store.put('a/b', Buffer.from('x')),
      () => down.store.list('a/'),
      () => down.store.localFile('a/b', 1),
    ]) {
      await assert.rejects(call(), failure);
    }
    const up = await startFaultProxy(server.url, port);
    await down.store.check();
    await down.store.put('a/b', Buffer.from('x'));
    await up.close();
    await down.dispose();
  });

  it('fails in seconds if the endpoint accepts connections and never answers', {
    timeout: 120_000,
  }, async () => {
    const sockets: Socket[] = [];
    const silent = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const stuck = await openS3({ ...server.env, AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${port}` }, {}, 3_000);
    assert.ok(isStorageFailure(/did not answer in time/)(stuck.firstError));
    await stuck.dispose();
    for (const socket of sockets) socket.destroy();
    silent.close();
  });

  describe('that stalls', () => {
    /**
     * All limits are fractions of it: a response may take 0.67 s, a request 2 s, a body may be silent for 1
     * s.
     */
    const IDLE_MS = 4_000;
    let stalling: S3UnderTest;
    before(async () => {
      stalling = await openS3({ ...server.env, AWS_ENDPOINT_URL_S3: proxy.url }, {}, IDLE_MS);
    });
    after(() => stalling.dispose());
    const stalled = isStorageFailure(
      /could not (read|list|write) s3:.*(TimeoutError).*did not answer in time/,
    );

    it('resumes a body that stopped', { timeout: 60_000 }, async () => {
      const bytes = randomBytes(3 * MB);
      await stalling.store.put('stall/a', bytes);
      let gets = 0;
      proxy.fault = ({ method }) =>
        method === 'GET' && gets++ % 2 === 0 ? { stallAfterBytes: MB } : undefined;
      assert.ok(Buffer.from((await stalling.store.get('stall/a'))!).equals(bytes));
      assert.ok(readFileSync(await stalling.store.localFile('stall/a', bytes.length)).equals(bytes));
      assert.equal(gets, 4, 'each body was asked for twice');
    });

    it('fails if no more of the body arrives, whichever caller waits for it', {
      timeout: 60_000,
    }, async () => {
      await stalling.store.put('stall/b', randomBytes(2 * MB));
      let gets = 0;
      proxy.fault = ({ method, url }) => {
        if (method !== 'GET' || url!.includes('list-type')) return undefined;
        return { stallAfterBytes: gets++ === 0 ? MB : 0 };
      };
      await Promise.all([
        assert.rejects(stalling.store.get('stall/b'), stalled),
        assert.rejects(stalling.store.read('stall/b').then(contentOf), stalled),
        assert.rejects(stalling.store.localFile('stall/b', 2 * MB), stalled),
      ]);
      proxy.fault = () => undefined;
      assert.equal(readFileSync(await stalling.store.localFile('stall/b', 2 * MB)).byteLength, 2 * MB);
    });

    it('fails if the response to a small request stops half way', { timeout: 60_000 }, async () => {
      await stalling.store.put('stall/c', Buffer.from('x'));
      proxy.fault = ({ method }) => (method === 'GET' ? { stallAfterBytes: 10 } : undefined);
      await assert.rejects(stalling.store.list('stall/'), stalled);
    });

    it('does not hurry a slow reader', { timeout: 60_000 }, async () => {
      await stalling.store.put('stall/d', randomBytes(3 * MB));
      const ranges: (string | undefined)[] = [];
      proxy.fault = ({ method, headers }) => void (method === 'GET' && ranges.push(headers.range));
      let bytes = 0;
      for await (const chunk of await stalling.store.read('stall/d')) {
        // Longer than a body may be silent.
        if (bytes === 0) await sleep(1_500);
        bytes += chunk.byteLength;
      }
      assert.equal(bytes, 3 * MB);
      assert.deepEqual(ranges.filter(Boolean), [], 'no rest of a body was asked for');
    });

    it('fails if an upload is not answered', { timeout: 60_000 }, async () => {
      const path = join(await stalling.store.makeScratch(), 'file');
      await writeFile(path, 'x');
      proxy.fault = ({ method }) => (method === 'PUT' ? { stallAfterBytes: 0 } : undefined);
      await Promise.all([
        assert.rejects(stalling.store.put('stall/e', Buffer.from('x')), stalled),
        assert.rejects(stalling.store.putFile('stall/e', path), stalled),
      ]);
      assert.ok(existsSync(path), 'so that the upload can be tried again');
    });
  });

  it('reports that the bucket is missing', async () => {
    const other = await openS3(server.env, { bucket: 'no-such-bucket' });
    const failure = isStorageFailure(/s3:\/\/no-such-bucket\/.*NoSuchBucket.*No bucket has this name/);
    await assert.rejects(other.store.check(), failure);
    await assert.rejects(other.store.get('a/b'), failure);
    await assert.rejects(other.store.put('a/b', Buffer.from('x')), failure);
    await assert.rejects(other.store.list(''), failure);
    await other.dispose();
  });
});

describe('S3Store with a server that lists in another order', () => {
  it('detects it', async () => {
    const keys: string[] = [];
    const server = createHttpServer((request, response) => {
      const isList = request.url!.includes('list-type');
      const contents = keys.map((key) => `<Contents><Key>${key}</Key></Contents>`).join('');
      response.writeHead(isList ? 200 : 404, { 'content-type': 'application/xml' });
      response.end(isList ? `<ListBucketResult>${contents}</ListBucketResult>` : '');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const { store, prefix, dispose } = await openS3({
      AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${port}`,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'id',
      AWS_SECRET_ACCESS_KEY: 'secret',
    });
    // Folder by folder, like s3rver.
    keys.push(`${prefix}/l/a/x`, `${prefix}/l/a-b`);
    await assert.rejects(
      store.list('l/'),
      isStorageFailure(/does not list keys in order \("prefix.*l\/a\/x" before "prefix.*l\/a-b"\)/),
    );
    keys.reverse();
    assert.deepEqual(await store.list('l/'), ['l/a-b', 'l/a/x']);
    await dispose();
    server.close();
  });
});
