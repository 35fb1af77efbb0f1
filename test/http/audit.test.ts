import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { NewKey } from '../../src/contract/key.ts';
import type { AuditEntry } from '../../src/http/plugins/audit.ts';
import { openAuditLog } from '../../src/log.ts';
import { startServer, type TestServer } from './server.ts';

const ADMIN = 'administrator-of-this-audit-1';

describe('the audit log', () => {
  const entries: AuditEntry[] = [];
  let server: TestServer;
  let team: NewKey;
  before(async () => {
    server = await startServer(
      {},
      { auth: { mode: 'keys', adminKey: () => ADMIN }, audit: (entry) => entries.push(entry) },
    );
    await server.workspaces.tenants.put('team', {});
    const made = await call('POST', '/v1/keys', { tenant: 'team' }, ADMIN);
    team = (await made.json()) as NewKey;
  });
  after(() => server.close());
  beforeEach(() => {
    entries.length = 0;
  });

  const call = (method: string, path: string, body?: object, key: string | null = team?.key) =>
    server.fetch(path, {
      method,
      headers: {
        ...(key !== null && { authorization: `Bearer ${key}` }),
        ...(body && { 'content-type': 'application/json' }),
        'x-request-id': 'request-of-the-test',
      },
      ...(body && { body: JSON.stringify(body) }),
    });

  it('records who did what to which object, from where, and with what outcome', async () => {
    const adapter = (await (
      await call('POST', '/v1/keys', { tenant: 'team', name: 'second' }, ADMIN)
    ).json()) as NewKey;
    await call('DELETE', `/v1/keys/${adapter.id}`, undefined, ADMIN);
    const who = {
      tenant: 'default',
      keyId: 'key_configured',
      ip: '127.0.0.1',
      requestId: 'request-of-the-test',
    };
    assert.deepEqual(entries, [
      { ...who, action: 'createKey', object: `/v1/keys/${adapter.id}`, status: 201, code: null },
      { ...who, action: 'deleteKey', object: { id: adapter.id }, status: 204, code: null },
    ]);
  });

  it('has refused calls, with the reason', async () => {
    await call('DELETE', '/v1/adapters/ad_0123456789abcdef0123456789abcdef');
    await call('POST', '/v1/jobs', { kind: 'nonsense' });
    assert.deepEqual(
      entries.map(({ tenant, keyId, action, status, code }) => [tenant, keyId, action, status, code]),
      [
        ['team', team.id, 'deleteAdapter', 404, 'ADAPTER_NOT_FOUND'],
        ['team', team.id, 'createJob', 400, 'VALIDATION_FAILED'],
      ],
    );
  });

  it('has callers without access, even of reads, but no other reads', async () => {
    await call('GET', '/v1/jobs');
    await call('GET', '/v1/jobs', undefined, null);
    await call('GET', '/v1/keys');
    await call('GET', '/livez', undefined, null);
    assert.deepEqual(
      entries.map(({ tenant, keyId, action, status, code }) => [tenant, keyId, action, status, code]),
      [
        [null, null, 'listJobs', 401, 'KEY_MISSING'],
        ['team', team.id, 'listKeys', 403, 'SCOPE_MISSING'],
      ],
    );
  });

  it('never contains a key or a body', async () => {
    await call('POST', '/v1/keys', { tenant: 'team', name: 'a name nobody else needs' }, ADMIN);
    const text = JSON.stringify(entries);
    assert.equal(entries.length, 1);
    for (const secret of [ADMIN, team.key, 'a name nobody']) assert.ok(!text.includes(secret), text);
  });
});

describe('the destination of the audit log', () => {
  it('is a file, to which lines are appended', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'audit-test-'));
    try {
      const path = join(folder, 'audit.jsonl');
      openAuditLog(path)!({ action: 'createJob', status: 202 });
      openAuditLog(path)!({ action: 'deleteJob', status: 204 });
      const lines = (await readFile(path, 'utf8'))
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
      assert.deepEqual(
        lines.map(({ component, action, status }) => [component, action, status]),
        [
          ['audit', 'createJob', 202],
          ['audit', 'deleteJob', 204],
        ],
      );
      for (const { time } of lines) assert.ok(!Number.isNaN(Date.parse(time)));
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('is nothing when it is off, and cannot be a file that cannot be opened', () => {
    assert.equal(openAuditLog('off'), undefined);
    assert.throws(() => openAuditLog(join(import.meta.dirname, 'no-such-folder', 'audit.jsonl')));
  });
});
