import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JobRecord } from '../../src/contract/job.ts';
import type { NewKey } from '../../src/contract/key.ts';
import type { TenantRecord, TenantSummary, UsageRecord } from '../../src/contract/tenant.ts';
import type { WorkerRecord } from '../../src/contract/worker.ts';
import { serviceFixture } from '../clients/service-fixture.ts';
import { formOf, tinyAdapter } from '../http/tiny-adapter.ts';
import { documents, type Ended, runCalls } from './command.ts';

const ADMIN_KEY = 'administrator-of-this-command-21';

describe('tenants, workers and usage', () => {
  const at = serviceFixture('cli-tenants', { AUTH: 'keys', ADMIN_KEY, EXECUTION_PROVIDER: 'cpu' });

  /** Runs commands on the server, one after the other. */
  const onServer = (key: string, ...calls: readonly string[]) =>
    runCalls(
      calls.map((call) => ({
        args: call.split(' '),
        env: { LORA_SQUEEZE_URL: at.service.url, LORA_SQUEEZE_KEY: key },
      })),
    );
  function all<T>({ code, stdout, stderr }: Omit<Ended, 'signal'>): T[] {
    assert.deepEqual([code, stderr], [0, '']);
    return documents<T>(stdout);
  }
  const call = async <T>(method: string, path: string, key: string, body: FormData | object): Promise<T> => {
    const isForm = body instanceof FormData;
    const answer = await fetch(at.service.url + path, {
      method,
      headers: { authorization: `Bearer ${key}`, ...(!isForm && { 'content-type': 'application/json' }) },
      body: isForm ? body : JSON.stringify(body),
    });
    assert.ok(answer.ok, await answer.clone().text());
    return (await answer.json()) as T;
  };

  it('cover the work of an operator from a shell', async () => {
    const [set] = await onServer(
      ADMIN_KEY,
      'tenants set team --weight 300 --max-queued 5 --stored-bytes none',
    );
    const { key } = await call<NewKey>('POST', '/v1/keys', ADMIN_KEY, { tenant: 'team' });
    const { id: adapter_id } = await call<{ id: string }>('POST', '/v1/adapters', key, formOf(tinyAdapter()));
    const [changed, back, suspended] = await onServer(
      ADMIN_KEY,
      'tenants set team --max-running 2',
      'tenants set team --weight default',
      'tenants suspend team',
    );
    const [first] = all<TenantRecord>(set!);
    assert.deepEqual([first?.weight, first?.quotas], [300, { max_queued: 5, stored_bytes: null }]);
    const quotas = { max_queued: 5, stored_bytes: null, max_running: 2 };
    const [second] = all<TenantRecord>(changed!);
    assert.deepEqual([second?.weight, second?.quotas], [300, quotas]);
    const [third] = all<TenantRecord>(back!);
    assert.deepEqual([third?.weight, third?.quotas], [undefined, quotas]);
    assert.equal(all<TenantRecord>(suspended!)[0]?.state, 'suspended');

    const [listed, workers] = await onServer(ADMIN_KEY, 'tenants list', 'workers list');
    assert.deepEqual(
      all<TenantSummary>(listed!).map(({ id, state }) => [id, state]),
      [
        ['default', 'active'],
        ['team', 'suspended'],
      ],
    );
    const [worker] = all<WorkerRecord>(workers!);
    assert.equal(worker?.state, 'active');
    const [drained, resumed] = await onServer(
      ADMIN_KEY,
      `workers drain ${worker!.id}`,
      'tenants resume team',
    );
    assert.equal(all<WorkerRecord>(drained!)[0]?.state, 'draining');
    assert.equal(all<TenantRecord>(resumed!)[0]?.state, 'active');

    const squeeze = { kind: 'squeeze', adapter_id, targets: [{ rank: 1 }] };
    const { id } = await call<JobRecord>('POST', '/v1/jobs', key, squeeze);
    const [theirs, own, one, usage, ofTeam] = await onServer(
      ADMIN_KEY,
      'jobs list --tenant team',
      'jobs list',
      `jobs get ${id} --tenant team`,
      'usage',
      'usage --days 7 --tenant team',
    );
    assert.deepEqual(
      all<JobRecord>(theirs!).map((job) => job.id),
      [id],
    );
    assert.deepEqual(all<JobRecord>(own!), []);
    assert.equal(all<JobRecord>(one!)[0]?.id, id);
    assert.equal(all<UsageRecord>(usage!)[0]?.adapters, 0);
    assert.ok(all<UsageRecord>(ofTeam!)[0]!.days[0]!.stored_bytes > 0);

    const [refused, cancelled, shown, deleted, gone] = await onServer(
      ADMIN_KEY,
      'jobs list --tenant No',
      'tenants cancel team',
      'tenants show team',
      'tenants delete team',
      'tenants show none',
    );
    assert.deepEqual([refused!.code, refused!.stdout], [2, '']);
    assert.match(refused!.stderr, /--tenant is "No" but must be 1 to 40 lower-case letters/);
    assert.equal(all<{ id: string }>(cancelled!)[0]?.id, 'team');
    assert.equal(all<TenantRecord & { usage: UsageRecord }>(shown!)[0]?.usage.queue.queued, 0);
    assert.equal(all<TenantRecord>(deleted!)[0]?.state, 'deleting');
    assert.deepEqual([gone!.code, documents<{ id: string }>(gone!.stdout)[0]?.id], [1, 'none']);
    assert.match(gone!.stderr, /TENANT_NOT_FOUND/);
  });

  it('refuse impossible values before they call a server', async () => {
    const cases: [call: string, words: RegExp][] = [
      ['tenants set', /specify one TENANT/],
      ['tenants set a --weight 0', /--weight is "0" but must be a whole number from 1 to 1000/],
      ['tenants set a --max-priority top', /--max-priority is "top"/],
      ['tenants set a --max-queued -1', /max-queued/],
      ['tenants delete', /specify one or more IDs/],
      ['usage --days 401', /--days is "401"/],
    ];
    const ended = await onServer(ADMIN_KEY, ...cases.map(([call]) => call));
    for (const [i, [, words]] of cases.entries()) {
      assert.deepEqual([ended[i]!.code, ended[i]!.stdout], [2, ''], ended[i]!.stderr);
      assert.match(ended[i]!.stderr, words);
    }
  });
});
