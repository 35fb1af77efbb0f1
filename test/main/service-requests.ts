import assert from 'node:assert/strict';
import { openAsBlob } from 'node:fs';
import { join } from 'node:path';
import type { JobRecord } from '../../src/contract/job.ts';
import { until } from '../queue/harness.ts';
import type { ServiceProcess } from './service-process.ts';

const ADAPTER = join(import.meta.dirname, '../../examples/adapters/gpt2-lora-r8');

export const statusOf = (service: ServiceProcess, path: string): Promise<number> =>
  fetch(service.url + path).then(({ status }) => status);

export async function adapterForm(): Promise<FormData> {
  const form = new FormData();
  for (const name of ['adapter_model.safetensors', 'adapter_config.json']) {
    form.append(name, await openAsBlob(join(ADAPTER, name)), name);
  }
  return form;
}

export async function upload(service: ServiceProcess): Promise<string> {
  const response = await fetch(`${service.url}/v1/adapters`, { method: 'POST', body: await adapterForm() });
  return ((await response.json()) as { id: string }).id;
}

export async function submit(
  service: ServiceProcess,
  adapterId: string,
  more: object = {},
): Promise<JobRecord> {
  const response = await fetch(`${service.url}/v1/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      ...{ kind: 'squeeze', adapter_id: adapterId, targets: [{ rank: 2 }, { rank: 64 }] },
      ...more,
    }),
  });
  assert.equal(response.status, 202);
  return (await response.json()) as JobRecord;
}

export const ended = (service: ServiceProcess, jobId: string): Promise<JobRecord> =>
  until(`the end of ${jobId}`, async () => {
    const job = (await (await fetch(`${service.url}/v1/jobs/${jobId}`)).json()) as JobRecord;
    return job.finished_at ? job : undefined;
  });
