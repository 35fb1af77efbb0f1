import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { Agent, request } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { buildProbeApp } from '../../src/app/probe-app.ts';
import { ProcessReadiness } from '../../src/app/readiness.ts';
import { AppError } from '../../src/errors/app-error.ts';
import { Metrics } from '../../src/metrics/metrics.ts';
import {
  multipartOf,
  openSocket,
  parseResponse,
  part,
  postHead,
  rawRequest,
  readAll,
} from './raw-request.ts';
import { checkedProblem, problemIn, startServer, type TestServer } from './server.ts';
import { formOf, tinyAdapter } from './tiny-adapter.ts';

describe('the service over HTTP', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer({ bodyTimeoutMs: 300 });
  });
  after(() => server.close());

  it('is alive whatever else is not', async () => {
    server.queue.down = true;
    try {
      const response = await server.fetch('/livez');
      assert.equal(response.status, 200);
      assert.deepEqual(await response.json(), { status: 'alive', version: '9.9.9' });
    } finally {
      server.queue.down = false;
    }
  });

  it('is ready if storage and queue are; without a queue it is degraded, reports why, and continues to serve', async () => {
    const ready = {
      status: 'ready',
      checks: { storage: 'ok', database: 'ok', queue: 'ok' },
      reasons: [] as unknown[],
    };
    const response = await server.fetch('/readyz');
    assert.equal(response.headers.get('cache-control'), 'no-store');
    assert.deepEqual(await response.json(), ready);
    server.queue.down = true;
    try {
      const degraded = await server.fetch('/readyz');
      assert.equal(degraded.status, 200);
      assert.deepEqual(await degraded.json(), {
        status: 'degraded',
        checks: { storage: 'ok', database: 'ok', queue: 'degraded' },
        reasons: [
          { part: 'queue', code: 'QUEUE_UNAVAILABLE', detail: 'Redis cannot be reached (ECONNREFUSED).' },
        ],
      });
      assert.equal((await server.fetch('/v1/adapters')).status, 200);
    } finally {
      server.queue.down = false;
    }
    server.queue.risks = [{ code: 'QUEUE_EVICTS', detail: 'Redis may drop jobs.' }];
    assert.deepEqual(await (await server.fetch('/readyz')).json(), {
      status: 'degraded',
      checks: { storage: 'ok', database: 'ok', queue: 'degraded' },
      reasons: [{ part: 'queue', code: 'QUEUE_EVICTS', detail: 'Redis may drop jobs.' }],
    });
    server.queue.risks = [];
    assert.deepEqual(await (await server.fetch('/readyz')).json(), ready);
    server.stopping = true;
    await problemIn(await server.fetch('/readyz'), 503, 'SHUTTING_DOWN');
    server.stopping = false;
  });

  it('is not ready if the storage cannot be read, and names everything that is wrong', async () => {
    const readiness = new ProcessReadiness({
      store: {
        check: () => Promise.reject(new Error('/secret')),
        checkReads: () => Promise.reject(new Error('/secret')),
      },
      database: { check: async () => {} },
      queue: {
        check: async () => {
          throw new AppError('QUEUE_UNAVAILABLE', 'No.');
        },
      },
    });
    const broken = await startServer({}, { readiness });
    try {
      const problem = await problemIn(await broken.fetch('/readyz'), 503, 'STORAGE_FAILED');
      assert.deepEqual(problem.context, { failed: ['storage', 'queue'] });
      assert.equal(problem.detail, 'storage: The storage failed. queue: No.');
    } finally {
      await broken.close();
    }
  });

  it('has metrics by route pattern, which promtool accepts', async (t) => {
    await server.fetch('/v1/jobs/some-id');
    await server.fetch('/no/such/thing');
    const response = await server.fetch('/metrics');
    assert.match(response.headers.get('content-type')!, /^text\/plain; version=0\.0\.4/);
    const text = await response.text();
    assert.match(
      text,
      /http_request_duration_seconds_count\{method="GET",route="\/v1\/jobs\/:id",status="404"\} 1\n/,
    );
    assert.match(
      text,
      /http_request_duration_seconds_count\{method="GET",route="unknown",status="404"\} 1\n/,
    );
    assert.ok(!text.includes('some-id') && !text.includes('no/such'));
    const { error, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: text });
    if (error) return t.skip('promtool is not installed');
    const known = /^nodejs_active_(handles|requests|resources)_total /;
    assert.deepEqual(
      `${stdout}${stderr}`.split('\n').filter((line) => line !== '' && !known.test(line)),
      [],
    );
  });

  it('counts uploads by outcome, and their bytes', async () => {
    const own = await startServer();
    try {
      const body = multipartOf(part('nope', 'x'.repeat(1000)));
      const socket = await openSocket(own.port);
      const request = Buffer.concat([
        Buffer.from(postHead('/v1/adapters', [`Content-Length: ${body.length}`])),
        body,
      ]);
      // Two requests on one connection: each counts its own bytes.
      socket.write(Buffer.concat([request, request]));
      socket.write('GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
      await readAll(socket);
      await own.upload();
      await own.upload();
      const text = await (await own.fetch('/metrics')).text();
      assert.match(text, /lora_squeeze_uploads_total\{outcome="UNEXPECTED_PART"\} 2\n/);
      assert.match(text, /lora_squeeze_uploads_total\{outcome="created"\} 1\n/);
      assert.match(text, /lora_squeeze_uploads_total\{outcome="known"\} 1\n/);
      const bytes = Number(/lora_squeeze_upload_bytes_total (\d+)/.exec(text)?.[1]);
      assert.ok(bytes > 2 * body.length && bytes < 2 * body.length + 10_000, String(bytes));
    } finally {
      await own.close();
    }
  });

  it('continues to answer readers while it closes, and refuses work with a problem document', async () => {
    const own = await startServer();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ask = (method: string, path: string) =>
      new Promise<{ status: number; connection: string | undefined; body: string }>((resolve, reject) => {
        const sent = request({ agent, host: '127.0.0.1', port: own.port, method, path }, async (response) => {
          let body = '';
          for await (const chunk of response) body += chunk;
          resolve({ status: response.statusCode!, connection: response.headers.connection, body });
        });
        sent.on('error', reject);
        sent.end();
      });
    try {
      assert.equal((await ask('GET', '/livez')).status, 200);
      own.stopping = true;
      const refused = await ask('POST', '/v1/jobs');
      assert.equal(refused.connection, 'close');
      checkedProblem(JSON.parse(refused.body), 503, 'SHUTTING_DOWN');
      assert.equal((await ask('GET', '/livez')).status, 200);
    } finally {
      agent.destroy();
      await own.close();
    }
  });

  it('answers unknown paths with a problem document, whatever is sent with them', async () => {
    const paths = ['/v1', '/v1/adapters/a/b/c', '/v2/jobs', '/v1/jobs/../../etc/passwd', '/healthz'];
    for (const path of paths) await problemIn(await server.fetch(path), 404, 'NOT_FOUND');
    const body = { method: 'POST', headers: { 'content-type': 'application/x-whatever' }, body: 'x' };
    await problemIn(await server.fetch('/nope', body), 404, 'NOT_FOUND');
    const dots = await rawRequest(
      server.port,
      'GET /v1/jobs/../../etc/passwd HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
    );
    checkedProblem(JSON.parse(dots.body), 404, 'NOT_FOUND');
  });

  it('ignores the media type if no body is expected and none is sent', async () => {
    for (const type of ['application/json', 'text/plain', 'multipart/form-data', 'nonsense']) {
      const headers = { 'content-type': type };
      const { id } = await server.upload(tinyAdapter(41), {});
      const job = await server.jobs.submit({ kind: 'analyze', adapter_id: id, reuse: false });
      for (const length of ['', 'Content-Length: 0\r\n'])
        for (const [method, path, status] of [
          ['POST', `/v1/jobs/${job.id}/cancel`, 200],
          ['POST', `/v1/jobs/${job.id}/retry`, 202],
          ['GET', `/v1/jobs/${job.id}`, 200],
        ] as const) {
          const head = `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${length}Content-Type: ${type}\r\n\r\n`;
          const answer = await rawRequest(server.port, head, true);
          assert.equal(answer.status, status, `${type} ${method} ${path} ${length}: ${answer.body}`);
        }
      assert.equal((await server.fetch(`/v1/jobs/${job.id}`, { method: 'DELETE', headers })).status, 204);
    }
  });

  it('refuses unknown query parameters, whatever the call', async () => {
    const { id } = await server.upload(tinyAdapter(42), {});
    for (const path of ['/v1/capabilities?x=1', `/v1/adapters/${id}?x=1`, `/v1/adapters/${id}/modules?x`]) {
      const problem = await problemIn(await server.fetch(path), 400, 'UNKNOWN_OPTION');
      assert.match(problem.detail, /^the request has no option "x"; the options are tenant\.$/);
    }
    const removed = await server.fetch(`/v1/adapters/${id}?force=true`, { method: 'DELETE' });
    await problemIn(removed, 400, 'UNKNOWN_OPTION');
    const body = formOf(tinyAdapter(43));
    await problemIn(
      await server.fetch('/v1/adapters?name=x', { method: 'POST', body }),
      400,
      'UNKNOWN_OPTION',
    );
    assert.equal((await server.fetch(`/v1/adapters/${id}`)).status, 200);
  });

  it('answers wrong methods with 405 and Allow', async () => {
    const cases: [string, string, string][] = [
      ['DELETE', '/livez', 'GET, HEAD'],
      ['PUT', '/v1/jobs', 'GET, HEAD, POST'],
      ['PUT', '/v1/adapters', 'GET, HEAD, POST'],
      ['POST', '/v1/jobs/x', 'DELETE, GET, HEAD, PATCH'],
      ['PATCH', '/v1/adapters/x/files/y', 'GET, HEAD'],
      ['GET', '/v1/squeeze', 'POST'],
    ];
    for (const [method, path, allow] of cases) {
      const response = await server.fetch(path, { method });
      assert.equal(response.headers.get('allow'), allow, `${method} ${path}`);
      await problemIn(response, 405, 'METHOD_NOT_ALLOWED');
    }
  });

  it('gives every response a request id, that of the client if it is safe', async () => {
    const idFor = async (sent?: string) => {
      const response = await server.fetch('/livez', sent ? { headers: { 'x-request-id': sent } } : {});
      return response.headers.get('x-request-id')!;
    };
    assert.equal(await idFor('trace-1.2_3'), 'trace-1.2_3');
    assert.notEqual(await idFor(), await idFor());
    for (const bad of ['with space', 'x'.repeat(65), '<script>', '"']) assert.notEqual(await idFor(bad), bad);
    const response = await server.fetch('/nope', { headers: { 'x-request-id': 'mine' } });
    assert.equal((await problemIn(response, 404, 'NOT_FOUND')).instance, 'urn:lora-squeeze:request:mine');
  });

  it('does not reveal the details of an internal error', async () => {
    const broken = await startServer();
    broken.jobs.get = () => Promise.reject(new Error('ENOENT: /secret/path at line 7'));
    try {
      const validator = () => {
        throw new TypeError('a mistake in /secret/path');
      };
      broken.adapters.newValidator = () => ({ push: validator, finish: validator });
      const mistake = await broken.fetch('/v1/adapters', { method: 'POST', body: formOf(tinyAdapter()) });
      assert.ok(!JSON.stringify(await problemIn(mistake, 500, 'INTERNAL')).includes('secret'));
      const problem = await problemIn(await broken.fetch('/v1/jobs/x'), 500, 'INTERNAL');
      assert.ok(!JSON.stringify(problem).includes('secret'));
      assert.equal(problem.context, undefined);
    } finally {
      await broken.close();
    }
  });

  it('sends the security headers for browsers', async () => {
    const { headers } = await server.fetch('/livez');
    assert.equal(headers.get('x-content-type-options'), 'nosniff');
    assert.match(headers.get('content-security-policy')!, /default-src 'none'/);
    assert.equal(headers.get('x-frame-options'), 'DENY');
    assert.equal(headers.get('x-powered-by'), null);
  });

  describe('a request that is hardly HTTP', () => {
    const raw = async (text: string, status: number, code: string) => {
      const response = await rawRequest(server.port, text, true);
      assert.equal(response.status, status, response.body);
      assert.equal(response.headers.get('content-type'), 'application/problem+json');
      return checkedProblem(JSON.parse(response.body), status, code);
    };

    it('gets a problem document as well', async () => {
      await raw('what is this\r\n\r\n', 400, 'BAD_REQUEST');
      await raw('GET / HTTP/1.1\r\nHost: localhost\r\nbad header\r\n\r\n', 400, 'BAD_REQUEST');
      const smuggled =
        'POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n';
      await raw(smuggled, 400, 'BAD_REQUEST');
      const flood = Array.from({ length: 2500 }, (_, index) => `X-${index}: v`).join('\r\n');
      await raw(`GET /livez HTTP/1.1\r\nHost: localhost\r\n${flood}\r\n\r\n`, 431, 'HEADERS_TOO_LARGE');
      await raw(
        'POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nExpect: a-pony\r\nContent-Length: 2\r\n\r\n{}',
        417,
        'EXPECTATION_FAILED',
      );
    });

    it('needs a Host header, unless its version is older than that', async () => {
      for (const line of ['GET /livez', 'GET /nowhere', 'POST /v1/jobs']) {
        const { detail } = await raw(`${line} HTTP/1.1\r\n\r\n`, 400, 'BAD_REQUEST');
        assert.match(detail, /no Host/);
      }
      const old = await rawRequest(server.port, 'GET /livez HTTP/1.0\r\n\r\n', true);
      assert.equal(old.status, 200);
    });

    it('has its percent signs checked', async () => {
      await raw(
        'GET /v1/jobs/%zz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
        400,
        'BAD_REQUEST',
      );
    });

    it('is closed if a small body does not arrive', async () => {
      const socket = await openSocket(server.port);
      socket.write(
        'POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"kind"',
      );
      const response = parseResponse(await readAll(socket));
      checkedProblem(JSON.parse(response.body), 408, 'REQUEST_TIMEOUT');
    });
  });

  describe('its documentation', () => {
    it('is served as YAML', async () => {
      const response = await server.fetch('/openapi.yaml');
      assert.equal(response.headers.get('content-type'), 'application/yaml');
      assert.match(await response.text(), /^openapi: 3\.1\.0\n/);
    });

    it('is a page that loads nothing from elsewhere', async () => {
      const response = await server.fetch('/docs/');
      assert.equal(response.status, 200);
      const csp = response.headers.get('content-security-policy')!;
      assert.match(csp, /default-src 'none'/);
      assert.ok(!csp.includes('http'));
      const html = await response.text();
      const links = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link!);
      assert.ok(links.length >= 4);
      for (const link of links) {
        assert.ok(!/^(https?:)?\/\//.test(link), link);
        const asset = await server.fetch(new URL(link, 'http://x/docs/').pathname);
        assert.equal(asset.status, 200, link);
        await asset.arrayBuffer();
      }
      assert.ok(!/<script>[^<]/.test(html), 'no inline scripts, which the policy forbids');
      const description = await server.fetch('/docs/json');
      assert.equal(((await description.json()) as { openapi: string }).openapi, '3.1.0');
    });
  });
});

describe('the probes of a process without an API', () => {
  it('are answered, and nothing else is', async () => {
    const metrics = new Metrics({ version: '1' });
    const ok = async () => {};
    const readiness = new ProcessReadiness({
      store: { check: ok, checkReads: ok },
      database: { check: ok },
      queue: { check: async () => [] },
    });
    const app = await buildProbeApp({ readiness, metrics, version: '1', logger: false });
    const url = await app.listen({ port: 0, host: '127.0.0.1' });
    try {
      for (const path of ['/livez', '/readyz', '/metrics'])
        assert.equal((await fetch(url + path)).status, 200, path);
      await problemIn(await fetch(`${url}/v1/jobs`, { method: 'POST' }), 404, 'NOT_FOUND');
    } finally {
      await app.close();
    }
  });
});
