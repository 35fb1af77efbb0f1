import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { KeyRecord, NewKey } from '../../src/contract/key.ts';
import { fixtureAdapters } from '../e2e/fixtures.ts';
import { startService } from '../e2e/service.ts';
import { documents, type Ended, run, runCalls } from './command.ts';
import { parseResult } from './printed-result.ts';

const GPT2 = fixtureAdapters().find(({ name }) => name === 'peft-gpt2-mycguo')!.dir;
const KEY = /^lsq_[0-9a-f_]+$/;

describe('lora-squeeze keys', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'cli-keys-'));
  after(() => rmSync(scratch, { recursive: true, force: true }));
  let folders = 0;
  const store = (): Record<string, string> => ({ DATA_DIR: join(scratch, `${folders++}`) });

  function silent(ended: Omit<Ended, 'signal'>): string {
    assert.deepEqual([ended.code, ended.stderr], [0, '']);
    return ended.stdout;
  }

  it('create prints only the key on a pipe, list shows it, revoke ends it, and the storage never contains it', async () => {
    const env = store();
    const key = silent(
      await run(['keys', 'create', '--tenant', 'team-a', '--make-tenant', '--name', 'nightly'], { env }),
    ).trimEnd();
    assert.match(key, KEY);
    const [record, ...others] = documents<KeyRecord>(silent(await run(['keys', 'list'], { env })));
    assert.deepEqual(others, []);
    assert.deepEqual(
      [record!.tenant, record!.name, record!.scopes, record!.expires_at, record!.revoked_at],
      ['team-a', 'nightly', ['read', 'write'], null, null],
    );
    const [revoked] = documents<KeyRecord>(silent(await run(['keys', 'revoke', record!.id], { env })));
    assert.equal(revoked!.id, record!.id);
    assert.ok(revoked!.revoked_at);
    assert.deepEqual(documents(silent(await run(['keys', 'list'], { env }))), [revoked]);
    for (const entry of readdirSync(env.DATA_DIR!, { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) assert.ok(!readFileSync(join(entry.parentPath, entry.name), 'utf8').includes(key));
    }
  });

  it('create accepts scopes and an expiry, and prints the record on request', async () => {
    const env = store();
    const args = [
      'keys',
      'create',
      '--tenant',
      'ops',
      '--make-tenant',
      '--max-priority',
      'normal',
      '--scopes',
      'read,admin',
      '--expires-in',
      '90d',
      '--json',
    ];
    const [made] = documents<NewKey>(silent(await run(args, { env })));
    assert.match(made!.key, KEY);
    assert.deepEqual([made!.scopes, made!.max_priority], [['read', 'admin'], 'normal']);
    assert.equal(Math.round((Date.parse(made!.expires_at!) - Date.parse(made!.created_at)) / 86_400_000), 90);
  });

  it('list shows the keys of one tenant if a tenant is given', async () => {
    const env = store();
    const calls = [
      ...['a', 'b', 'a'].map((tenant) => `create --tenant ${tenant} --make-tenant`),
      'list',
      'list --tenant b',
    ];
    const ended = await runCalls(
      calls.map((call) => ({ args: ['keys', ...call.split(' ')] })),
      { env },
    );
    const [all, own] = ended
      .map(silent)
      .slice(-2)
      .map(documents<KeyRecord>) as [KeyRecord[], KeyRecord[]];
    assert.deepEqual(
      all.map(({ tenant }) => tenant),
      ['a', 'b', 'a'],
    );
    assert.deepEqual(own, [all[1]]);
  });

  it('reports what is wrong: a missing or wrong tenant, scopes, times, ids', async () => {
    const env = store();
    const cases: [args: string[], code: number, words: RegExp][] = [
      [['create'], 2, /specify the tenant of the key \(--tenant ID\)/],
      [['create', '--tenant', 'Team A'], 2, /--tenant is "Team A" but must be 1 to 40 lower-case letters/],
      [
        ['create', '--tenant', 'a', '--scopes', 'read,all'],
        2,
        /--scopes contains "all"; the scopes are read, write, tenant_admin, admin/,
      ],
      [
        ['create', '--tenant', 'a', '--max-priority', 'top'],
        2,
        /--max-priority is "top" but must be one of high, normal, low/,
      ],
      [
        ['create', '--tenant', 'a'],
        1,
        /^lora-squeeze: TENANT_NOT_FOUND: There is no tenant "a".*keys create --make-tenant/,
      ],
      [['create', '--tenant', 'a', '--expires-in', 'soon'], 2, /--expires-in is "soon"/],
      [['create', '--tenant', 'a', '--name', 'n'.repeat(101)], 2, /101 characters; the limit is 100/],
      [['list', 'all'], 2, /the argument "all" is not expected/],
      [['revoke'], 2, /specify the ID of the key/],
      [['revoke', 'key_000000000000'], 1, /^lora-squeeze: KEY_NOT_FOUND: There is no key "key_000000000000"/],
      [['revoke', '../../etc'], 1, /KEY_NOT_FOUND/],
    ];
    const ended = await runCalls(
      cases.map(([args]) => ({ args: ['keys', ...args] })),
      { env },
    );
    for (const [i, [, code, words]] of cases.entries()) {
      assert.deepEqual([ended[i]!.code, ended[i]!.stdout], [code, ''], ended[i]!.stderr);
      assert.match(ended[i]!.stderr, words);
    }
  });

  it('opens a service that requires keys; a wrong or revoked key does not', async () => {
    const env = store();
    const create = ['keys', 'create', '--tenant', 'team-a', '--make-tenant', '--json'];
    const [made] = documents<NewKey>(silent(await run(create, { env })));
    const service = await startService({
      dataDir: env.DATA_DIR!,
      env: { AUTH: 'keys', EXECUTION_PROVIDER: 'cpu' },
    });
    try {
      const withKey = ['squeeze', GPT2, '--rank', '2', '--out', join(scratch, 'with-key')];
      parseResult(await run([...withKey, '--server', service.url], { env: { LORA_SQUEEZE_KEY: made!.key } }));
      const [revoked] = documents<NewKey>(silent(await run(create, { env })));
      silent(await run(['keys', 'revoke', revoked!.id], { env }));
      const reader = silent(
        await run(['keys', 'create', '--tenant', 'team-a', '--scopes', 'read'], { env }),
      ).trim();
      const cases: [key: string | undefined, words: RegExp][] = [
        [undefined, /^lora-squeeze: KEY_MISSING: /],
        [`${made!.key.slice(0, -1)}x`, /^lora-squeeze: KEY_INVALID: /],
        [revoked!.key, /^lora-squeeze: KEY_INVALID: /],
        [reader, /^lora-squeeze: SCOPE_MISSING: .*"write"/],
      ];
      const out = join(scratch, 'refused');
      const args = ['squeeze', GPT2, '--rank', '2', '--out', out, '--server', service.url];
      const refused = await runCalls(
        cases.map(([key]) => ({ args, env: key === undefined ? {} : { LORA_SQUEEZE_KEY: key } })),
      );
      for (const [i, [, words]] of cases.entries()) {
        assert.equal(refused[i]!.code, 1);
        assert.match(refused[i]!.stderr, words);
      }
    } finally {
      await service.stop();
    }
  });
});
