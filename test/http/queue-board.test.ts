import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openDatabase } from '../../src/database/open-database.ts';
import { POOL } from '../database/dialects.ts';
import { testDatabase } from '../database/postgres-server.ts';
import { type ServiceProcess, startService } from '../main/service-process.ts';
import { FIT, startExternalRedis } from '../queue/external-redis.ts';
import { withFolder } from '../queue/harness.ts';
import { squeezeOnce } from '../tracing/upload.ts';

const KEY = 'a-key:of-many-letters';
const basic = (password: string, user = 'anyone') => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
});
const BOARD = '/admin/queues';
const ADMIN_KEY = 'administrator-of-this-test-47';
const ADMIN = { authorization: `Bearer ${ADMIN_KEY}` };

/** As if a worker said that it is there. */
async function addWorker(url: string): Promise<void> {
  const database = await openDatabase({ url, dataDir: '', ...POOL });
  const worker = { id: 'worker', slots: 1, provider: 'cpu', ms_per_mib: null, seen_at: database.now };
  await database.write((writer) => writer.insertInto('worker').values(worker).execute());
  await database.close();
}

describe('the queue board', () => {
  let service: ServiceProcess;
  let jobId: string;
  let stop: () => void;
  let done: Promise<void>;
  before(async () => {
    const stopped = new Promise<void>((resolve) => {
      stop = resolve;
    });
    await new Promise<void>((started, failed) => {
      done = withFolder(async (DATA_DIR) => {
        const redis = await startExternalRedis(DATA_DIR, FIT);
        try {
          // A worker that takes nothing: jobs wait for it, and can be looked at.
          const access = { AUTH: 'keys', ADMIN_KEY, QUEUE_BOARD_KEY: KEY };
          const url = await testDatabase();
          service = await startService({
            ...{ DATA_DIR, ROLE: 'api', REDIS_URL: redis.url, DATABASE_URL: url },
            ...access,
          });
          await addWorker(url);
          jobId = (await squeezeOnce(service.url, { ...ADMIN, 'x-request-id': 'seen-on-board' })).id;
          started();
          await stopped;
          assert.equal(await service.end(), 0);
        } finally {
          await redis.stop();
        }
      });
      done.catch(failed);
    });
  });
  after(async () => {
    stop();
    await done;
  });
  const ask = (path: string, init: RequestInit = {}) =>
    fetch(service.url + path, { redirect: 'manual', ...init });

  it('is not shown to who has no key, or a wrong one', async () => {
    const strangers: Record<string, string>[] = [
      {},
      basic('wrong'),
      basic(''),
      basic('x', KEY),
      basic(`${KEY}x`),
      basic(KEY.slice(0, -1)),
      { authorization: 'Bearer wrong' },
      { authorization: 'Bearer' },
      { authorization: KEY },
      { authorization: `Digest ${KEY}` },
      { cookie: KEY, 'x-api-key': KEY },
    ];
    for (const path of [BOARD, `${BOARD}/`, `${BOARD}/api/queues`, `${BOARD}/static/favicon.ico`]) {
      for (const headers of strangers) {
        const response = await ask(path, { headers });
        assert.equal(response.status, 401, `${path} ${JSON.stringify(headers)}`);
        assert.match(response.headers.get('www-authenticate')!, /^Basic realm="[^"]+"/);
        assert.doesNotMatch(await response.text(), /seen-on-board|<html/);
      }
    }
    assert.equal((await ask(`${BOARD}?key=${encodeURIComponent(KEY)}`)).status, 401);
  });

  it('comes with all it needs from this service', async () => {
    const page = await ask(BOARD, { headers: basic(KEY) });
    assert.equal(page.status, 200);
    assert.match(page.headers.get('content-type')!, /^text\/html/);
    const html = await page.text();
    assert.match(html, /<base href="\/admin\/queues\/"/);

    const policy = page.headers.get('content-security-policy')!;
    assert.match(policy, /default-src 'none'/);
    assert.doesNotMatch(policy, /https?:|\*|unsafe-eval/);
    assert.match(/script-src ([^;]+)/.exec(policy)![1]!, /^'self'$/);
    // Scripts in the page would not run under this policy; the block of settings is data.
    const inline = [...html.matchAll(/<script(?![^>]*\bsrc=)([^>]*)>/g)].map(([, attributes]) => attributes);
    assert.ok(
      inline.every((attributes) => /type="application\/json"/.test(attributes!)),
      String(inline),
    );

    const assets = [...html.matchAll(/(?:src|href)="(static\/[^"]+)"/g)].map(([, path]) => path!);
    assert.ok(assets.some((path) => path.endsWith('.js')) && assets.some((path) => path.endsWith('.css')));
    for (const path of assets) {
      const asset = await ask(`${BOARD}/${path}`, { headers: basic(KEY) });
      assert.equal(asset.status, 200, path);
      assert.ok((await asset.arrayBuffer()).byteLength > 100, path);
      const type = asset.headers.get('content-type')!;
      if (path.endsWith('.js')) assert.match(type, /javascript/);
      if (path.endsWith('.css')) assert.match(type, /text\/css/);
    }
  });

  it('shows what waits for a worker, with what the queue knows of it', async () => {
    const seen = await ask(`${BOARD}/api/queues?activeQueue=jobs&status=waiting`, {
      headers: { authorization: `Bearer ${KEY}` },
    });
    assert.equal(seen.status, 200);
    const { queues } = (await seen.json()) as {
      queues: {
        name: string;
        readOnlyMode: boolean;
        jobs: { id: string; data: Record<string, unknown> }[];
      }[];
    };
    assert.deepEqual(
      queues.map(({ name, readOnlyMode }) => [name, readOnlyMode]),
      [['jobs', true]],
    );
    assert.deepEqual(
      queues[0]!.jobs.map(({ id, data }) => [/^ex_[0-9a-f]{32}-1$/.test(id), data]),
      [[true, { requestId: 'seen-on-board' }]],
    );
  });

  it('changes nothing', async () => {
    const calls = [
      ['PUT', '/api/queues/jobs/pause'],
      ['PUT', '/api/queues/jobs/empty'],
      ['PUT', '/api/queues/jobs/obliterate'],
      ['PUT', `/api/queues/jobs/${jobId}/clean`],
      ['POST', '/api/queues/jobs/add'],
      ['PUT', '/api/queues/pause'],
    ];
    for (const [method, path] of calls) {
      const headers = { ...basic(KEY), 'content-type': 'application/json' };
      const response = await ask(BOARD + path!, { method: method!, headers, body: '{}' });
      assert.equal(response.status, 405, `${method} ${path}`);
    }
    const job = await ask(`/v1/jobs/${jobId}`, { headers: ADMIN });
    assert.equal(((await job.json()) as { state: string }).state, 'queued');
  });

  it('takes nothing from pages of other sites, to which a browser gives the password as well', async () => {
    for (const headers of [{ 'sec-fetch-site': 'cross-site' }, { origin: 'http://evil.example' }]) {
      const response = await ask(`${BOARD}/api/queues/pause`, {
        method: 'PUT',
        headers: { ...basic(KEY), ...headers },
      });
      assert.equal(response.status, 403);
      assert.equal(((await response.json()) as { code: string }).code, 'CROSS_ORIGIN_REQUEST');
    }
  });

  it('is no part of the contract, and leaves the rest as it was', async () => {
    assert.doesNotMatch(await (await ask('/openapi.yaml')).text(), /\/admin\/queues/);
    const profiles = await ask('/v1/profiles', { headers: ADMIN });
    assert.match(
      profiles.headers.get('content-security-policy')!,
      /^default-src 'none'; frame-ancestors 'none'$/,
    );
    const missing = await ask('/admin');
    assert.equal(missing.headers.get('content-type'), 'application/problem+json');
  });
});

describe('a service without a key', () => {
  it('has no queue board', () =>
    withFolder(async (DATA_DIR) => {
      const service = await startService({ DATA_DIR });
      for (const path of [BOARD, `${BOARD}/`, `${BOARD}/api/queues`]) {
        const response = await fetch(service.url + path, { headers: basic('') });
        assert.equal(response.status, 404);
        assert.equal(((await response.json()) as { code: string }).code, 'NOT_FOUND');
      }
      assert.equal(await service.end(), 0);
    }));
});
