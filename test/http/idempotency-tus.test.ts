import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { until } from '../queue/harness.ts';
import { openSocket } from './raw-request.ts';
import { problemIn, startServer, type TestServer } from './server.ts';
import { tinyAdapter, WEIGHTS } from './tiny-adapter.ts';
import { filesUnder, metadataOf, offsetOf, patch, TUS, TUS_TYPE } from './uploads-tools.ts';

const { weights } = tinyAdapter();

describe('a resumable upload that is created with an Idempotency-Key', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer({ uploadIdleTimeoutMs: 500 });
  });
  after(() => server.close());

  const begin = (key: string, headers: Record<string, string> = {}, body?: Uint8Array) =>
    server.fetch('/v1/uploads', {
      method: 'POST',
      headers: {
        ...TUS,
        'upload-length': String(weights.length),
        'upload-metadata': metadataOf({ filename: WEIGHTS }),
        'idempotency-key': key,
        ...headers,
      },
      ...(body && { body }),
    });
  const count = async () =>
    ((await (await server.fetch('/v1/uploads')).json()) as { data: unknown[] }).data.length;

  it('is created once: the second request gets the same address, at which the first continues', async () => {
    const first = await begin('once');
    const path = first.headers.get('location')!;
    assert.equal(first.status, 201);
    assert.equal((await patch(server, path, 0, weights.subarray(0, 100))).status, 204);
    const before = await count();
    const again = await begin('once');
    assert.deepEqual(
      ['location', 'tus-resumable', 'idempotent-replayed'].map((name) => again.headers.get(name)),
      [path, '1.0.0', 'true'],
    );
    assert.equal(again.headers.get('upload-expires'), first.headers.get('upload-expires'));
    assert.equal(await count(), before);
    assert.equal(await offsetOf(server, path), 100);
  });

  it('keeps the bytes sent with it, once', async () => {
    const some = weights.subarray(0, 64);
    const first = await begin('with bytes', TUS_TYPE, some);
    assert.deepEqual([first.status, first.headers.get('upload-offset')], [201, '64']);
    const again = await begin('with bytes', TUS_TYPE, some);
    assert.deepEqual(
      [again.headers.get('location'), again.headers.get('upload-offset')],
      [first.headers.get('location'), '64'],
    );
  });

  it('is a new upload with another length, or another file', async () => {
    await begin('other');
    await problemIn(await begin('other', { 'upload-length': '1' }), 422, 'IDEMPOTENCY_MISMATCH');
    const metadata = { 'upload-metadata': metadataOf({ filename: 'other.safetensors' }) };
    await problemIn(await begin('other', metadata), 422, 'IDEMPOTENCY_MISMATCH');
  });

  it('that broke off is treated as new when it is repeated', async () => {
    const socket = await openSocket(server.port);
    const head = [
      'POST /v1/uploads HTTP/1.1',
      'Host: localhost',
      'Tus-Resumable: 1.0.0',
      `Upload-Length: ${weights.length}`,
      `Upload-Metadata: ${metadataOf({ filename: WEIGHTS })}`,
      'Content-Type: application/offset+octet-stream',
      'Content-Length: 200',
      'Idempotency-Key: broken',
    ];
    const files = () => filesUnder(join(server.root, 'uploads')).length;
    const others = files();
    socket.write(`${head.join('\r\n')}\r\n\r\n`);
    socket.write(weights.subarray(0, 50));
    await until('the upload has begun', () => files() > others);
    socket.destroy();
    const again = await until('the end of the first', async () => {
      const response = await begin('broken', TUS_TYPE, weights.subarray(0, 200));
      return response.status === 409 ? undefined : response;
    });
    assert.deepEqual([again.status, again.headers.get('idempotent-replayed')], [201, null]);
    assert.equal(again.headers.get('upload-offset'), '200');
  });
});
