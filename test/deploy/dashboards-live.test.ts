import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { testDatabase } from '../database/postgres-server.ts';
import { adapterWith, GOOD_ADAPTER } from '../e2e/bad-adapters.ts';
import { Client } from '../e2e/client.ts';
import { fixtureAdapters } from '../e2e/fixtures.ts';
import { runJob, succeed } from '../e2e/run-job.ts';
import { type Service, startService } from '../e2e/service.ts';
import { Trainer, train } from '../e2e/trainer.ts';
import { type ExternalRedis, startExternalRedis } from '../queue/external-redis.ts';
import { queueServerOptions } from './compose-file.ts';
import { allDashboards, filledIn } from './dashboards.ts';
import { hasPrometheus, type PrometheusServer, type Series, startPrometheus } from './prometheus-server.ts';

/** Two scrapes are enough for a rate; a slow machine takes longer. */
const DATA_LIMIT_MS = 300_000;
const POLL_MS = 500;
/** Panels that are empty while nothing is wrong, by title. */
const EMPTY_IN_HEALTH = new Set([
  '5xx by route',
  'Firing alerts',
  'Batches and their items',
  'Bytes removed by sweeps',
  'Failed calls and retries',
  'Cancelled, reused and postponed jobs',
  'Connections cut by reason',
  'Degraded',
  'Repeated executions by reason',
  'Local cache',
  // Executions are dispatched at once, so none waits.
  'Oldest waiting job by tenant',
  'Waiting jobs by tenant',
  'Removed by sweeps',
  'Requests refused',
  'Transfers',
  'Webhooks',
]);

const missing = hasPrometheus() ? false : 'prometheus is not installed (Debian: prometheus)';

describe('dashboards with a real Prometheus and a real service', { skip: missing }, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'squeeze-dashboards-'));
  const startedMs = Date.now();
  let redis: ExternalRedis;
  let api: Service;
  let worker: Service;
  let prometheus: PrometheusServer;

  before(async () => {
    // Like docker-compose.yml: a queue, and a storage that all processes share.
    redis = await startExternalRedis(scratch, queueServerOptions());
    const DATABASE_URL = await testDatabase();
    const start = (ROLE: string) =>
      startService({
        dataDir: join(scratch, ROLE),
        env: {
          ROLE,
          REDIS_URL: redis.url,
          DATABASE_URL,
          STORAGE_URL: `file:${join(scratch, 'storage')}`,
          EXECUTION_PROVIDER: 'cpu',
        },
      });
    [api, worker] = await Promise.all([start('api'), start('worker')]);
    prometheus = await startPrometheus(join(scratch, 'prometheus'), {
      'lora-squeeze-api': new URL(api.url).host,
      'lora-squeeze-worker': new URL(worker.url).host,
    });
    // Twice, because a rate needs a series that existed before it grew.
    const client = new Client(api.url);
    await someWork(client);
    await until(async () => (await last('sum(lora_squeeze_checkpoints_total)')) === 2);
    await someWork(client);
    await until(async () => (await last('sum(lora_squeeze_checkpoints_total)')) === 4);
  });

  after(async () => {
    await prometheus?.stop();
    await worker?.stop();
    await api?.stop();
    await redis?.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  const last = async (expression: string): Promise<number> => {
    const [series] = await prometheus.queryRange(expression, startedMs);
    return Number(series?.values.at(-1)?.[1]);
  };

  /** Whether any series has a sample that is a number. */
  const hasNumbers = (series: readonly Series[]): boolean =>
    series.some(({ values }) => values.some(([, value]) => Number.isFinite(Number(value))));

  /** Whether no query of a panel returns a number. */
  async function isEmpty(targets: readonly { expr: string }[]): Promise<boolean> {
    for (const { expr } of targets)
      if (hasNumbers(await prometheus.queryRange(filledIn(expr, '30s', '6h'), startedMs))) return false;
    return true;
  }

  for (const { file, panels } of allDashboards()) {
    it(`shows data in every panel of ${file}`, async () => {
      let empty = panels.filter(({ title, targets }) => targets && !EMPTY_IN_HEALTH.has(title));
      await until(async () => {
        const still: typeof empty = [];
        for (const panel of empty) if (await isEmpty(panel.targets!)) still.push(panel);
        empty = still;
        return empty.length === 0;
      }).catch(() => {});
      assert.deepEqual(
        empty.map(({ title }) => title),
        [],
      );
    });
  }

  it('shows the numbers of the work that was done', async () => {
    assert.equal(await last('sum(lora_squeeze_jobs_total{state="failed"})'), 2);
    assert.equal(await last('sum(lora_squeeze_job_failures_total{code="NON_FINITE_WEIGHTS"})'), 2);
    assert.equal(await last('sum(lora_squeeze_runs_created_total)'), 2);
    assert.equal(await last('sum(lora_squeeze_uploads_total{outcome="unneeded"})'), 2);
    const saved = 'lora_squeeze_result_source_bytes_total{kind="squeeze"}';
    assert.ok((await last(saved)) > (await last('lora_squeeze_result_bytes_total{kind="squeeze"}')));
  });

  it('evaluates every rule without an error, and raises no alert', async () => {
    const rules = await prometheus.rules();
    assert.ok(rules.length > 0);
    for (const { name, health, lastError, state } of rules) {
      assert.equal(health, 'ok', `${name}: ${lastError}`);
      assert.notEqual(state, 'firing', name);
    }
  });

  it('shows that Redis is gone, and that the storage is not', async () => {
    await redis.stop('SIGKILL');
    const ready = async (part: string): Promise<string | undefined> => {
      const expression = `max by (part) (lora_squeeze_ready{part="${part}"})`;
      const [series] = await prometheus.queryRange(expression, Date.now() - 2000);
      return series?.values.at(-1)?.[1];
    };
    await until(async () => (await ready('queue')) === '0');
    assert.equal(await ready('storage'), '1');
    const alert = async () => (await prometheus.rules()).find(({ name }) => name === 'LoraSqueezeNotReady');
    await until(async () => (await alert())?.state === 'pending');
  });
});

