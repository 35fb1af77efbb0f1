import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Artifact, LoraSqueeze, type Target } from '../../clients/typescript/src/index.ts';
import { BUCKET, motoIsMissing, type S3Server, startMoto } from '../storage/s3-servers.ts';
import { serviceFixture } from './service-fixture.ts';
import { ROOT } from './typescript-package.ts';

const ADAPTER = join(ROOT, 'examples/adapters/gpt2-lora-r8');
const SOURCE = ['adapter_config.json', 'adapter_model.safetensors'];
const RESULT = ['README.md', ...SOURCE];
const ADMIN_KEY = 'administrator-of-the-calls-42';
const TEAM = 'team-a';
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };

type Calls = Readonly<Record<string, unknown>>;

/** The names of all methods of an object of a class. */
const methodsOf = (value: object): string[] =>
  Object.getOwnPropertyNames(Object.getPrototypeOf(value)).filter((name) => name !== 'constructor');

/** The same object, which records which of its methods were called. */
function watched<T extends object>(target: T, prefix: string, called: Set<string>): T {
  return new Proxy(target, {
    get(object, name) {
      const value = (object as Calls)[name as string];
      if (typeof value !== 'function') return value;
      called.add(`${prefix}${String(name)}`);
      return value.bind(object);
    },
  });
}

async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const value of values) found.push(value);
  return found;
}

const filesIn = (folder: string): string[] =>
  (readdirSync(folder, { recursive: true }) as string[]).filter((name) => /\.\w+$/.test(name)).sort();

