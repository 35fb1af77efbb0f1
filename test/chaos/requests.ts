import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { succeededResults } from '../../src/charts/succeeded-targets.ts';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import type { JobRecord } from '../../src/contract/job.ts';
import type { SqueezeOptions } from '../../src/contract/job-request.ts';
import type { Target } from '../../src/contract/target.ts';
import type { Client } from '../e2e/client.ts';
import { fixtureAdapters } from '../e2e/fixtures.ts';

interface Request {
  readonly kind: 'squeeze';
  readonly adapter_id: string;
  readonly targets: Target[];
  readonly options: SqueezeOptions;
}

const ADAPTERS = ['peft-gpt2-niket', 'peft-gpt2-mycguo'];

/** Uploads the adapters that the chaos test squeezes. @returns their ids */
export async function uploadAdapters(client: Client): Promise<string[]> {
  const ids: string[] = [];
  for (const { dir } of fixtureAdapters().filter(({ name }) => ADAPTERS.includes(name))) {
    ids.push((await client.upload(dir)).adapter.id);
  }
  return ids;
}

/** Requests that all differ, so that each has a job of its own. The same adapters give the same requests. */
export function distinctRequests(adapterIds: readonly string[], count: number): Request[] {
  return Array.from({ length: count }, (_, i) => ({
    kind: 'squeeze',
    adapter_id: adapterIds[i % adapterIds.length]!,
    targets: i % 3 === 0 ? [{ rank: 1 }, { energy: 0.9 }] : [{ rank: 1 + (i % 3) }],
    options: { seed: i, method: i % 4 === 0 ? 'exact' : 'rsvd' },
  }));
}

/** SHA-256 of every file of every result of a job, in order. */
export async function resultDigests(client: Client, job: JobRecord): Promise<string[]> {
  const digests: string[] = [];
  for (const { adapter_id } of succeededResults(job)) {
    const { files } = await client.json<AdapterRecord>(`/v1/adapters/${adapter_id}`);
    for (const { name } of files) {
      const bytes = await client.bytes(`/v1/adapters/${adapter_id}/files/${name}`);
      digests.push(`${name} ${createHash('sha256').update(bytes).digest('hex')}`);
    }
  }
  return digests;
}

/** Checks everything that an adapter's record states about its files. */
export async function assertWhole(client: Client, adapterId: string): Promise<void> {
  const { files } = await client.json<AdapterRecord>(`/v1/adapters/${adapterId}`);
  for (const { name, sha256 } of files) {
    const bytes = await client.bytes(`/v1/adapters/${adapterId}/files/${name}`);
    assert.equal(createHash('sha256').update(bytes).digest('hex'), sha256, `${name} of ${adapterId}`);
  }
}
