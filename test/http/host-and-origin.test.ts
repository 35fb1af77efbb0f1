import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { buildProbeApp } from '../../src/app/probe-app.ts';
import { ProcessReadiness } from '../../src/app/readiness.ts';
import { isLoopbackHost, parseAuthority } from '../../src/http/authority.ts';
import type { Problem } from '../../src/http/problem.ts';
import { Metrics } from '../../src/metrics/metrics.ts';
import fc from '../fast-check.ts';
import { multipartOf, part, postHead, type RawResponse, rawRequest } from './raw-request.ts';
import { checkedProblem, problemIn, startServer, type TestServer } from './server.ts';
import { CONFIG, formOf, tinyAdapter, WEIGHTS } from './tiny-adapter.ts';

const OWN = [
  'localhost',
  'LocalHost',
  'localhost.',
  'x.y.localhost',
  '127.0.0.1',
  '127.9.8.7',
  '127.0.0.1.',
  '[::1]',
];
const FOREIGN = [
  'evil.example',
  'localhost.evil.com',
  '127.0.0.1.evil.com',
  'notlocalhost',
  'localhost..',
  '127.1',
  '128.0.0.1',
  '127.0.0.256',
  '0.0.0.0',
  '10.0.0.1',
  '[::2]',
  '[::]',
  '[::ffff:10.0.0.1]',
  'localhost%2eevil.com',
  'localhost,evil.com',
  '',
];
const BROKEN = [
  'localhost:80@evil.example',
  'user@localhost',
  'localhost:80:80',
  'localhost:65536',
  'localhost:-1',
  'localhost:8o',
  'localhost/evil',
  'local host',
  'localhost\\evil',
  '::1',
  '[::1',
  '[::1]evil',
  '[::1%25lo]',
  '[localhost]',
  'b\xfccher.example',
];
const PORTS = ['', ':', ':80', ':65535', ':0', ':00080'];

describe('parseAuthority', () => {
  it('reads hosts and ports, and recognises loopback hosts', () => {
    for (const host of OWN)
      for (const port of PORTS) {
        const read = parseAuthority(host + port);
        assert.ok(read && isLoopbackHost(read.host), host + port);
        assert.equal(read.port, /\d/.test(port) ? Number(port.slice(1)) : undefined);
      }
    for (const host of FOREIGN) {
      const read = parseAuthority(host);
      assert.ok(read && !isLoopbackHost(read.host), host);
    }
    for (const text of BROKEN) assert.equal(parseAuthority(text), undefined, text);
    assert.deepEqual(parseAuthority('[0:0::0:1]:8080'), { host: '[::1]', port: 8080 });
  });

  it('recognises as loopback only what the URL parser of a browser does', () => {
    const piece = fc.constantFrom(
      ...'.:@/\\[]%1270aLo',
      'localhost',
      '127.0.0.1',
      '[::1]',
      'evil.com',
      ':80',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
        const text = pieces.join('');
        const read = parseAuthority(text);
        if (!read || !isLoopbackHost(read.host)) return;
        const { hostname, username } = new URL(`http://${text}`);
        assert.equal(username, '');
        assert.match(hostname, /^(.*\.)?localhost\.?$|^127\.\d+\.\d+\.\d+$|^\[::1\]$/, text);
      }),
    );
  });
});

