import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { BUCKET, motoIsMissing, type S3Server, startMoto } from '../storage/s3-servers.ts';
import { runPython, skipWithoutPython } from './python.ts';
import { serviceFixture } from './service-fixture.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const ADAPTER = join(ROOT, 'examples/adapters/gpt2-lora-r8');
const ADMIN_KEY = 'administrator-of-the-calls-43';
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };

const SOURCE = ['adapter_config.json', 'adapter_model.safetensors'];
const RESULT = ['README.md', ...SOURCE];
const under = (folder: string, names: readonly string[]) => names.map((name) => `${folder}/${name}`);
const ARTIFACTS = [
  'report.html',
  'report.json',
  ...under('results/0', RESULT),
  ...under('results/1', RESULT),
];

/** The expected output of every_call.py, except for the artifacts, whose order the service chooses. */
const expected = (kind: string) => ({
  changed: ['renamed', null, { of: kind }],
  modules: 36,
  listed: true,
  file_is_the_same: true,
  adapter_files: [SOURCE, SOURCE],
  archive: SOURCE,
  license: 'mit',
  deleted: 'ADAPTER_NOT_FOUND',
  forecasts: Array(2).fill(['dry_run', [2, 4].map((rank) => ({ min: rank, max: rank }))]),
  refused_when_dry: 'VALIDATION_FAILED',
  none_yet: [],
  events: [['state'], 'succeeded'],
  bytes_as_forecast: true,
  labels: { of: kind, kept: 'yes' },
  report: 'squeeze',
  page: '<!doctype html>',
  drawing: '<svg',
  picture: 'PNG',
  saved: [ARTIFACTS, ARTIFACTS],
  some: ['report.html'],
  no_such_artifact: true,
  results: [...under('0', RESULT), ...under('1', RESULT)],
  cannot_be_cancelled: 'JOB_FINAL',
  cannot_be_retried: 'JOB_SUCCEEDED',
  job_deleted: 'JOB_NOT_FOUND',
  retried: ['cancelled', true, 'succeeded'],
  by_analysis: ['by analysis'],
  merged: [
    { min: 2, max: 2 },
    { rank: 2, dtype: 'float16', scale: 'fold' },
  ],
  connections: [`models-${kind}`],
  has_credentials: [true, false],
  through: [
    { min: 3, max: 3 },
    { min: 2, max: 2 },
  ],
  exported: 'succeeded',
  narrowed: 'CONNECTION_NEEDED',
  late: ['succeeded', 'failed', 'succeeded'],
  connection_deleted: 'CONNECTION_NOT_FOUND',
  secret_shown: false,
  planned: ['dry_run', true],
  checkpoint: [{ min: 4, max: 4 }, [...SOURCE, 'projections.safetensors']],
  run: [1, true],
  run_deleted: 'RUN_NOT_FOUND',
  capabilities: [version, true, true],
  usage: true,
  webhooks: [],
  timeout: 5,
  event: [true, { watched: kind }],
  no_tenant_yet: 'TENANT_NOT_FOUND',
  tenant: ['active', 300, { max_running: 0 }],
  not_ours: ['ADAPTER_NOT_FOUND', 'ADAPTER_NOT_FOUND'],
  queued: [1],
  suspended: ['suspended', 'TENANT_SUSPENDED'],
  tenant_cancelled: [{ batches: 0, jobs: 1 }, 'cancelled'],
  resumed: 'active',
  tenant_usage: [null, 1],
  of_team: [RESULT, true, true, true, 1],
  key: [true, 'low', 'PRIORITY_TOO_HIGH'],
  tenant_deleted: ['deleting', 'TENANT_NOT_FOUND'],
  no_worker: 'WORKER_NOT_FOUND',
  drained: kind === 'async' ? [true, 'draining'] : null,
  not_called: [],
});

describe('every call of the clients in Python', {
  skip: motoIsMissing() ?? skipWithoutPython('httpx'),
}, () => {
  const fixture = serviceFixture('python-calls', { AUTH: 'keys', ADMIN_KEY });
  let s3: S3Server;
  before(async () => {
    s3 = await startMoto();
  });
  after(() => s3?.stop());

  for (const kind of ['blocking', 'async'])
    it(`does what its name says: the ${kind} client`, async () => {
      const out = join(fixture.folder, kind);
      const { artifacts, ...rest } = await runPython<{ artifacts: [path: string, isDrawn: boolean][] }>(
        'every_call.py',
        ...[kind, fixture.service.url, ADMIN_KEY, ADAPTER, out, s3.url, BUCKET],
      );
      const all = expected(kind) as Readonly<Record<string, unknown>>;
      for (const [name, value] of Object.entries(rest)) assert.deepEqual(value, all[name], name);
      assert.deepEqual(Object.keys(rest), Object.keys(all));
      assert.deepEqual(artifacts.map(([path]) => path).sort(), [...ARTIFACTS].sort());
      assert.deepEqual(
        artifacts.filter(([, isDrawn]) => isDrawn),
        [['report.html', true]],
      );
    });
});
