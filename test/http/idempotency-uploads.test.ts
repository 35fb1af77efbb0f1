import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { JobRecord } from '../../src/contract/job.ts';
import { until } from '../queue/harness.ts';
import { jobsOf } from '../resources/tenants/stored-by.ts';
import { multipartOf, openSocket, part, postHead, rawRequest } from './raw-request.ts';
import { checkedProblem, problemIn, startServer, type TestServer } from './server.ts';
import { CONFIG, formOf, type TinyAdapter, tinyAdapter, WEIGHTS } from './tiny-adapter.ts';

let keys = 0;
const newKey = (): string => `upload-${process.pid}-${++keys}`;

describe('an upload with an Idempotency-Key', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer();
  });
  after(() => server.close());

  const send = (path: string, key: string, form: FormData, more: Record<string, string> = {}) =>
    server.fetch(path, { method: 'POST', headers: { 'idempotency-key': key, ...more }, body: form });
  const squeezeForm = (adapter: TinyAdapter, rank: number) => {
    const form = formOf(adapter);
    form.append('request', JSON.stringify({ targets: [{ rank }] }));
    return form;
  };
  const jobCount = () => jobsOf(server.workspaces.of('default'));

  it('gets its first response again, even with another boundary', async () => {
    const key = newKey();
    const first = await send('/v1/adapters', key, formOf(tinyAdapter(11)));
    assert.equal(first.status, 201);
    const second = await send('/v1/adapters', key, formOf(tinyAdapter(11)));
    // Without the key the status would be 200: the content is known.
    assert.equal(second.status, 201);
    assert.equal(second.headers.get('idempotent-replayed'), 'true');
    assert.deepEqual(await second.json(), await first.json());
    await server.assertNoLeftovers();
  });

  it('is answered with the current state of its job, if it waits for one', async () => {
    const key = newKey();
    const { id } = (await (
      await send('/v1/squeeze', key, squeezeForm(tinyAdapter(20), 2))
    ).json()) as JobRecord;
    await server.worker.succeed(id);
    const again = await send('/v1/squeeze', key, squeezeForm(tinyAdapter(20), 2), { prefer: 'wait=1' });
    assert.equal(again.status, 200);
    assert.equal(again.headers.get('idempotent-replayed'), 'true');
    const record = (await again.json()) as JobRecord;
    assert.deepEqual([record.id, record.state], [id, 'succeeded']);
    await server.assertNoLeftovers();
  });

  it('is the same whatever the order of its parts and their headers', async () => {
    const { weights, config } = tinyAdapter(12);
    const key = newKey();
    const post = (body: Buffer) =>
      rawRequest(
        server.port,
        Buffer.concat([
          Buffer.from(
            postHead('/v1/adapters', [
              `Idempotency-Key: ${key}`,
              'Connection: close',
              `Content-Length: ${body.length}`,
            ]),
          ),
          body,
        ]),
        true,
      );
    const first = await post(multipartOf(part(WEIGHTS, weights), part(CONFIG, config)));
    assert.equal(first.status, 201, first.body);
    const reordered = multipartOf(
      part(CONFIG, config, 'Content-Type: application/json\r\n'),
      part(WEIGHTS, weights, 'Content-Type: application/octet-stream\r\n'),
    );
    const second = await post(reordered);
    assert.deepEqual([second.status, second.headers.get('idempotent-replayed')], [201, 'true']);
  });

  it('is a new request with another file or another field', async () => {
    const key = newKey();
    const first = await send('/v1/squeeze', key, squeezeForm(tinyAdapter(13), 2));
    assert.equal(first.status, 202);
    const before = await jobCount();
    await problemIn(
      await send('/v1/squeeze', key, squeezeForm(tinyAdapter(13), 3)),
      422,
      'IDEMPOTENCY_MISMATCH',
    );
    await problemIn(
      await send('/v1/squeeze', key, squeezeForm(tinyAdapter(14), 2)),
      422,
      'IDEMPOTENCY_MISMATCH',
    );
    await problemIn(await send('/v1/adapters', key, formOf(tinyAdapter(13))), 422, 'IDEMPOTENCY_MISMATCH');
    assert.equal(
      (await server.store.list('adapters/')).length,
      (await server.store.list('recent-adapters/')).length,
    );
    const again = await send('/v1/squeeze', key, squeezeForm(tinyAdapter(13), 2));
    assert.equal(again.headers.get('idempotent-replayed'), 'true');
    assert.equal(await jobCount(), before);
    await server.assertNoLeftovers();
  });

  it('keeps nothing of a body that differs: a refused repetition leaves no adapter', async () => {
    const key = newKey();
    await (await send('/v1/adapters', key, formOf(tinyAdapter(15)))).text();
    const adapters = await server.store.list('adapters/');
    await problemIn(await send('/v1/adapters', key, formOf(tinyAdapter(16))), 422, 'IDEMPOTENCY_MISMATCH');
    assert.deepEqual(await server.store.list('adapters/'), adapters);
  });

  it('creates one job from many simultaneous requests', async () => {
    const key = newKey();
    const before = await jobCount();
    const responses = await Promise.all(
      Array.from({ length: 20 }, () => send('/v1/squeeze', key, squeezeForm(tinyAdapter(17), 2))),
    );
    const done = responses.filter(({ status }) => status === 202);
    assert.ok(done.length >= 1);
    assert.ok(responses.every(({ status }) => status === 202 || status === 409));
    assert.equal(await jobCount(), before + 1);
  });

  it('that breaks off frees its key', async () => {
    const key = newKey();
    const { weights, config } = tinyAdapter(18);
    const body = multipartOf(part(WEIGHTS, weights), part(CONFIG, config));
    const socket = await openSocket(server.port);
    socket.write(postHead('/v1/adapters', [`Idempotency-Key: ${key}`, `Content-Length: ${body.length}`]));
    socket.write(body.subarray(0, 500));
    const scratch = () => (readdirSync(join(server.root, 'tmp'), { recursive: true }) as string[]).slice(1);
    await until('the upload to have begun', () => scratch().length > 0 || undefined);
    // The key is claimed before the body arrives, so that no client sends all of it in vain.
    await problemIn(await send('/v1/adapters', key, formOf(tinyAdapter(18))), 409, 'IDEMPOTENCY_IN_FLIGHT');
    socket.destroy();
    const done = await until('the key to be free', async () => {
      const response = await send('/v1/adapters', key, formOf(tinyAdapter(18)));
      return response.status === 409 ? undefined : response;
    });
    assert.equal(done.status, 201);
    await server.assertNoLeftovers();
  });

  it('that cannot be read frees its key', async () => {
    const key = newKey();
    const form = new FormData();
    form.append(WEIGHTS, new Blob(['not safetensors']), WEIGHTS);
    const refused = await send('/v1/adapters', key, form);
    assert.ok(refused.status >= 400 && refused.status < 500);
    await refused.text();
    assert.equal((await send('/v1/adapters', key, formOf(tinyAdapter(19)))).status, 201);
  });

  it('is counted with its original outcome', async () => {
    assert.match(await server.metrics.render(), /^lora_squeeze_uploads_total\{outcome="replayed"\} \d+$/m);
  });
});

