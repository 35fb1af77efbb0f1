import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { succeededResults } from '../../src/charts/succeeded-targets.ts';
import { waitForMetrics } from '../e2e/wait-for-metrics.ts';
import { isGone, until, withFolder } from '../queue/harness.ts';
import { refusedStart, type ServiceProcess, startService } from './service-process.ts';
import { adapterForm, ended, statusOf, submit, upload } from './service-requests.ts';

describe('the service', () => {
  const folder = mkdtempSync(join(tmpdir(), 'main-'));
  const DATA_DIR = join(folder, 'data');
  const AUDIT_LOG = join(DATA_DIR, 'audit.jsonl');
  let service: ServiceProcess;
  before(async () => {
    service = await startService({ DATA_DIR, AUDIT_LOG, LOG_LEVEL: 'debug', COMPUTE_WARM_UP: 'on' });
  });
  after(async () => {
    await service?.end('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  it('has compiled the validators of requests for work when it is ready, so that the first request does not wait', async () => {
    assert.equal(await statusOf(service, '/readyz'), 200);
    const compiled = () => service.output().match(/"method":"POST","route":"[^"]+","part":"\w+"/g) ?? [];
    const ahead = compiled();
    assert.match(ahead.join(), /^"method":"POST","route":"\/v1\/jobs"/);
    assert.deepEqual(new Set(ahead.map((line) => line.split('"')[7])).size, 3);
    for (const path of ['/v1/jobs', '/v1/batches']) {
      const headers = { 'content-type': 'application/json' };
      const refused = await fetch(service.url + path, { method: 'POST', headers, body: '{}' });
      assert.equal(refused.status, 400);
    }
    await until('both lines', () => service.output().match(/"request refused"/g)?.length === 2 || undefined);
    assert.deepEqual(compiled(), ahead);

    // The request is part of the body, for which the route has no schema; its compiled validator is kept.
    for (let i = 0; i < 2; i++) {
      const body = await adapterForm();
      body.append('request', '{}');
      assert.equal((await fetch(`${service.url}/v1/squeeze`, { method: 'POST', body })).status, 400);
    }
    await until('all lines', () => service.output().match(/"request refused"/g)?.length === 4 || undefined);
    assert.equal(compiled().length, ahead.length + 1, compiled().join('\n'));
  });

  it('admits every caller on a loopback address by default', async () => {
    assert.equal(await statusOf(service, '/v1/capabilities'), 200);
  });

  it('does not start if the folder or the port is in use: it names the user, and leaves nothing running', async () => {
    const second = await refusedStart({ DATA_DIR });
    assert.equal(second.code, 1);
    assert.match(second.stderr, new RegExp(`^.* is in use by process ${service.child.pid}: .*\n$`));
    assert.equal(await statusOf(service, '/readyz'), 200);

    const { port } = new URL(service.url);
    const third = await refusedStart({ DATA_DIR: join(folder, 'other'), PORT: port });
    assert.equal(third.code, 1);
    assert.match(third.stderr, /^listen EADDRINUSE[^\n]*\n$/);
    await assert.rejects(readFile(join(folder, 'other/broker/owner')));
  });

  it('squeezes a real adapter, and ends with everything it started', async () => {
    const adapterId = await upload(service);
    const job = await ended(service, (await submit(service, adapterId)).id);
    assert.equal(job.state, 'succeeded', JSON.stringify(job.error));
    const [squeezed, unchanged] = succeededResults(job);
    assert.equal(squeezed?.rank.max, 2);
    assert.notEqual(unchanged?.adapter_id, adapterId);
    const record = async (id: string) =>
      (await (await fetch(`${service.url}/v1/adapters/${id}`)).json()) as Record<string, unknown>;
    assert.deepEqual((await record(unchanged!.adapter_id)).files, (await record(adapterId)).files);
    const result = await record(squeezed!.adapter_id);
    assert.deepEqual([result.parent_id, result.job_id], [adapterId, job.id]);
    assert.equal(await statusOf(service, `/v1/jobs/${job.id}/report`), 200);
    await waitForMetrics(
      async () => (await fetch(`${service.url}/metrics`)).text(),
      /lora_squeeze_jobs_total\{kind="squeeze",state="succeeded",tenant="default"\} 1/,
      /lora_squeeze_provider_info\{provider="cpu"/,
    );

    const serverPid = Number(/"serverPid":(\d+)/.exec(service.output())![1]);
    assert.equal(await service.end('SIGINT'), 0);
    await isGone(serverPid);
    assert.equal((await readdir(join(DATA_DIR, 'broker'))).includes('owner'), false);
    const actions = (await readFile(AUDIT_LOG, 'utf8')).match(/"action":"\w+"/g);
    assert.ok(actions!.includes('"action":"uploadAdapter"'), String(actions));
  });
});

describe('a start that fails', () => {
  it('because of a wrong value: one sentence, exit code 2', () =>
    withFolder(async (DATA_DIR) => {
      assert.deepEqual(await refusedStart({ DATA_DIR, PORT: 'http' }), {
        code: 2,
        stderr: 'PORT is "http"; it must be a whole number from 0 to 65535.\n',
      });
    }));

  it('because of arguments, which belong to the command: the same, and nothing is written', () =>
    withFolder(async (DATA_DIR) => {
      const { code, stderr } = await refusedStart({ DATA_DIR }, ['--help']);
      assert.equal(code, 2);
      assert.match(stderr, /^The service takes no arguments, but got "--help"\..*\(docs\/command\.md\)\.\n$/);
      assert.deepEqual(await readdir(DATA_DIR), []);
    }));

  it('because the audit log cannot be written: the same, before anything is started', () =>
    withFolder(async (folder) => {
      const DATA_DIR = join(folder, 'data');
      const AUDIT_LOG = join(DATA_DIR, 'missing', 'audit.jsonl');
      assert.deepEqual(await refusedStart({ DATA_DIR, AUDIT_LOG }), {
        code: 2,
        stderr: `AUDIT_LOG is "${AUDIT_LOG}", which cannot be written (ENOENT); it must be a path in an existing folder, \`stdout\` or \`off\`.\n`,
      });
      assert.equal((await refusedStart({ DATA_DIR, AUDIT_LOG: folder })).code, 2);
      assert.deepEqual(await readdir(DATA_DIR), []);
    }));

  it('because there is no Redis: the message names what to install', () =>
    withFolder(async (DATA_DIR) => {
      const { code, stderr } = await refusedStart({ DATA_DIR, PATH: DATA_DIR });
      assert.equal(code, 1);
      assert.match(stderr, /^Neither valkey-server nor redis-server is on PATH.*\n$/);
    }));
});