describe('the TypeScript client', { skip: motoIsMissing() ?? false }, () => {
  const fixture = serviceFixture('typescript-calls', { AUTH: 'keys', ADMIN_KEY });
  const { folder } = fixture;
  const called = new Set<string>();
  let s3: S3Server;
  let client: LoraSqueeze;
  let whole: LoraSqueeze;
  let adapterId: string;
  before(async () => {
    s3 = await startMoto();
    whole = new LoraSqueeze({ baseUrl: fixture.service.url, key: ADMIN_KEY });
    const { adapters, connections, jobs, runs, tenants, uploads, workers } = whole;
    client = Object.assign(Object.create(watched(whole, '', called)), {
      adapters: watched(adapters, 'adapters.', called),
      connections: watched(connections, 'connections.', called),
      jobs: watched(jobs, 'jobs.', called),
      runs: watched(runs, 'runs.', called),
      tenants: watched(tenants, 'tenants.', called),
      uploads: watched(uploads, 'uploads.', called),
      workers: watched(workers, 'workers.', called),
    }) as LoraSqueeze;
    adapterId = (await client.adapters.upload(ADAPTER, { labels: { of: 'tests' } })).id;
  });
  after(() => s3?.stop());

  it('lists, changes and saves adapters', async () => {
    const { id } = await client.adapters.upload(ADAPTER, { name: 'other', ttlSeconds: 86_400 });
    assert.deepEqual(
      (await client.adapters.update(id, { name: 'renamed', ttl_seconds: null })).expires_at,
      null,
    );
    assert.equal((await client.adapters.get(id)).name, 'renamed');
    assert.deepEqual(
      (await all(client.adapters.list({ label: ['of:tests'], limit: 1 }))).map((each) => each.id),
      [adapterId],
    );
    assert.equal((await client.adapters.modules(id)).modules.length, 36);
    await client.adapters.download(id, join(folder, 'adapter'));
    assert.deepEqual(filesIn(join(folder, 'adapter')), SOURCE);
    const config = await client.adapters.file(id, 'adapter_config.json');
    assert.equal(await config.text(), readFileSync(join(ADAPTER, 'adapter_config.json'), 'utf8'));
    await client.adapters.downloadArchive(id, join(folder, 'made/adapter.zip'));
    assert.equal(readFileSync(join(folder, 'made/adapter.zip')).subarray(0, 2).toString(), 'PK');
    await client.adapters.delete(id);
    await assert.rejects(client.adapters.get(id), { code: 'ADAPTER_NOT_FOUND' });
    const upload = await client.uploads.create(join(ADAPTER, 'adapter_config.json'), {
      filename: 'adapter_config.json',
    });
    assert.deepEqual(await client.uploads.get(upload.id), upload);
    await client.uploads.delete(upload.id);
    await assert.rejects(client.uploads.get(upload.id), { code: 'UPLOAD_NOT_FOUND' });
  });

  it('estimates a job or a run without creating one', async () => {
    const targets: Target[] = [{ rank: 2 }, { rank: 4 }];
    const asked = { kind: 'squeeze', adapter_id: adapterId, targets, dry_run: true } as const;
    for (const job of [
      await client.jobs.create({ ...asked, targets }),
      await client.squeeze(adapterId, { targets, dry_run: true }),
    ]) {
      assert.equal(job.id, 'dry_run');
      assert.deepEqual(
        job.forecast?.targets.map(({ rank }) => rank?.max),
        [2, 4],
      );
    }
    await assert.rejects(client.jobs.create({ ...asked, targets: [{ rank: 0 }] }), {
      code: 'VALIDATION_FAILED',
    });
    assert.deepEqual(await all(client.jobs.list({ kind: 'squeeze' })), []);
    const schedule = { source_rank: 8, target_rank: 2, total_steps: 1000 };
    const planned = await client.runs.create({ schedule, dry_run: true });
    assert.equal(planned.id, 'dry_run');
    assert.deepEqual(planned.schedule, await client.runs.plan(schedule));
    assert.deepEqual(await all(client.runs.list()), []);
  });

  it('creates, follows and removes jobs, and saves all their results', async () => {
    const targets = [{ rank: 2 }, { rank: 4 }];
    const { id } = await client.jobs.create({ kind: 'squeeze', adapter_id: adapterId, targets });
    const states = [];
    for await (const { event, data } of client.jobs.events(id))
      if (event === 'state') states.push(data.state);
    assert.equal(states.at(-1), 'succeeded');
    const job = await client.jobs.wait(id);
    assert.deepEqual(await client.jobs.get(id), job);
    assert.deepEqual((await client.jobs.update(id, { labels: { kept: 'yes' } })).labels, { kept: 'yes' });
    assert.equal((await client.jobs.report(id)).kind, 'squeeze');
    assert.match(await client.jobs.reportHtml(id), /^<!doctype html>/i);
    assert.match(await client.jobs.reportSvg(id, { figure: 'sizes' }), /^<svg/);
    assert.equal((await client.jobs.reportPng(id)).type, 'image/png');

    const artifacts = await all<Artifact>(client.jobs.artifacts(id));
    const paths = artifacts.map(({ path }) => path).sort();
    const results = ['0', '1'].flatMap((index) => RESULT.map((name) => `${index}/${name}`));
    assert.deepEqual(paths, ['report.html', 'report.json', ...results.map((name) => `results/${name}`)]);
    const counts: number[] = [];
    await client.jobs.downloadArtifacts(id, join(folder, 'all'), {
      onProgress: (received) => counts.push(received),
    });
    assert.deepEqual(filesIn(join(folder, 'all')), paths);
    assert.ok(counts.length >= paths.length);
    await client.jobs.downloadArtifacts(id, join(folder, 'some'), { paths: ['report.html'] });
    assert.deepEqual(filesIn(join(folder, 'some')), ['report.html']);
    const none = client.jobs.downloadArtifacts(id, join(folder, 'none'), { paths: ['results/2'] });
    await assert.rejects(none, { code: 'FILE_MISSING' });
    assert.ok(!existsSync(join(folder, 'none')));
    const config = await client.jobs.artifact(id, 'results/1/adapter_config.json');
    assert.equal(
      await config.text(),
      readFileSync(join(folder, 'all/results/1/adapter_config.json'), 'utf8'),
    );
    await client.jobs.download(id, join(folder, 'results'));
    assert.deepEqual(filesIn(join(folder, 'results')), results);

    await assert.rejects(client.jobs.cancel(id), { code: 'JOB_FINAL' });
    await client.jobs.delete(id);
    await assert.rejects(client.jobs.get(id), { code: 'JOB_NOT_FOUND' });
    // Other jobs are before it, so that it can still be cancelled.
    const request = { kind: 'squeeze', adapter_id: adapterId, targets, reuse: false } as const;
    const busy = await Promise.all([0, 1, 2, 3].map(() => client.jobs.create({ ...request, targets })));
    const cancelled = await client.jobs.cancel(busy.at(-1)!.id);
    const again = await client.jobs.wait(await client.jobs.retry(cancelled.id));
    assert.deepEqual(
      [cancelled.state, again.state, again.retry_of],
      ['cancelled', 'succeeded', cancelled.id],
    );
  });

  it('squeezes what an analysis recommends, and merges', async () => {
    const { analysis } = await client.analyze(adapterId, { priority: 'high' });
    const job = await client.squeeze(adapterId, { targets: [analysis!.uniform.target] });
    assert.equal(job.state, 'succeeded');
    const sources = [{ source: adapterId }, { source: { adapter_id: adapterId }, weight: -0.5 }];
    const sum = await client.merge(sources, { targets: [{ rank: 2 }] });
    assert.equal(sum.results[0]?.state, 'succeeded');
  });

  it('reads and writes a bucket through a connection', async () => {
    const credentials = { access_key_id: 'KEYID', secret_access_key: 'hush-hush' };
    const made = await client.connections.create({
      kind: 's3',
      name: 'models',
      prefixes: [`s3://${BUCKET}`],
      endpoint: s3.url,
      allowed_hosts: [new URL(s3.url).host],
      credentials,
    });
    assert.ok(made.has_credentials && !JSON.stringify(made).includes('hush-hush'));
    assert.deepEqual(await client.connections.get('models'), made);
    assert.deepEqual(await all(client.connections.list({ kind: 's3' })), [made]);
    assert.deepEqual(await all(client.connections.list({ kind: 'hub' })), []);
    await client.squeeze(adapterId, { targets: [{ rank: 3 }], deliver: `s3://${BUCKET}/out` });
    const back = await client.squeeze(`s3://${BUCKET}/out`, { targets: [{ rank: 2 }] });
    assert.equal(back.imported?.place, `s3://${BUCKET}/out`);

    // The bucket does not exist yet: the result exists nevertheless, and is delivered again.
    await client.connections.update('models', { prefixes: ['s3://not-yet'], credentials });
    const deliver = 's3://not-yet/x';
    const late = await client.squeeze(adapterId, { targets: [{ rank: 3 }], deliver });
    assert.deepEqual([late.state, late.deliveries[0]?.state], ['succeeded', 'failed']);
    await fetch(`${s3.url}/not-yet`, { method: 'PUT' });
    const brought = await client.jobs.wait(await client.jobs.retryDeliveries(late.id));
    assert.equal(brought.deliveries[0]?.state, 'succeeded');
    await client.connections.delete('models');
    await assert.rejects(client.connections.get('models'), { code: 'CONNECTION_NOT_FOUND' });
  });

  it('sends checkpoints of a run and saves the squeezed ones', async () => {
    const schedule = { source_rank: 8, target_rank: 2, total_steps: 1000 };
    const run = await client.runs.create({ schedule, name: 'mine' });
    const step = run.next_checkpoint_step!;
    const checkpoint = await client.runs.sendCheckpoint(run.id, step, ADAPTER, { loss: 0.5 });
    assert.equal(checkpoint.loss, 0.5);
    assert.deepEqual(checkpoint.rank_after, { min: 4, max: 4 });
    assert.deepEqual(await client.runs.getCheckpoint(run.id, step), checkpoint);
    await client.runs.download(checkpoint, join(folder, 'checkpoint'));
    assert.deepEqual(filesIn(join(folder, 'checkpoint')), [...SOURCE, 'projections.safetensors']);
    assert.equal((await client.runs.get(run.id)).checkpoints.length, 1);
    assert.deepEqual(
      (await all(client.runs.list({ name: 'mine' }))).map(({ id, checkpoints }) => [id, checkpoints]),
      [[run.id, 1]],
    );
    await client.runs.delete(run.id);
    await assert.rejects(client.runs.get(run.id), { code: 'RUN_NOT_FOUND' });
  });

  it('shows the capabilities of the service, and the events of all jobs with a label', async () => {
    const can = await client.capabilities();
    assert.equal(can.version, version);
    assert.ok(can.formats.some(({ name }) => name === 'peft') && can.limits.targets > 1);
    assert.ok((await client.usage({ days: 1 })).adapters > 0);
    const labels = { watched: 'yes' };
    let jobId: string | undefined;
    for await (const event of client.events({ types: ['job.succeeded'], label: ['watched:yes'] })) {
      if (event.event === 'stream.open')
        jobId = (await client.jobs.create({ kind: 'analyze', adapter_id: adapterId, labels })).id;
      if (event.event !== 'job.succeeded') continue;
      const { job } = event.data.data;
      assert.deepEqual([job.id, job.labels], [jobId, labels]);
      break;
    }
  });

  describe('the TypeScript client of an administrator', () => {
    let ofTeam: LoraSqueeze;
    before(() => {
      ofTeam = new LoraSqueeze({ baseUrl: fixture.service.url, key: ADMIN_KEY, tenant: TEAM });
    });

    it('creates, changes and suspends tenants', async () => {
      await assert.rejects(ofTeam.jobs.create({ kind: 'analyze', adapter_id: adapterId }), {
        code: 'TENANT_NOT_FOUND',
      });
      const quotas = { max_running: 0 };
      const made = await client.tenants.put(TEAM, { weight: 300, quotas });
      assert.deepEqual([made.id, made.state, made.weight, made.quotas], [TEAM, 'active', 300, quotas]);
      const { id } = await ofTeam.adapters.upload(ADAPTER);
      const job = await ofTeam.jobs.create({ kind: 'analyze', adapter_id: id });
      const listed = await all(client.tenants.list({ limit: 1 }));
      assert.deepEqual(
        listed.map((each) => [each.id, each.queued]),
        [
          ['default', 0],
          [TEAM, 1],
        ],
      );
      assert.equal((await client.tenants.suspend(TEAM)).state, 'suspended');
      await assert.rejects(ofTeam.jobs.create({ kind: 'analyze', adapter_id: id }), {
        code: 'TENANT_SUSPENDED',
      });
      assert.deepEqual(await client.tenants.cancel(TEAM), { batches: 0, jobs: 1 });
      assert.equal((await ofTeam.jobs.get(job.id)).state, 'cancelled');
      assert.equal((await client.tenants.resume(TEAM)).state, 'active');
      assert.deepEqual((await client.tenants.put(TEAM, {})).quotas, {});
      const { usage } = await client.tenants.get(TEAM);
      assert.deepEqual([usage.adapters, usage.limits.max_running], [1, null]);
    });

    it('acts for a tenant in every call', async () => {
      const { id, files } = await ofTeam.adapters.upload(ADAPTER, { labels: { of: TEAM } });
      await assert.rejects(client.adapters.get(id), { code: 'ADAPTER_NOT_FOUND' });
      await assert.rejects(ofTeam.adapters.get(adapterId), { code: 'ADAPTER_NOT_FOUND' });
      assert.deepEqual(
        (await all(ofTeam.adapters.list({ label: [`of:${TEAM}`] }))).map((each) => each.id),
        [id],
      );
      const filename = 'adapter_config.json';
      const upload = await ofTeam.uploads.create(join(ADAPTER, filename), { filename });
      assert.equal(upload.sha256, files.find(({ name }) => name === filename)?.sha256);
      const job = await ofTeam.squeeze(id, { targets: [{ rank: 2 }] });
      await ofTeam.jobs.downloadArtifacts(job.id, join(folder, 'of-team'));
      assert.ok(filesIn(join(folder, 'of-team')).includes('results/0/adapter_model.safetensors'));
      // A tenant given in the call takes precedence over that of the client, and calls about all tenants name
      // none.
      const { adapters } = await ofTeam.usage();
      assert.equal((await client.usage({ tenant: TEAM })).adapters, adapters);
      assert.notEqual((await ofTeam.usage({ tenant: 'default' })).adapters, adapters);
      assert.equal((await all(ofTeam.tenants.list())).length, 2);
      assert.equal((await all(ofTeam.workers.list())).length, 1);
    });

    it('creates keys with fewer scopes', async () => {
      const { id, tenant, key } = await ofTeam.request('POST', '/v1/keys', {
        body: { name: 'nightly', max_priority: 'low' },
      });
      assert.equal(tenant, TEAM);
      const { data: keys } = await client.request('GET', '/v1/keys', { query: { tenant: TEAM } });
      assert.deepEqual(
        keys.map((each) => [each.id, each.max_priority]),
        [[id, 'low']],
      );
      const own = new LoraSqueeze({ baseUrl: fixture.service.url, key });
      const [adapter] = await all(own.adapters.list({ label: [`of:${TEAM}`] }));
      const asked = { kind: 'analyze', adapter_id: adapter!.id, dry_run: true } as const;
      await assert.rejects(own.jobs.create({ ...asked, priority: 'high' }), { code: 'PRIORITY_TOO_HIGH' });
      const other = new LoraSqueeze({ baseUrl: fixture.service.url, key, tenant: 'default' });
      await assert.rejects(other.usage(), { code: 'SCOPE_MISSING' });
    });

    it('deletes a tenant, and drains a worker', async () => {
      assert.equal((await client.tenants.delete(TEAM)).state, 'deleting');
      await assert.rejects(ofTeam.usage(), { code: 'TENANT_NOT_FOUND' });
      const [worker] = await all(client.workers.list());
      assert.equal(worker!.state, 'active');
      const { id, state } = await client.workers.drain(worker!.id);
      assert.deepEqual([id, state], [worker!.id, 'draining']);
    });
  });

  it('has no method that these tests do not call', () => {
    const { adapters, connections, jobs, runs, tenants, uploads, workers } = whole;
    // Batches have a test of their own.
    const parts = { adapters, connections, jobs, runs, tenants, uploads, workers };
    const calls = Object.entries(parts).flatMap(([name, part]) =>
      methodsOf(part).map((call) => `${name}.${call}`),
    );
    assert.deepEqual(
      [...methodsOf(whole), ...calls].filter((call) => !called.has(call)),
      [],
    );
  });
});
