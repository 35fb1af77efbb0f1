import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { succeededResults } from '../../src/charts/succeeded-targets.ts';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import type { JobRecord } from '../../src/contract/job.ts';
import type { NewKey } from '../../src/contract/key.ts';
import type { TenantRequest, TenantSummary, UsageRecord } from '../../src/contract/tenant.ts';
import { noPostgres } from '../database/postgres-server.ts';
import { isAlive } from '../e2e/process-tree.ts';
import { until } from '../queue/harness.ts';
import { makeAdapter, someModules } from '../squeeze/make-adapter.ts';
import { motoIsMissing } from '../storage/s3-servers.ts';
import type { KeyedClient, Refusal } from './keyed-client.ts';
import { hold, type ListedWorker, TenantsDeployment } from './tenants-deployment.ts';

/** The noisy tenant's backlog, exactly as large as permitted. */
const BACKLOG = 160;
const OF_THE_PAIR = 24;
const QUIET = Array.from({ length: 13 }, (_, number) => `quiet-${number}`);

/** Settings of an administrator for twenty tenants. */
const TENANTS: Readonly<Record<string, TenantRequest>> = {
  noisy: { quotas: { max_queued: BACKLOG } },
  heavy: { weight: 300 },
  light: { weight: 100 },
  single: { quotas: { max_running: 1 } },
  paused: {},
  cancelled: { quotas: { max_running: 1 } },
  full: {},
  ...Object.fromEntries(QUIET.map((id) => [id, {}])),
};

/** A tenant with its use of the service. */
interface Caller {
  readonly tenant: string;
  readonly client: KeyedClient;
  readonly adapter: AdapterRecord;
  /** Its accepted jobs. */
  readonly accepted: string[];
  /** Its refused requests. */
  readonly refused: Refusal[];
}

const skip = noPostgres || (motoIsMissing() ?? false);

