import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Value } from 'typebox/value';
import { ConnectionRecord } from '../../src/contract/connection.ts';
import type { Scope } from '../../src/contract/key.ts';
import { problemIn, startServer, type TestServer } from './server.ts';

const credentials = { access_key_id: 'KEYID', secret_access_key: 'hush-hush' };
const MODELS = { kind: 's3', name: 'models', prefixes: ['s3://models'], credentials };
const ROLE = { kind: 's3', name: 'role', prefixes: ['s3://models'], ambient: true };

describe('connections over HTTP', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer({}, { auth: { mode: 'keys' } });
  });
  after(() => server.close());

  const keyOf = async (tenant: string, ...scopes: readonly Scope[]): Promise<string> =>
    (await server.keys.create({ tenant, makesTenant: true, name: '', scopes: [...scopes], expiresAt: null }))
      .key;
  const caller =
    (key: string) =>
    (method: string, path: string, body?: unknown, headers = {}) =>
      server.fetch(path, {
        method,
        headers: {
          authorization: `Bearer ${key}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });

  it('are created, read, listed, changed and removed, and never show a secret', async () => {
    const call = caller(await keyOf('default', 'read', 'write'));
    const created = await call('POST', '/v1/connections', MODELS, { 'idempotency-key': '"one"' });
    assert.deepEqual([created.status, created.headers.get('location')], [201, '/v1/connections/models']);
    const answers: unknown[] = [await created.json()];
    assert.ok(Value.Check(ConnectionRecord, answers[0]), JSON.stringify(answers[0]));
    const again = await call('POST', '/v1/connections', MODELS, { 'idempotency-key': '"one"' });
    assert.deepEqual([again.status, await again.json()], [201, answers[0]]);
    const read = await call('GET', '/v1/connections/models');
    assert.deepEqual([read.headers.get('cache-control'), await read.json()], ['no-store', answers[0]]);
    const change = { description: 'new', credentials: { ...credentials, session_token: 'hush' } };
    const changed = await call('PATCH', '/v1/connections/models', change);
    answers.push(await changed.json());
    assert.equal((answers[1] as ConnectionRecord).description, 'new');
    const list = (await (await call('GET', '/v1/connections?kind=s3&limit=1')).json()) as { data: unknown[] };
    assert.deepEqual(list, { data: [answers[1]], next_cursor: null });
    assert.doesNotMatch(JSON.stringify([answers, list]), /hush|KEYID/);
    assert.equal((await call('DELETE', '/v1/connections/models')).status, 204);
    await problemIn(await call('DELETE', '/v1/connections/models'), 404, 'CONNECTION_NOT_FOUND');
    await problemIn(await call('GET', '/v1/connections/models'), 404, 'CONNECTION_NOT_FOUND');
  });

  it('are refused with what is wrong, and without the secret', async () => {
    const call = caller(await keyOf('default', 'read', 'write'));
    const cases: [unknown, number, string, RegExp][] = [
      [{ ...MODELS, kind: 'ftp' }, 400, 'VALIDATION_FAILED', /kind is "ftp" but must be/],
      [{ ...MODELS, name: 'Models' }, 400, 'VALIDATION_FAILED', /name/],
      [{ ...MODELS, prefixes: [] }, 400, 'VALIDATION_FAILED', /prefixes/],
      [{ ...MODELS, bucket: 'models' }, 400, 'UNKNOWN_OPTION', /bucket/],
      [{ ...MODELS, credentials: { access_key_id: 'KEYID' } }, 400, 'VALIDATION_FAILED', /secret_access_key/],
      [{ ...MODELS, prefixes: ['s3://models/a/../b'] }, 400, 'VALIDATION_FAILED', /leads elsewhere/],
      [{ ...MODELS, endpoint: 'http://127.0.0.1' }, 422, 'OUTBOUND_FORBIDDEN', /127\.0\.0\.1/],
    ];
    for (const [body, status, code, words] of cases) {
      const problem = await problemIn(await call('POST', '/v1/connections', body), status, code);
      assert.match(problem.detail, words);
      assert.doesNotMatch(JSON.stringify(problem), /hush|KEYID/);
    }
    for (const name of ['%2e%2e', 'a%00b', 'A'.repeat(65), "'; drop table connection; --"])
      assert.ok([400, 404].includes((await call('GET', `/v1/connections/${name}`)).status), name);
  });

  it('that lend the service’s own credentials require the scope admin, and belong to the tenant of the key', async () => {
    const [writer, admin] = [
      await keyOf('team-b', 'read', 'write'),
      await keyOf('team-b', 'read', 'write', 'admin'),
    ];
    const problem = await problemIn(
      await caller(writer)('POST', '/v1/connections', ROLE),
      403,
      'SCOPE_MISSING',
    );
    assert.deepEqual(problem.context?.needed, 'admin');
    assert.equal((await caller(admin)('POST', '/v1/connections', ROLE)).status, 201);
    const seen = (await (await caller(writer)('GET', '/v1/connections/role')).json()) as ConnectionRecord;
    assert.deepEqual([seen.ambient, seen.has_credentials], [true, false]);
    await problemIn(
      await caller(writer)('PATCH', '/v1/connections/role', { prefixes: ['s3://all'] }),
      403,
      'SCOPE_MISSING',
    );
    const reader = caller(await keyOf('team-b', 'read'));
    await problemIn(await reader('POST', '/v1/connections', MODELS), 403, 'SCOPE_MISSING');
    const other = caller(await keyOf('team-c', 'read', 'write'));
    await problemIn(await other('GET', '/v1/connections/role'), 404, 'CONNECTION_NOT_FOUND');
  });
});

describe('connections of a service without keys', () => {
  it('may lend the service’s own credentials, because every caller is the administrator', async () => {
    const server = await startServer();
    try {
      const headers = { 'content-type': 'application/json' };
      const response = await server.fetch('/v1/connections', {
        method: 'POST',
        headers,
        body: JSON.stringify(ROLE),
      });
      assert.equal(response.status, 201, await response.text());
    } finally {
      await server.close();
    }
  });
});