describe('a service without keys', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer(
      {},
      { auth: { mode: 'open', allowedHosts: ['squeeze.lan', 'Other.lan:8443', 'tls.lan:443', '[fd00::1]'] } },
    );
  });
  after(() => server.close());

  const get = (path: string, host: string) =>
    rawRequest(server.port, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`, true);
  const refused = ({ status, body }: RawResponse, wanted: number, code: string): Problem => {
    assert.equal(status, wanted, body);
    return checkedProblem(JSON.parse(body), wanted, code);
  };

  it('answers at loopback names, with any port', async () => {
    for (const host of OWN)
      for (const port of ['', ':1234']) assert.equal((await get('/v1/jobs', host + port)).status, 200, host);
  });

  it('answers at no other name, and explains how to allow it', async () => {
    for (const host of FOREIGN) {
      const { detail, context } = refused(await get('/v1/jobs', host), 421, 'HOST_NOT_ALLOWED');
      assert.match(detail, /ALLOWED_HOSTS.*AUTH=keys/);
      assert.ok(host === '' || context?.host === parseAuthority(host)!.host);
    }
    for (const path of ['/', '/docs/', '/openapi.yaml', '/v1/keys', '/v1/nothing', '/nowhere'])
      refused(await get(path, 'evil.example'), 421, 'HOST_NOT_ALLOWED');
    assert.match(await server.metrics.render(), /access_refused_total\{reason="host"\} [1-9]/);
  });

  it('answers at allowed names, with the allowed port', async () => {
    for (const host of [
      'squeeze.lan',
      'SQUEEZE.lan:99',
      'other.lan:8443',
      'tls.lan',
      'tls.lan:443',
      '[FD00::0:1]:7',
    ])
      assert.equal((await get('/v1/jobs', host)).status, 200, host);
    for (const host of [
      'sub.squeeze.lan',
      'squeeze.lan.evil.com',
      'other.lan',
      'other.lan:8444',
      'tls.lan:8443',
    ])
      refused(await get('/v1/jobs', host), 421, 'HOST_NOT_ALLOWED');
  });

  it('answers probes and /metrics at any name, since they contain no data', async () => {
    for (const path of ['/livez', '/readyz', '/metrics']) {
      assert.equal((await get(path, '10.1.2.3:8080')).status, 200, path);
      refused(await get(`${path}/x`, '10.1.2.3:8080'), 421, 'HOST_NOT_ALLOWED');
    }
  });

  it('also checks the target of the request, if that names a host', async () => {
    const target = (name: string, host = 'localhost') => get(name, host);
    assert.equal((await target('http://localhost:1/v1/jobs')).status, 200);
    for (const name of ['http://evil.example/v1/jobs', 'HTTP://evil.example/v1/jobs', 'https://evil.example'])
      refused(await target(name), 421, 'HOST_NOT_ALLOWED');
    refused(await target('http://localhost/v1/jobs', 'evil.example'), 421, 'HOST_NOT_ALLOWED');
    refused(await target('http://localhost@evil.example/v1/jobs'), 400, 'BAD_REQUEST');
    const none = await rawRequest(server.port, 'GET http://evil.example/v1/jobs HTTP/1.0\r\n\r\n', true);
    refused(none, 421, 'HOST_NOT_ALLOWED');
  });

  it('refuses a name before it reads a body', async () => {
    const { weights, config } = tinyAdapter();
    const body = multipartOf(part(CONFIG, config), part(WEIGHTS, weights));
    const head = postHead('/v1/adapters', [`Content-Length: ${body.length + 5_000_000}`]);
    const early = await rawRequest(server.port, head.replace('127.0.0.1', 'evil.example'), true);
    refused(early, 421, 'HOST_NOT_ALLOWED');
    const other = await rawRequest(
      server.port,
      head.replace('\r\n\r\n', '\r\nOrigin: http://e.example\r\n\r\n'),
      true,
    );
    refused(other, 403, 'CROSS_ORIGIN_REQUEST');
    assert.deepEqual((await server.store.list('adapters/')).length, 0);
  });

  describe('and requests of a browser', () => {
    const statusOf = async (
      headers: Record<string, string>,
      method = 'POST',
      path = '/v1/jobs/job_0/cancel',
    ) => {
      const response = await server.fetch(path, { method, headers });
      const { code } = (await response.json()) as { code?: string };
      return code === 'CROSS_ORIGIN_REQUEST' ? `${response.status} ${code}` : 'taken';
    };
    const REFUSED = '403 CROSS_ORIGIN_REQUEST';

    it('accepts requests of its own page, and requests that no page sends', async () => {
      const { host } = new URL(server.url);
      for (const headers of [
        {},
        { 'sec-fetch-site': 'same-origin' },
        { 'sec-fetch-site': 'none' },
        // A gateway that rewrote the Host.
        { 'sec-fetch-site': 'same-origin', origin: 'https://public.example' },
        { origin: server.url },
        { origin: 'http://squeeze.lan' },
        { origin: 'https://squeeze.lan:8443' },
        { origin: 'https://other.lan:8443' },
        { origin: 'https://tls.lan' },
      ])
        assert.equal(await statusOf(headers), 'taken', JSON.stringify(headers));
      assert.match(host, /^127/);
    });

    it('accepts nothing that a page of another site sends', async () => {
      for (const headers of [
        { 'sec-fetch-site': 'cross-site' },
        { 'sec-fetch-site': 'same-site' },
        { 'sec-fetch-site': '' },
        { 'sec-fetch-site': 'same-origin, cross-site' },
        { 'sec-fetch-site': 'cross-site', origin: server.url },
        { 'sec-fetch-site': 'same-site', origin: 'http://squeeze.lan' },
        { origin: 'null' },
        { origin: '' },
        { origin: 'http://localhost:1' },
        { origin: `http://localhost:${server.port}` },
        { origin: `https://127.0.0.1` },
        { origin: `${server.url}@evil.example` },
        { origin: `${server.url}.evil.example` },
        { origin: `${server.url}, http://evil.example` },
        { origin: `ftp://127.0.0.1:${server.port}` },
        { origin: `chrome-extension://127.0.0.1:${server.port}` },
        { origin: 'http://other.lan' },
        { origin: 'http://tls.lan' },
      ])
        assert.equal(await statusOf(headers), REFUSED, JSON.stringify(headers));
      assert.match(await server.metrics.render(), /access_refused_total\{reason="origin"\} [1-9]/);
    });

    it('refuses such requests for every method that may change something, whatever the path', async () => {
      const foreign = { 'sec-fetch-site': 'cross-site', origin: 'http://evil.example' };
      for (const [method, path] of [
        ['POST', '/v1/adapters'],
        ['POST', '/v1/squeeze'],
        ['POST', '/v1/uploads'],
        ['PUT', '/v1/uploads/x?filename=adapter_model.safetensors'],
        ['PATCH', '/v1/uploads/up_1'],
        ['DELETE', '/v1/adapters/ad_1'],
        ['POST', '/v1/nothing'],
        ['POST', '/'],
        ['POST', '/docs/'],
        ['PUT', '/livez'],
      ])
        assert.equal(await statusOf(foreign, method, path), REFUSED, `${method} ${path}`);
      for (const path of ['/v1/jobs', '/openapi.yaml']) {
        const read = await server.fetch(path, { headers: foreign });
        assert.equal(read.status, 200, 'a link from another site may lead here');
        assert.equal(read.headers.get('access-control-allow-origin'), null, 'and nobody there can read it');
        await read.arrayBuffer();
      }
    });
  });

  it('manages no keys and changes no tenants', async () => {
    const json = { 'content-type': 'application/json' };
    for (const [method, path, body] of [
      ['POST', '/v1/keys', '{"tenant":"default","scopes":["admin","read","write"]}'],
      ['GET', '/v1/keys'],
      ['DELETE', '/v1/keys/key_000000000000'],
      ['PUT', '/v1/tenants/team', '{}'],
    ] as const) {
      const response = await server.fetch(path, { method, ...(body && { body, headers: json }) });
      const { detail } = await problemIn(response, 403, 'ADMINISTRATION_CLOSED');
      assert.match(detail, /node dist\/cli\/main\.js keys create.*AUTH=keys.*ADMIN_KEY/);
    }
    assert.deepEqual(await server.keys.list(), []);
    assert.deepEqual(await server.wholeStore.list('tenants/team'), []);
  });
});

