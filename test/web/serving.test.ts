import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import Fastify, { type FastifyInstance } from 'fastify';
import { pageRoutes } from '../../src/app/page-routes.ts';
import { httpMetrics } from '../../src/http/plugins/observation.ts';
import { Metrics } from '../../src/metrics/metrics.ts';
import { startServer, type TestServer } from '../http/server.ts';

const SCRIPT = 'console.log("a page")';

describe('serving the page', () => {
  const folder = mkdtempSync(join(tmpdir(), 'page-files-'));
  const metrics = new Metrics({ version: '1.2.3' });
  let app: FastifyInstance;

  before(async () => {
    mkdirSync(join(folder, 'assets'));
    writeFileSync(join(folder, 'index.html'), '<!doctype html><title>x</title>');
    writeFileSync(join(folder, 'assets/index-abc.js'), SCRIPT);
    writeFileSync(join(folder, 'assets/index-abc.js.br'), 'brotli');
    writeFileSync(join(folder, 'assets/index-abc.js.gz'), 'gzip');
    app = Fastify();
    await app.register(httpMetrics, { metrics });
    await app.register(pageRoutes, { folder });
  });
  after(async () => {
    await app.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('revalidates it each time, and allows nothing but its own files', async () => {
    const { statusCode, headers, body } = await app.inject('/');
    assert.deepEqual(
      [statusCode, headers['content-type'], headers['cache-control']],
      [200, 'text/html; charset=utf-8', 'no-cache'],
    );
    assert.match(body, /^<!doctype html>/);
    const policy = String(headers['content-security-policy']);
    for (const part of [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "frame-ancestors 'none'",
    ])
      assert.ok(policy.split('; ').includes(part), part);
    assert.doesNotMatch(policy, /unsafe|https?:|\*/);
    const again = await app.inject({ url: '/', headers: { 'if-none-match': String(headers.etag) } });
    assert.equal(again.statusCode, 304);
  });

  it('lets files with a hash in their name be cached forever', async () => {
    const { headers } = await app.inject('/assets/index-abc.js');
    assert.equal(headers['cache-control'], 'public, max-age=31536000, immutable');
    assert.match(String(headers['content-type']), /javascript/);
  });

  it('counts all files as one route, whatever a build names them', async () => {
    await app.inject('/assets/index-abc.js');
    const text = await metrics.render();
    assert.match(
      text,
      /^http_request_duration_seconds_count\{method="GET",route="\/assets\/\*",status="200"\} \d/m,
    );
    assert.doesNotMatch(text, /index-abc/);
  });

  it('sends the files compressed at the build to clients that accept them', async () => {
    const asked = async (encoding: string) => {
      const url = '/assets/index-abc.js';
      const { headers, body } = await app.inject({ url, headers: { 'accept-encoding': encoding } });
      return [headers['content-encoding'], body];
    };
    assert.deepEqual(await asked('gzip, deflate, br'), ['br', 'brotli']);
    assert.deepEqual(await asked('gzip'), ['gzip', 'gzip']);
    assert.deepEqual(await asked('identity'), [undefined, SCRIPT]);
  });

  it('offers no other paths', async () => {
    for (const path of [
      '/assets/',
      '/assets/other.js',
      '/index',
      '/../package.json',
      '/assets/..%2findex.html',
    ])
      assert.equal((await app.inject(path)).statusCode, 404, path);
    assert.equal((await app.inject({ method: 'POST', url: '/' })).statusCode, 404);
  });

  it('works without the page if it was not built', async () => {
    const bare = Fastify();
    await bare.register(pageRoutes, { folder: join(folder, 'nowhere') });
    assert.equal((await bare.inject('/')).statusCode, 404);
    await bare.close();
  });
});

describe('the API beside the page', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer();
  });
  after(() => server.close());

  it('keeps its own content security policy, and its contract does not mention the page', async () => {
    const answer = await server.fetch('/v1/capabilities');
    assert.equal(answer.headers.get('content-security-policy'), "default-src 'none'; frame-ancestors 'none'");
    await answer.arrayBuffer();
    const { paths } = (await (await server.fetch('/docs/json')).json()) as { paths: Record<string, unknown> };
    assert.deepEqual(
      Object.keys(paths).filter((path) => path === '/' || path.startsWith('/assets')),
      [],
    );
  });

  it('answers unknown paths as before', async () => {
    const answer = await server.fetch('/assets/nothing.js');
    assert.equal(answer.status, 404);
    assert.equal(((await answer.json()) as { code: string }).code, 'NOT_FOUND');
  });
});
