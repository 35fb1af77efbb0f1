import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { succeededResults } from '../../src/charts/succeeded-targets.ts';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import type { BatchRecord } from '../../src/contract/batch.ts';
import type { BatchItem, BatchItemList } from '../../src/contract/batch-item.ts';
import type { JobRecord } from '../../src/contract/job.ts';
import type { JobRequest } from '../../src/contract/job-request.ts';
import type { Report } from '../../src/contract/report.ts';
import { serviceFixture } from '../clients/service-fixture.ts';
import { formOf, tinyAdapter } from '../http/tiny-adapter.ts';
import { until } from '../queue/harness.ts';
import { Client } from './client.ts';
import { succeed } from './run-job.ts';

describe('the results of real jobs', () => {
  const at = serviceFixture('result-settings');
  let client: Client;
  /** Ids of the adapters "chat" and "code", of rank 4. */
  const ids: string[] = [];
  before(async () => {
    client = new Client(at.service.url);
    for (const [seed, name] of ['chat', 'code'].entries()) {
      const body = formOf(tinyAdapter(seed));
      body.append('name', name);
      const uploaded = await client.fetch('/v1/adapters', { method: 'POST', body });
      ids.push(((await uploaded.json()) as AdapterRecord).id);
    }
  });

  const adapter = (id: string) => client.json<AdapterRecord>(`/v1/adapters/${id}`);
  /** The settings of a result: its name, labels, and seconds to live. */
  async function kept(adapterId: string) {
    const { name, labels, created_at, expires_at } = await adapter(adapterId);
    const seconds = expires_at && Math.floor((Date.parse(expires_at) - Date.parse(created_at)) / 1000);
    return [name, labels, seconds];
  }
  const keptOf = (job: Pick<JobRecord, 'results'>) =>
    Promise.all(succeededResults(job).map(({ adapter_id }) => kept(adapter_id)));
  const found = async (label: string) =>
    (await client.json<{ data: AdapterRecord[] }>(`/v1/adapters?label=${label}`)).data.map(({ id }) => id);

  it('are named, labelled and kept as target and job specify, and found by these settings', async () => {
    const job = await succeed(client, {
      kind: 'squeeze',
      adapter_id: ids[0]!,
      targets: [
        { rank: 2 },
        { rank: 1, results: { name: 'served', labels: { env: 'prod' }, ttl_seconds: 600 } },
        // A result with equal settings of another name is a new record of the same files.
        { rank: 4, results: { name: 'as it was' } },
      ],
      results: { name: '{source} at {rank}, {target}', labels: { env: 'test', team: 'search' } },
    });
    assert.deepEqual(await keptOf(job), [
      ['chat at 2, 0', { env: 'test', team: 'search' }, null],
      ['served', { env: 'prod' }, 600],
      ['as it was', { env: 'test', team: 'search' }, null],
    ]);
    const [tested, served, unchanged] = succeededResults(job).map(({ adapter_id }) => adapter_id);
    assert.deepEqual(await found('env:prod'), [served]);
    assert.deepEqual((await found('team:search')).sort(), [tested, unchanged].sort());
  });

  it('have the same bytes whatever their names, which the report does not contain', async () => {
    const request: JobRequest = { kind: 'squeeze', adapter_id: ids[0]!, targets: [{ rank: 2 }] };
    const plain = await succeed(client, request);
    const results = { name: 'other', labels: { env: 'dev' } };
    const named = await succeed(client, { ...request, targets: [{ rank: 2, results }], results });
    assert.deepEqual(await client.contents(named), await client.contents(plain));
    assert.deepEqual(
      [await keptOf(plain), await keptOf(named)],
      [[['chat-r2', {}, null]], [['other', { env: 'dev' }, null]]],
    );
    assert.deepEqual('targets' in named.request && named.request.targets, [{ rank: 2, results }]);
    assert.deepEqual(named.results[0]!.target, { rank: 2 });
    const { targets } = await client.json<Report>(`/v1/jobs/${named.id}/report`);
    assert.deepEqual(targets[0]!.target, { rank: 2 });
  });

  it('of a merge name the first source and how many others there are', async () => {
    const sources = ids.map((adapter_id) => ({ adapter_id }));
    const results = { name: 'sum of {source}' };
    const job = await succeed(client, { kind: 'merge', sources, targets: [{ rank: 3 }], results });
    assert.deepEqual(await keptOf(job), [['sum of chat+1', {}, null]]);
  });

  it('of a batch are kept as the batch specifies unless jobs and targets specify it', async () => {
    const own = { name: 'mine-{rank}', labels: {} };
    const response = await client.fetch('/v1/batches', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        jobs: [
          { kind: 'squeeze', adapter_id: ids[0], targets: [{ rank: 2 }], results: own },
          {
            kind: 'squeeze',
            adapter_id: ids[1],
            targets: [{ rank: 2 }, { rank: 1, results: { ttl_seconds: 60 } }],
          },
        ],
        results: { name: 'release/{source}-{target}', labels: { release: '7' }, ttl_seconds: 3600 },
        reuse: false,
      }),
    });
    const { id } = (await response.json()) as BatchRecord;
    await until('the end of the batch', async () => {
      const batch = await client.json<BatchRecord>(`/v1/batches/${id}`);
      return batch.finished_at === null ? undefined : batch;
    });
    const { data: items } = await client.json<BatchItemList>(`/v1/batches/${id}/items`);
    assert.deepEqual(await Promise.all(items.map(keptOfBatch)), [
      [['mine-2', {}, 3600]],
      [
        ['release/code-0', { release: '7' }, 3600],
        ['release/code-1', { release: '7' }, 60],
      ],
    ]);
  });
  const keptOfBatch = ({ results }: BatchItem) =>
    Promise.all(results.map(({ adapter_id }) => kept(adapter_id)));
});
