import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { SCOPES, type Scope } from '../../src/contract/key.ts';
import { newKey } from '../../src/resources/keys/key-text.ts';
import type { KeyService } from '../../src/resources/keys/service.ts';
import { neededScope, type ServedRoute, servedRoutes } from './authentication-routes.ts';
import { problemIn, startServer, type TestServer } from './server.ts';
import { formOf, tinyAdapter } from './tiny-adapter.ts';

const JSON_TYPE = { 'content-type': 'application/json' };
/** The name of a file, encoded as tus requires. */
const METADATA = `filename ${Buffer.from('adapter_model.safetensors').toString('base64')}`;
const ADMIN_KEY = 'administrator-of-this-test-42';

async function keyWith(keys: KeyService, tenant: string, scopes: readonly Scope[]): Promise<string> {
  return (await keys.create({ tenant, makesTenant: true, name: 'test', scopes, expiresAt: null })).key;
}

const named = ({ method, path }: ServedRoute) => `${method} ${path}`;

describe('every route of the API', () => {
  let server: TestServer;
  let routes: ServedRoute[];
  before(async () => {
    server = await startServer(
      {},
      { auth: { mode: 'keys', adminKey: () => ADMIN_KEY, failedKeysPerMinute: 10_000 } },
    );
    routes = servedRoutes(server.app);
  });
  after(() => server.close());

  const ask = ({ method, path }: ServedRoute, authorization?: string) =>
    server.fetch(path.replaceAll(/:\w+/g, 'x'), {
      method,
      ...(authorization !== undefined && { headers: { authorization } }),
    });

  it('is in the list that these tests go through', () => {
    const names = new Set(routes.map(named));
    for (const known of ['POST /v1/jobs', 'GET /v1/jobs/:id', 'HEAD /v1/adapters/:id/files/:name'])
      assert.ok(names.has(known), known);
    assert.ok(names.size > 30, String(names.size));
  });

  it('requires a key', async () => {
    for (const route of routes) {
      const response = await ask(route);
      assert.match(response.headers.get('www-authenticate') ?? '', /^Bearer realm="/, named(route));
      if (route.method === 'HEAD') assert.equal(response.status, 401, named(route));
      else await problemIn(response, 401, 'KEY_MISSING');
    }
  });

  it('refuses a key that is unknown', async () => {
    for (const route of routes) {
      const response = await ask(route, `Bearer ${newKey().key}`);
      assert.match(response.headers.get('www-authenticate') ?? '', /^Bearer realm="/, named(route));
      if (route.method === 'HEAD') assert.equal(response.status, 401, named(route));
      else await problemIn(response, 401, 'KEY_INVALID');
    }
  });

  it('allows a key what its scopes permit, and nothing else', async () => {
    const tried: { readonly scopes: readonly Scope[]; readonly key: string }[] = [];
    for (const lacking of SCOPES) {
      // An administrator of all tenants is also one of each.
      const scopes = SCOPES.filter(
        (scope) => scope !== lacking && !(lacking === 'tenant_admin' && scope === 'admin'),
      );
      tried.push({ scopes, key: await keyWith(server.keys, 'tried', scopes) });
    }
    for (const route of routes) {
      const needed = neededScope(route);
      for (const { scopes, key } of tried) {
        // Uploads of a wrong form are refused at once, and the connection is closed.
        const response = await ask(route, `Bearer ${key}`);
        if (scopes.includes(needed) || (needed === 'tenant_admin' && scopes.includes('admin'))) {
          assert.ok(![401, 403].includes(response.status), `${named(route)}: ${response.status}`);
          // A stream of events would continue for an hour.
          if (/event-stream/.test(response.headers.get('content-type') ?? '')) await response.body?.cancel();
          else await response.arrayBuffer();
        } else if (route.method === 'HEAD') assert.equal(response.status, 403, named(route));
        else {
          const { context } = await problemIn(response, 403, 'SCOPE_MISSING');
          assert.equal(context?.needed, needed, named(route));
          const challenge = `Bearer realm="lora-squeeze", error="insufficient_scope", scope="${needed}"`;
          assert.equal(response.headers.get('www-authenticate'), challenge);
        }
      }
    }
  });

  it('declares in the contract which scope it requires', async () => {
    const contract = (await (await server.fetch('/docs/json')).json()) as {
      paths: Record<string, Record<string, { 'x-scope'?: string; responses: object; description?: string }>>;
    };
    let seen = 0;
    for (const [path, methods] of Object.entries(contract.paths)) {
      if (!path.startsWith('/v1/')) continue;
      for (const [method, operation] of Object.entries(methods)) {
        const needed = neededScope({ method: method.toUpperCase(), path });
        assert.equal(operation['x-scope'], needed, `${method} ${path}`);
        assert.match(operation.description ?? '', new RegExp(`scope \`${needed}\``));
        for (const status of ['401', '403', '429']) assert.ok(status in operation.responses);
        seen++;
      }
    }
    assert.ok(seen > 20);
  });
});

describe('paths outside the API', () => {
  it('require no key', async () => {
    const server = await startServer({}, { auth: { mode: 'keys' } });
    try {
      for (const path of ['/livez', '/readyz', '/metrics', '/openapi.yaml', '/docs/json'])
        assert.equal((await server.fetch(path)).status, 200, path);
      await problemIn(await server.fetch('/v1/none'), 404, 'NOT_FOUND');
    } finally {
      await server.close();
    }
  });
});

describe('the separation of tenants', () => {
  let server: TestServer;
  let mine: Record<string, string>;
  let theirs: Record<string, string>;
  const ids: Record<string, string> = {};
  before(async () => {
    server = await startServer({}, { auth: { mode: 'keys' } });
    const bearer = async (tenant: string) => ({
      authorization: `Bearer ${await keyWith(server.keys, tenant, SCOPES)}`,
    });
    mine = await bearer('mine');
    theirs = await bearer('theirs');
    const make = async (path: string, body: unknown) => {
      const response = await server.fetch(path, {
        method: 'POST',
        headers: { ...theirs, ...(body instanceof FormData ? {} : JSON_TYPE) },
        body: body instanceof FormData ? body : JSON.stringify(body),
      });
      const text = await response.text();
      assert.ok(response.ok, `${path}: ${text}`);
      return (JSON.parse(text) as { id: string }).id;
    };
    ids.adapters = await make('/v1/adapters', formOf(tinyAdapter(31)));
    const job = { kind: 'squeeze', adapter_id: ids.adapters, targets: [{ rank: 2 }] };
    ids.jobs = await make('/v1/jobs', job);
    ids.batches = await make('/v1/batches', { jobs: [job] });
    ids.webhooks = await make('/v1/webhooks', { url: 'https://receiver.test/hook' });
    const connection = { kind: 'url', name: 'theirs', prefixes: ['https://receiver.test'] };
    await make('/v1/connections', connection);
    ids.connections = connection.name;
    ids.runs = await make('/v1/runs', {
      schedule: { source_rank: 8, target_rank: 4, total_steps: 4000 },
    });
    const created = await server.fetch('/v1/uploads', {
      method: 'POST',
      headers: { ...theirs, 'tus-resumable': '1.0.0', 'upload-length': '10', 'upload-metadata': METADATA },
    });
    assert.equal(created.status, 201, await created.text());
    ids.uploads = created.headers.get('location')!.split('/').at(-1)!;
  });
  after(() => server.close());

  /** Bodies that a route validates before it looks for the record. */
  function initOf({ method, path }: ServedRoute): RequestInit {
    const route = named({ method, path });
    if (path === '/v1/uploads/:id' && method === 'PATCH') {
      const headers = {
        'tus-resumable': '1.0.0',
        'upload-offset': '0',
        'content-type': 'application/offset+octet-stream',
      };
      return { method, headers, body: 'x' };
    }
    if (path === '/v1/uploads/:id' && (method === 'HEAD' || method === 'DELETE'))
      return { method, headers: { 'tus-resumable': '1.0.0' } };
    if (route === 'POST /v1/runs/:id/checkpoints') return { method, body: formOf(tinyAdapter(31)) };
    if (route === 'PATCH /v1/webhooks/:id' || route === 'PATCH /v1/connections/:name')
      return { method, headers: JSON_TYPE, body: '{"description":"mine now"}' };
    if (method === 'PATCH') return { method, headers: JSON_TYPE, body: '{"name":"mine now"}' };
    return { method };
  }

  it('is complete: the records of another tenant do not exist', async () => {
    const routes = servedRoutes(server.app).filter(
      ({ path }) => path.includes('/:') && !/^\/v1\/(profiles|keys|tenants|workers)\b/.test(path),
    );
    assert.ok(routes.length > 20);
    const before = await server.wholeStore.list('tenants/theirs/');
    for (const route of routes) {
      // Clients choose the ids of uploads, and each tenant has ids of its own, so the call would create an upload of the caller.
      if (named(route) === 'PUT /v1/uploads/:id') continue;
      const kind = route.path.split('/')[2]!;
      const id = ids[kind];
      assert.ok(id, `there is nothing of the kind ${kind} to try ${named(route)} with`);
      const path = route.path
        .replace(':id', id)
        .replace(':name', kind === 'connections' ? id : 'adapter_config.json')
        .replace(/:\w+/g, '1');
      const init = initOf(route);
      const response = await server.fetch(path, {
        ...init,
        headers: { ...(init.headers as Record<string, string>), ...mine },
      });
      const text = await response.text();
      assert.equal(response.status, 404, `${named(route)}: ${response.status} ${text}`);
      if (text !== '' && response.headers.get('content-type')?.includes('json'))
        assert.match((JSON.parse(text) as { code: string }).code, /_NOT_FOUND$/, named(route));
    }
    assert.deepEqual(await server.wholeStore.list('tenants/theirs/'), before, 'and nothing was changed');
  });

  it('shows its records to their owner', async () => {
    for (const kind of ['adapters', 'jobs', 'batches', 'runs', 'webhooks', 'uploads']) {
      const own = await server.fetch(`/v1/${kind}/${ids[kind]}`, { headers: theirs });
      assert.equal(own.status, 200, `${kind}: ${await own.text()}`);
    }
  });

  it('also holds in lists', async () => {
    const lists = servedRoutes(server.app).filter(
      ({ method, path }) => method === 'GET' && /^\/v1\/[a-z]+$/.test(path),
    );
    for (const { path } of lists) {
      if (['/v1/capabilities', '/v1/events', '/v1/keys', '/v1/tenants', '/v1/workers'].includes(path))
        continue;
      const response = await server.fetch(path, { headers: mine });
      const text = await response.text();
      assert.equal(response.status, 200, `${path}: ${text}`);
      for (const id of Object.values(ids)) assert.ok(!text.includes(id), `${path} has ${id}`);
    }
  });

  it('does not reveal whether another tenant has the same content', async () => {
    const response = await server.fetch('/v1/adapters', {
      method: 'POST',
      headers: mine,
      body: formOf(tinyAdapter(31)),
    });
    assert.equal(response.status, 201);
    const own = (await response.json()) as { id: string; content_known: boolean };
    assert.notEqual(own.id, ids.adapters);
    assert.equal(own.content_known, false);
  });
});

describe('keys in requests', () => {
  let server: TestServer;
  let key: string;
  before(async () => {
    server = await startServer(
      {},
      { auth: { mode: 'keys', adminKey: () => ADMIN_KEY, failedKeysPerMinute: 20 } },
    );
    key = await keyWith(server.keys, 'team', ['read']);
  });
  after(() => server.close());

  const status = async (authorization: string) => {
    const response = await server.fetch('/v1/capabilities', { headers: { authorization } });
    await response.arrayBuffer();
    return response.status;
  };

  it('are read as RFC 6750 defines them, in any case and with trailing blanks', async () => {
    for (const good of [`Bearer ${key}`, `bearer ${key}`, `BEARER  ${key}  `])
      assert.equal(await status(good), 200, good);
    for (const bad of [key, `Basic ${key}`, 'Bearer', `Bearer ${key} x`, `Token ${key}`])
      assert.equal(await status(bad), 401, bad);
  });

  it('may be the one of the configuration, which has all scopes', async () => {
    const headers = { authorization: `Bearer ${ADMIN_KEY}` };
    for (const path of ['/v1/keys', '/v1/tenants', '/v1/capabilities'])
      assert.equal((await server.fetch(path, { headers })).status, 200, path);
    for (const wrong of [`${ADMIN_KEY}x`, ADMIN_KEY.slice(1), ADMIN_KEY.toUpperCase()])
      assert.equal(await status(`Bearer ${wrong}`), 401);
  });

  it('that fail too often are answered with 429, while valid ones are still admitted', async () => {
    const guess = () =>
      server.fetch('/v1/capabilities', { headers: { authorization: `Bearer ${newKey().key}` } });
    let refused: Response | undefined;
    for (let tries = 0; tries < 40 && refused?.status !== 429; tries++) {
      await refused?.arrayBuffer();
      refused = await guess();
    }
    assert.ok(Number(refused!.headers.get('retry-after')) > 0);
    await problemIn(refused!, 429, 'RATE_LIMITED');
    assert.equal(await status(`Bearer ${key}`), 200);
    assert.equal(await status(`Bearer ${ADMIN_KEY}`), 200);
    const metrics = await server.metrics.render();
    for (const reason of ['invalid', 'too_many'])
      assert.match(
        metrics,
        new RegExp(`^lora_squeeze_access_refused_total\\{reason="${reason}"\\} [1-9]`, 'm'),
      );
  });
});
