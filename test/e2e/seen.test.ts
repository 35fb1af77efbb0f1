import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { until } from '../queue/harness.ts';
import { logLines } from '../tracing/log-lines.ts';
import { squeezeOnce } from '../tracing/upload.ts';
import { commandLine, descendantsOf } from './process-tree.ts';
import { type Service, startService } from './service.ts';
import { waitForMetrics } from './wait-for-metrics.ts';

const ADMIN_KEY = 'a-key-of-at-least-24-characters';
const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const HEADERS = {
  authorization: `Bearer ${ADMIN_KEY}`,
  prefer: 'wait=60',
  traceparent: `00-${TRACE_ID}-00f067aa0ba902b7-01`,
};

/** User and system time of a process, as Linux reports it. */
function cpuSeconds(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

describe('the work of a service is visible', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'squeeze-seen-'));
  let service: Service;
  before(async () => {
    const env = { EXECUTION_PROVIDER: 'cpu', AUTH: 'keys', ADMIN_KEY, LOG_LEVEL: 'info' };
    service = await startService({ dataDir, env });
    for (let rank = 1; rank <= 3; rank++)
      assert.equal((await squeezeOnce(service.url, HEADERS, { targets: [{ rank }] })).state, 'succeeded');
  });
  after(async () => {
    await service?.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });

  const metrics = async (): Promise<string> => (await fetch(`${service.url}/metrics`)).text();
  const sample = (text: string, line: string): number =>
    Number(
      text
        .split('\n')
        .find((row) => row.startsWith(`${line} `))
        ?.slice(line.length),
    );

  it('by tenant: jobs, waits, bytes and seconds', async () => {
    const text = await waitForMetrics(metrics, /^lora_squeeze_jobs_total\{.*tenant="default"\} 3$/m);
    assert.equal(sample(text, 'lora_squeeze_job_wait_seconds_count{tenant="default"}'), 3);
    assert.equal(sample(text, 'lora_squeeze_job_completion_seconds_count{size="small",outcome="done"}'), 3);
    const usage = await fetch(`${service.url}/v1/usage`, { headers: HEADERS });
    const { stored_bytes, days } = (await usage.json()) as {
      stored_bytes: number;
      days: { compute_seconds: number }[];
    };
    assert.equal(sample(text, 'lora_squeeze_adapter_bytes_total{tenant="default"}'), stored_bytes);
    const seconds = sample(text, 'lora_squeeze_compute_seconds_total{tenant="default"}');
    assert.ok(Math.abs(seconds - days[0]!.compute_seconds) < 0.01, `${seconds}, ${days[0]!.compute_seconds}`);
  });

  it('by calls, including those of compute processes', async () => {
    const text = await metrics();
    for (const [backend, operation] of [
      ['storage', 'put_file'],
      ['storage', 'make_scratch'],
      ['database', 'select'],
      ['database', 'commit'],
      ['redis', 'script'],
    ]) {
      const labels = `{backend="${backend}",operation="${operation}"}`;
      assert.ok(sample(text, `lora_squeeze_backend_call_seconds_count${labels}`) >= 3, labels);
    }
    // An upload makes one, and so does each attempt in the compute process.
    const scratch = '{backend="storage",operation="make_scratch"}';
    assert.ok(sample(text, `lora_squeeze_backend_call_seconds_count${scratch}`) >= 6, text);
    assert.doesNotMatch(text, /^lora_squeeze_backend_errors_total\{/m);
  });

  it('in the metrics of its compute process, even after that has ended', {
    skip: process.platform !== 'linux',
  }, async () => {
    const compute = descendantsOf(service.pid).find((each) => commandLine(each).includes('bullmq'));
    assert.ok(compute, 'there is no compute process');
    const before = cpuSeconds(compute.pid);
    const text = await metrics();
    const counted = sample(text, 'lora_squeeze_compute_cpu_seconds_total');
    assert.ok(before > 0 && counted >= before, `${counted} is less than ${before}`);
    assert.ok(sample(text, 'lora_squeeze_compute_resident_memory_bytes') > 5e7);
    assert.equal(sample(text, 'lora_squeeze_compute_processes'), 1);
    process.kill(compute.pid, 'SIGKILL');
    const later = await waitForMetrics(metrics, /^lora_squeeze_compute_processes 0$/m);
    assert.ok(sample(later, 'lora_squeeze_compute_cpu_seconds_total') >= counted);
  });

  it('in the metrics of its disk', async () => {
    const text = await metrics();
    const [free, size] = ['free', 'size'].map((name) =>
      sample(text, `lora_squeeze_disk_${name}_bytes{folder="data"}`),
    );
    assert.ok(free! > 0 && free! < size!, `${free} of ${size}`);
    assert.doesNotMatch(text, /^lora_squeeze_disk_free_bytes\{folder="storage"/m);
  });

  it('in its log lines: tenant, key, kind, bytes and trace', async () => {
    const line = (msg: string) => until(msg, () => logLines(service.log()).find((each) => each.msg === msg));
    const request = await line('request');
    const { tenant, keyId, traceId, bytesReceived, bytes } = request;
    assert.deepEqual([tenant, keyId, traceId], ['default', 'key_configured', TRACE_ID]);
    assert.ok(Number(bytesReceived) > 10_000 && Number(bytes) > 100, JSON.stringify(request));
    for (const msg of ['job started', 'job ended']) {
      const { tenant, keyId, kind, bytes, traceId } = await line(msg);
      assert.deepEqual(
        [tenant, keyId, kind, traceId],
        ['default', 'key_configured', 'squeeze', TRACE_ID],
        msg,
      );
      assert.ok(Number(bytes) > 10_000, `${msg}: ${bytes}`);
    }
  });
});