describe('twenty tenants on two APIs and two workers, with PostgreSQL and a bucket', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'squeeze-tenants-'));
  const callers = new Map<string, Caller>();
  let deployment: TenantsDeployment | undefined;
  let admin: KeyedClient;
  let workers: ListedWorker[];
  let letGo: () => void;
  let pausedSinceMs: number;
  let resumedMs: number;
  /** The job that a worker had when it was killed. */
  let interrupted: string;

  before(async () => {
    deployment = await TenantsDeployment.start(folder);
    admin = deployment.admin;
    // Adapters of the other tenants are large enough for the bucket; those of the noisy one are not.
    const [tiny, small] = [makeAdapter(someModules(4, 1)), makeAdapter(someModules(40, 1))];
    try {
      for (const [tenant, settings] of Object.entries(TENANTS)) {
        await admin.json('PUT', `/v1/tenants/${tenant}`, { body: settings });
        const { key } = await admin.json<NewKey>('POST', '/v1/keys', { body: { tenant, name: 'load' } });
        const client = deployment.caller(key);
        const adapter = await client.upload((tenant.startsWith('quiet-') ? small : tiny).dir);
        callers.set(tenant, { tenant, client, adapter, accepted: [], refused: [] });
      }
      workers = [await deployment.startWorker(), await deployment.startWorker()];
      await warmUp(await admin.upload(tiny.dir));
    } finally {
      for (const made of [tiny, small]) made.remove();
    }
  });
  after(async () => {
    letGo?.();
    await deployment?.end();
    rmSync(folder, { recursive: true, force: true });
  });

  const of = (tenant: string): Caller => callers.get(tenant)!;

  const squeeze = ({ id }: AdapterRecord, rank = 2) => ({
    body: { kind: 'squeeze', adapter_id: id, targets: [{ rank }], reuse: false },
  });

  /** Each worker has done something, and its next job is held, so later jobs wait. */
  async function warmUp(adapter: AdapterRecord): Promise<void> {
    const send = async () => (await admin.json<JobRecord>('POST', '/v1/jobs', squeeze(adapter))).id;
    const sendSome = (count: number) => Promise.all(Array.from({ length: count }, send));
    while (!workers.every(({ member }) => member.computing().length > 0))
      for (const id of await sendSome(4)) await admin.ended(id);
    letGo = hold(workers).letGo;
    // They are not among those twenty.
    await sendSome(4);
    await until('a job at each worker', async () => {
      const active = await admin.all<JobRecord>('/v1/jobs?state=active');
      return active.length === workers.length || undefined;
    });
  }

  async function submit(caller: Caller, rank = 2): Promise<boolean> {
    const { client, adapter, accepted, refused } = caller;
    const answer = await client.call('POST', '/v1/jobs', squeeze(adapter, rank));
    const body = (await answer.json()) as JobRecord & { code: string };
    if (answer.status === 202) accepted.push(body.id);
    else
      refused.push({ status: answer.status, code: body.code, retryAfter: answer.headers.get('retry-after') });
    return answer.status === 202;
  }

  const submitSome = async (tenant: string, count: number, rank?: number): Promise<void> => {
    for (let sent = 0; sent < count; sent++) assert.ok(await submit(of(tenant), rank), tenant);
  };

  const allOf = ({ tenant }: Caller): Promise<JobRecord[]> =>
    admin.all<JobRecord>(`/v1/jobs?tenant=${tenant}`);
  const timesOf = (jobs: readonly JobRecord[], at: 'started_at' | 'finished_at'): number[] =>
    jobs.flatMap((job) => (job[at] === null ? [] : [Date.parse(job[at])])).sort((a, b) => a - b);

  const byStart = (one: JobRecord, other: JobRecord): number =>
    Date.parse(one.started_at!) - Date.parse(other.started_at!);

  it('are accepted with a backlog up to its limit, and refused beyond it with a time to retry', async () => {
    const noisy = of('noisy');
    await Promise.all(Array.from({ length: 4 }, () => submitSome('noisy', BACKLOG / 4 - 1)));
    while (await submit(noisy));
    assert.equal(noisy.accepted.length, BACKLOG);
    assert.deepEqual([...noisy.client.answers.keys()].sort(), [201, 202, 429]);
    assert.deepEqual(noisy.refused, [{ status: 429, code: 'QUOTA_QUEUED_JOBS', retryAfter: '5' }]);

    const full = of('full');
    await submitSome('full', 4);
    // Its limit is lowered below its backlog: waiting jobs stay, and no more are accepted.
    await admin.json('PUT', '/v1/tenants/full', { api: 0, body: { quotas: { max_queued: 2 } } });
    const refused = await full.client.refused('POST', '/v1/jobs', { api: 0, ...squeeze(full.adapter) });
    assert.deepEqual([refused.status, refused.code], [429, 'QUOTA_QUEUED_JOBS']);
  });

  it('keep the waiting jobs of a suspended tenant, and refuse its new ones', async () => {
    const { client, adapter } = of('paused');
    await submitSome('paused', 4);
    pausedSinceMs = Date.now();
    await admin.json('POST', '/v1/tenants/paused/suspend', { api: 1 });
    const refused = await client.refused('POST', '/v1/jobs', { api: 1, ...squeeze(adapter) });
    assert.deepEqual([refused.status, refused.code], [403, 'TENANT_SUSPENDED']);
    assert.equal((await client.all<JobRecord>('/v1/jobs?state=queued')).length, 4);
  });

  it('get quiet tenants served beside the backlog, and two of them by their weights', async () => {
    await Promise.all([
      submitSome('heavy', OF_THE_PAIR),
      submitSome('light', OF_THE_PAIR),
      submitSome('single', 6),
      submitSome('cancelled', 30),
    ]);
    letGo();
    await Promise.race(
      of('noisy')
        .accepted.slice(0, 3)
        .map((id) => of('noisy').client.ended(id)),
    );
    await Promise.all(QUIET.map((tenant, number) => submitSome(tenant, 2, 33 + (number % 7))));
    // While the others continue.
    await cancelOf('cancelled');
    for (const tenant of ['heavy', 'light', ...QUIET])
      for (const id of of(tenant).accepted) await of(tenant).client.ended(id);

    const [heavy, light] = await Promise.all(
      ['heavy', 'light'].map(async (tenant) => timesOf(await allOf(of(tenant)), 'started_at')),
    );
    const meanwhile = light!.filter((ms) => ms < heavy!.at(-1)!).length;
    assert.ok(
      meanwhile <= (OF_THE_PAIR * 2) / 3,
      `${meanwhile} of ${OF_THE_PAIR} with a third of the weight`,
    );

    const noisy = timesOf(await allOf(of('noisy')), 'started_at');
    for (const tenant of QUIET) {
      const jobs = await allOf(of(tenant));
      for (const [place, { id, created_at, started_at }] of jobs.sort(byStart).entries()) {
        const [from, to] = [Date.parse(created_at), Date.parse(started_at!)];
        const first = noisy.filter((ms) => ms > from && ms < to).length;
        // The backlog gets as many seconds as the first job took, in which it may get more jobs done.
        const most = place === 0 ? BACKLOG / 10 : BACKLOG / 4;
        assert.ok(first <= most, `${tenant}: ${first} of the backlog began before ${id}`);
      }
    }
  });

  /** An administrator cancels one job of a tenant, and then all the others. */
  async function cancelOf(tenant: string): Promise<void> {
    await of(tenant).client.ended(of(tenant).accepted[0]!);
    const last = of(tenant).accepted.at(-1)!;
    const { state } = await admin.json<JobRecord>('POST', `/v1/jobs/${last}/cancel?tenant=${tenant}`);
    assert.equal(state, 'cancelled');
    const refused = await of('noisy').client.refused('POST', `/v1/jobs/${last}/cancel?tenant=${tenant}`);
    assert.deepEqual([refused.status, refused.code], [403, 'SCOPE_MISSING']);
    const { jobs } = await admin.json<{ jobs: number }>('POST', `/v1/tenants/${tenant}/cancel`);
    assert.ok(jobs > 0);
  }

  /** The jobs that a worker has begun and not ended, according to its log. */
  function runningAt({ member }: ListedWorker): string | undefined {
    const log = member.log();
    const last = [...log.matchAll(/"jobId":"(job_[0-9a-f]+)"[^\n]*"job started"/g)].at(-1)?.[1];
    return new RegExp(`"jobId":"${last}"[^\n]*"job ended"`).test(log) ? undefined : last;
  }

  /**
   * Submits jobs for quiet tenants until it is certain what the stopped worker has begun. @returns the job
   */
  async function heldBy(worker: ListedWorker): Promise<string> {
    for (let next = 0; ; next++) {
      const before = runningAt(worker);
      const { tenant, client, accepted } = of(QUIET[next % QUIET.length]!);
      await submitSome(tenant, 1, 38);
      const id = accepted.at(-1)!;
      await until('the start of a job', async () => {
        if (runningAt(worker) === id) return true;
        return (await client.json<JobRecord>('GET', `/v1/jobs/${id}`)).state === 'succeeded' || undefined;
      });
      // Its job may already have been computed when it was stopped, but not if the other worker did a whole
      // job meanwhile.
      const held = runningAt(worker);
      if (held !== undefined && (held === id || held === before)) return held;
    }
  }

  it('lose nothing when a worker is killed, Redis is emptied and another worker is drained', async () => {
    const [drained, killed] = workers as [ListedWorker, ListedWorker];
    letGo = hold([killed]).letGo;
    interrupted = await heldBy(killed);
    const children = await killed.member.kill();
    letGo();
    await until('the end of its compute process', () => !children.some(isAlive) || undefined);

    const third = await deployment!.startWorker();
    await Promise.all(QUIET.map((tenant) => submitSome(tenant, 1, 39)));
    await deployment!.emptyRedis();
    resumedMs = Date.now();
    await admin.json('POST', '/v1/tenants/paused/resume');

    await admin.json('POST', `/v1/workers/${drained.id}/drain`);
    await until('the end of the drained worker', () => !drained.member.isRunning || undefined);
    assert.equal(await drained.member.stop(), 0, drained.member.log());
    for (const { tenant, client, accepted } of callers.values())
      for (const id of accepted) assert.ok(await client.ended(id), tenant);
    await until('one worker', async () => {
      const listed = await deployment!.listed();
      return (listed.length === 1 && listed[0]!.id === third.id) || undefined;
    });
    assert.ok(await submit(of('full')), 'there is room again');
    await of('full').client.ended(of('full').accepted.at(-1)!);
  });

  it('have ended every accepted job once, as reported, within the limits of its tenant', async () => {
    const ends = new Map(
      (
        await deployment!.rows<{ job: string; ends: string }>(
          `select job, count(*) as ends from event
           where type in ('job.succeeded', 'job.partial', 'job.failed', 'job.cancelled') group by job`,
        )
      ).map((row) => [row.job, Number(row.ends)]),
    );
    for (const caller of callers.values()) {
      const jobs = await allOf(caller);
      assert.deepEqual(jobs.map(({ id }) => id).sort(), caller.accepted.toSorted(), caller.tenant);
      for (const { id, state, error, results } of jobs) {
        const wanted = caller.tenant === 'cancelled' ? ['succeeded', 'cancelled'] : ['succeeded'];
        assert.ok(wanted.includes(state), `${id} of ${caller.tenant}: ${state} ${JSON.stringify(error)}`);
        assert.equal(results.length, state === 'succeeded' ? 1 : 0, id);
        assert.equal(ends.get(id), 1, `ends of ${id}`);
      }
      const succeeded = jobs.filter(({ state }) => state === 'succeeded').length;
      const adapters = await admin.all<AdapterRecord>(`/v1/adapters?tenant=${caller.tenant}`);
      assert.equal(adapters.length, 1 + succeeded, `adapters of ${caller.tenant}`);
      const bytes = adapters.flatMap(({ files }) => files).reduce((sum, file) => sum + file.bytes, 0);
      await assertUsage(caller, { jobs: jobs.length, adapters: adapters.length, stored_bytes: bytes });
    }
    const job = await admin.json<JobRecord>(
      'GET',
      `/v1/jobs/${interrupted}?tenant=${await ownerOf(interrupted)}`,
    );
    assert.deepEqual([job.state, job.attempts], ['succeeded', 2]);

    const single = (await allOf(of('single'))).filter(({ attempts }) => attempts === 1);
    const inTurn = single
      .map(({ started_at, finished_at }) => [Date.parse(started_at!), Date.parse(finished_at!)] as const)
      .sort(([one], [other]) => one - other);
    for (const [index, [startedMs]] of inTurn.entries())
      assert.ok(index === 0 || startedMs >= inTurn[index - 1]![1], 'one at a time');

    const paused = timesOf(await allOf(of('paused')), 'started_at');
    assert.ok(pausedSinceMs < resumedMs && paused[0]! >= resumedMs, 'none while it was suspended');
  });

  const ownerOf = async (id: string): Promise<string> =>
    [...callers.values()].find(({ accepted }) => accepted.includes(id))!.tenant;

  async function assertUsage({ client, tenant }: Caller, totals: object): Promise<void> {
    const { days, queue, limits: _, ...used } = await client.json<UsageRecord>('GET', '/v1/usage');
    assert.deepEqual(used, totals, tenant);
    assert.deepEqual([queue.queued, queue.running, queue.oldest_waiting_seconds], [0, 0, null], tenant);
    const sum = (of: 'jobs' | 'stored_bytes' | 'compute_seconds') =>
      days.reduce((all, day) => all + day[of], 0);
    assert.deepEqual({ ...used, jobs: sum('jobs'), stored_bytes: sum('stored_bytes') }, totals, tenant);
    assert.ok(sum('compute_seconds') > 0, tenant);
  }

  it('get results that both APIs read from the bucket, and all processes stop cleanly', async () => {
    const { client } = of('quiet-0');
    const jobs = await client.all<JobRecord>('/v1/jobs');
    for (const { adapter_id } of jobs.flatMap((job) => [...succeededResults(job)])) {
      const { files } = await client.json<AdapterRecord>('GET', `/v1/adapters/${adapter_id}`);
      for (const { name, sha256 } of files)
        for (const api of [0, 1]) {
          const answer = await client.call('GET', `/v1/adapters/${adapter_id}/files/${name}`, { api });
          const bytes = Buffer.from(await answer.arrayBuffer());
          assert.equal(createHash('sha256').update(bytes).digest('hex'), sha256);
        }
    }
    const summaries = await admin.all<TenantSummary>('/v1/tenants');
    assert.deepEqual(
      summaries.filter(({ queued, running, state }) => queued + running > 0 || state !== 'active'),
      [],
    );
    assert.equal(summaries.length, Object.keys(TENANTS).length + 1, 'with the default tenant');
    const codes = await deployment!.end();
    deployment = undefined;
    assert.deepEqual(codes, [0, 0, 0]);
  });
});
