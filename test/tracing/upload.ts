import assert from 'node:assert/strict';
import { openAsBlob } from 'node:fs';
import { join } from 'node:path';
import type { JobRecord } from '../../src/contract/job.ts';

const ADAPTER = join(import.meta.dirname, '../../examples/adapters/gpt2-lora-r8');

/** Uploads a real adapter and has it squeezed in one request. @returns the job in the response */
export async function squeezeOnce(
  url: string,
  headers: Readonly<Record<string, string>> = {},
  request: object = { targets: [{ rank: 2 }, { rank: 4 }] },
): Promise<JobRecord> {
  const form = new FormData();
  for (const name of ['adapter_model.safetensors', 'adapter_config.json']) {
    form.append(name, await openAsBlob(join(ADAPTER, name)), name);
  }
  form.append('request', JSON.stringify(request));
  const response = await fetch(`${url}/v1/squeeze`, { method: 'POST', body: form, headers });
  const text = await response.text();
  assert.ok(response.ok, text);
  return JSON.parse(text) as JobRecord;
}