describe('a service with keys', () => {
  it('answers at every name, and to pages of every site, if they have a key', async () => {
    const adminKey = 'administrator-of-this-test-44';
    const server = await startServer({}, { auth: { mode: 'keys', adminKey: () => adminKey } });
    try {
      const headers = { authorization: `Bearer ${adminKey}`, 'sec-fetch-site': 'cross-site' };
      const made = await server.fetch('/v1/adapters', {
        method: 'POST',
        headers,
        body: formOf(tinyAdapter()),
      });
      assert.equal(made.status, 201);
      const named = `GET /v1/jobs HTTP/1.1\r\nHost: squeeze.example\r\nConnection: close\r\n`;
      const asked = await rawRequest(server.port, `${named}Authorization: Bearer ${adminKey}\r\n\r\n`, true);
      assert.equal(asked.status, 200);
    } finally {
      await server.close();
    }
  });
});

describe('a Host header', () => {
  it('is required exactly once and names a host, in every process', async () => {
    const ok = { check: async () => {}, checkReads: async () => {} };
    const readiness = new ProcessReadiness({ store: ok, database: ok, queue: { check: async () => [] } });
    const metrics = new Metrics({ version: '1' });
    const worker = await buildProbeApp({ readiness, metrics, version: '1', logger: false });
    await worker.listen({ port: 0, host: '127.0.0.1' });
    const open = await startServer();
    const keys = await startServer({}, { auth: { mode: 'keys' } });
    try {
      const workerPort = (worker.server.address() as { port: number }).port;
      for (const port of [workerPort, open.port, keys.port]) {
        const answer = async (lines: string, line = 'GET /livez HTTP/1.1') => {
          const { status, body } = await rawRequest(port, `${line}\r\n${lines}\r\n`, true);
          assert.equal(status, 400, `${lines}: ${body}`);
          return checkedProblem(JSON.parse(body), 400, 'BAD_REQUEST').detail;
        };
        for (const second of ['Host: localhost', 'host: localhost', 'HOST: evil.example', 'hOsT:'])
          assert.match(await answer(`Host: localhost\r\nA: b\r\n${second}\r\n`), /more than one Host/);
        assert.match(await answer('Host: a\r\nHost: a\r\n', 'GET /livez HTTP/1.0'), /more than one Host/);
        assert.match(await answer('', 'GET /nowhere HTTP/1.1'), /no Host/);
        for (const text of BROKEN)
          assert.match(await answer(`Host: ${text}\r\n`), /neither a host nor host:port/);
      }
    } finally {
      await Promise.all([worker.close(), open.close(), keys.close()]);
    }
  });
});