/** @throws Error if it does not become true in time */
async function until(isTrue: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + DATA_LIMIT_MS;
  while (!(await isTrue())) {
    if (Date.now() > deadline) throw new Error(`not in ${DATA_LIMIT_MS / 1000} s: ${isTrue}`);
    await sleep(POLL_MS);
  }
}

/** Submits jobs of every kind, good and bad, while Prometheus scrapes. */
async function someWork(client: Client): Promise<void> {
  const ids: string[] = [];
  for (const { dir } of fixtureAdapters().slice(0, 2)) ids.push((await client.upload(dir)).adapter.id);
  const targets = [{ rank: 2 }, { energy: 0.9 }];
  for (const adapter_id of ids) await succeed(client, { kind: 'squeeze', adapter_id, targets });
  await succeed(client, { kind: 'analyze', adapter_id: ids[0]! });
  await succeed(client, {
    kind: 'merge',
    sources: [{ adapter_id: ids[0]! }, { adapter_id: ids[0]!, weight: 0.5 }],
    targets: [{ rank: 4 }],
  });

  const bad = await client.postAdapter(adapterWith(Number.NaN));
  const { id } = (await bad.json()) as { id: string };
  const failed = await runJob(client, { kind: 'squeeze', adapter_id: id, targets: [{ rank: 2 }] });
  assert.equal(failed.error?.code, 'NON_FINITE_WEIGHTS');
  const tooSmall = [{ rank: 2 }, { budget_bytes: 1 }];
  const partial = await runJob(client, { kind: 'squeeze', adapter_id: ids[0]!, targets: tooSmall });
  assert.equal(partial.state, 'partial');
  const refused = await client.postAdapter({ weights: Buffer.from('no weights'), config: '{}' });
  assert.ok(refused.status >= 400, `${refused.status}`);

  const trainer = await Trainer.begin(client, {
    schedule: { source_rank: 4, target_rank: 2, total_steps: 1000, min_stage_steps: 100 },
  });
  const state = train({ ...GOOD_ADAPTER, config: String(GOOD_ADAPTER.config) }, 1);
  assert.equal((await trainer.send(1, state)).decision, 'keep');
  const record = await trainer.send(trainer.run.next_checkpoint_step!, state);
  assert.equal(record.decision, 'squeeze');
  assert.equal(record.state, 'succeeded', JSON.stringify(record.error));
}
