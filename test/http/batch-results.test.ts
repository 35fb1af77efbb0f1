import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Value } from 'typebox/value';
import type { BatchRecord } from '../../src/contract/batch.ts';
import { BatchResultLine } from '../../src/contract/batch-result.ts';
import { insertBatch } from '../resources/batches/insert-batch.ts';
import { FAILED_RESULT, SAMPLE_OUTCOME } from '../resources/jobs/fake-worker.ts';
import { problemIn, startServer, type TestServer } from './server.ts';
import { tinyAdapter } from './tiny-adapter.ts';

const MISSING_BATCH = `batch_${'0'.repeat(32)}`;

describe('the results of a batch', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer();
  });
  after(() => server.close());

  const asked = (id: string) => server.fetch(`/v1/batches/${id}/results`);
  async function linesOf(id: string): Promise<BatchResultLine[]> {
    const response = await asked(id);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('content-type'), 'application/x-ndjson');
    assert.equal(response.headers.get('cache-control'), 'no-store');
    const text = await response.text();
    assert.ok(text.endsWith('\n'));
    const lines = text.trimEnd().split('\n');
    return lines.map((line) => {
      const value = JSON.parse(line) as BatchResultLine;
      assert.ok(Value.Check(BatchResultLine, value), line);
      return value;
    });
  }
  const submit = async (jobs: readonly object[]): Promise<BatchRecord> => {
    const response = await server.fetch('/v1/batches', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jobs, reuse: false }),
    });
    assert.equal(response.status, 202, await response.clone().text());
    return (await response.json()) as BatchRecord;
  };
  const squeeze = (adapter_id: string, more: object = {}) => ({
    ...{ kind: 'squeeze', adapter_id, targets: [{ rank: 2 }] },
    ...more,
  });
  /** Everything in a batch has the order of its request. */
  const idOf = async (batch: BatchRecord, index: number): Promise<string> =>
    (await server.jobsOf(batch))[index]!;

  it('have one line for each item and target, whatever its outcome', async () => {
    const { id } = await server.upload(tinyAdapter(1));
    const two = [{ rank: 2 }, { rank: 1 }];
    const batch = await submit([
      squeeze(id, { targets: two, name: 'first' }),
      squeeze(id),
      { kind: 'analyze', adapter_id: id },
      squeeze(id, { targets: two }),
      squeeze(id),
      squeeze(id),
    ]);
    await server.worker.succeed(await idOf(batch, 0), {
      results: [{}, FAILED_RESULT],
      adapters: [SAMPLE_OUTCOME, null],
    });
    await server.worker.fail(await idOf(batch, 1), 'NON_FINITE_WEIGHTS', 'It has a NaN.');
    await server.worker.succeed(await idOf(batch, 2), { results: [] });
    await server.worker.end(await idOf(batch, 3), 'cancelled');
    await server.worker.begin(await idOf(batch, 4));
    const lines = await linesOf(batch.id);
    assert.deepEqual(
      lines.map(({ index, target, state, error }) => [index, target, state, error?.code]),
      [
        [0, 0, 'succeeded', undefined],
        [0, 1, 'failed', 'BUDGET_TOO_SMALL'],
        [1, 0, 'failed', 'NON_FINITE_WEIGHTS'],
        [2, null, 'succeeded', undefined],
        [3, 0, 'cancelled', 'CANCELLED'],
        [3, 1, 'cancelled', 'CANCELLED'],
        [4, 0, 'active', undefined],
        [5, 0, 'queued', undefined],
      ],
    );
    const [first] = lines;
    const job = await server.jobs.get(await idOf(batch, 0));
    const [result] = job.results;
    assert.ok(result?.state === 'succeeded');
    assert.deepEqual(first, {
      ...{
        index: 0,
        name: 'first',
        job_id: job.id,
        kind: 'squeeze',
        source: null,
        adapter_id: id,
        target: 0,
      },
      ...{ state: 'succeeded', result_id: result.adapter_id, rank: { min: 2, max: 2 }, bytes: result.bytes },
      ...{ relative_error: result.relative_error, deliveries: [], error: null, finished_at: job.finished_at },
    });
    assert.equal(lines[2]!.error?.detail, 'It has a NaN.');
    assert.equal(lines[6]!.finished_at, null);

    await server.worker.succeed(await idOf(batch, 4));
    await server.worker.end(await idOf(batch, 5), 'cancelled');
    for (const index of [0, 1, 4]) await server.jobStore.remove(await idOf(batch, index));
    const left = await linesOf(batch.id);
    assert.deepEqual(
      left.map(({ index, target, state, result_id, error }) => [
        index,
        target,
        state,
        !!result_id,
        error?.code,
      ]),
      [
        [0, null, 'succeeded', true, undefined],
        [0, null, 'failed', false, 'BUDGET_TOO_SMALL'],
        [1, null, 'failed', false, 'NON_FINITE_WEIGHTS'],
        [2, null, 'succeeded', false, undefined],
        [3, 0, 'cancelled', false, 'CANCELLED'],
        [3, 1, 'cancelled', false, 'CANCELLED'],
        [4, 0, 'succeeded', true, undefined],
        [5, 0, 'cancelled', false, 'CANCELLED'],
      ],
      'what the batch has itself stays when jobs are deleted',
    );
  });

  it('are visible to the tenant of the batch only', async () => {
    await problemIn(await asked(MISSING_BATCH), 404, 'BATCH_NOT_FOUND');
    await problemIn(await asked('no-id'), 404, 'BATCH_NOT_FOUND');
    const { id } = await insertBatch(server.database, 1, { tenant: await other() });
    await problemIn(await asked(id), 404, 'BATCH_NOT_FOUND');
  });

  async function other(): Promise<string> {
    await server.workspaces.tenants.put('other', {});
    return 'other';
  }
});