describe('the digest of an upload', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer();
  });
  after(() => server.close());

  const { weights, config } = tinyAdapter(21);
  const body = multipartOf(part(WEIGHTS, weights), part(CONFIG, config));
  const digest = (bytes: Uint8Array, algorithm = 'sha256') =>
    `${algorithm.replace('sha', 'sha-')}=:${createHash(algorithm).update(bytes).digest('base64')}:`;
  const post = (...headers: string[]) =>
    rawRequest(
      server.port,
      Buffer.concat([
        Buffer.from(
          postHead('/v1/adapters', ['Connection: close', `Content-Length: ${body.length}`, ...headers]),
        ),
        body,
      ]),
      true,
    );

  for (const field of ['Content-Digest', 'Repr-Digest']) {
    it(`${field} is checked`, async () => {
      for (const good of [digest(body), digest(body, 'sha512'), `unixsum=:AAA=:, ${digest(body)}`]) {
        const { status, body: text } = await post(`${field}: ${good}`);
        assert.ok(status === 200 || status === 201, text);
      }
      const wrong = await post(`${field}: ${digest(weights)}`);
      const mismatch = checkedProblem(JSON.parse(wrong.body), 400, 'DIGEST_MISMATCH');
      assert.match(mismatch.detail, new RegExp(`^According to ${field}, `));
      for (const bad of ['sha-256=abc', 'sha-256=:AAAA:', 'sha-256', 'sha-256=:!:']) {
        const refused = await post(`${field}: ${bad}`);
        const problem = checkedProblem(JSON.parse(refused.body), 400, 'DIGEST_INVALID');
        assert.match(problem.detail, new RegExp(`^${field} has `));
      }
    });
  }

  it('both are checked if both are given', async () => {
    const { status } = await post(
      `Content-Digest: ${digest(body)}`,
      `Repr-Digest: ${digest(body, 'sha512')}`,
    );
    assert.equal(status, 201);
    const wrong = await post(`Content-Digest: ${digest(body)}`, `Repr-Digest: ${digest(config)}`);
    checkedProblem(JSON.parse(wrong.body), 400, 'DIGEST_MISMATCH');
  });

  for (const field of ['Content-Digest', 'Repr-Digest']) {
    it(`${field} is also checked for JSON, to the byte`, async () => {
      const json = Buffer.from('{ "source_rank": 8, "target_rank": 2, "total_steps": 2000 }');
      const plan = (header: string) =>
        server.fetch('/v1/schedules', {
          method: 'POST',
          headers: { 'content-type': 'application/json', [field]: header },
          body: json,
        });
      const good = await plan(digest(json));
      assert.equal(good.status, 200, await good.text());
      const other = digest(Buffer.from(JSON.stringify(JSON.parse(json.toString()))));
      const mismatch = await problemIn(await plan(other), 400, 'DIGEST_MISMATCH');
      assert.match(mismatch.detail, new RegExp(`^According to ${field}, `));
      await problemIn(await plan('sha-256=abc'), 400, 'DIGEST_INVALID');
    });
  }
});
