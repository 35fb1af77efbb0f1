import assert from 'node:assert/strict';
import { beforeEach, it } from 'node:test';
import type { RecordedJobRequest } from '../../../src/contract/job-request.ts';
import { DEFAULT_TENANT } from '../../../src/contract/tenant-id.ts';
import { newJobId } from '../../../src/database/ids.ts';
import { acceptedJob } from '../../../src/resources/jobs/accepted-job.ts';
import {
  findEqualExecution,
  sourceContents,
} from '../../../src/resources/jobs/executions/equal-execution.ts';
import { executionKey } from '../../../src/resources/jobs/executions/execution-key.ts';
import { knownReports } from '../../../src/resources/jobs/known-reports.ts';
import type { BlobStore } from '../../../src/storage/blob-store.ts';
import { onEachDialect } from '../../database/dialects.ts';
import { insertSampleAdapter, SAMPLE_ADAPTER } from '../adapters/sample-adapter.ts';
import { FakeWorker } from './fake-worker.ts';
import { jobsIn, reportFile } from './job-rows.ts';

const ANALYSIS = { kind: 'analyze', adapter_id: SAMPLE_ADAPTER } as const;
const SQUEEZE = {
  kind: 'squeeze',
  adapter_id: SAMPLE_ADAPTER,
  targets: [{ rank: 2 }],
} satisfies RecordedJobRequest;

onEachDialect('what is known about an adapter before a job', (database) => {
  const jobs = () => jobsIn(database());
  beforeEach(async () => {
    await insertSampleAdapter(database());
  });

  const digest = async (): Promise<string> =>
    (await sourceContents(database(), DEFAULT_TENANT, [SAMPLE_ADAPTER])).get(SAMPLE_ADAPTER)!.digest;
  async function accepted(request: RecordedJobRequest): Promise<string> {
    const id = newJobId(Date.now());
    await jobs().accept([{ job: acceptedJob(id, request), reuse: true }]);
    return id;
  }
  async function reported(tenant = DEFAULT_TENANT): Promise<unknown[]> {
    // Small reports are stored in the database.
    const parts = { database: database(), blobs: {} as BlobStore, jobStore: jobsIn(database(), { tenant }) };
    const found: unknown[] = [];
    for await (const modules of knownReports(parts, tenant, await digest())) found.push(modules);
    return found;
  }

  it('comes from reports of earlier jobs: an analysis first, each report once, for its tenant only', async () => {
    assert.deepEqual(await reported(), []);
    const worker = new FakeWorker({ database: database() });
    const squeezes = [await accepted(SQUEEZE), await accepted(SQUEEZE)];
    await worker.succeed(squeezes[0]!, { files: [reportFile({ modules: ['of a squeeze'] })] });
    const analysis = await accepted(ANALYSIS);
    assert.deepEqual(await reported(), [['of a squeeze']]);
    await worker.succeed(analysis, { files: [reportFile({ modules: ['of an analysis'] })] });
    assert.deepEqual(await reported(), [['of an analysis'], ['of a squeeze']]);
    assert.deepEqual(await reported('other'), []);
  });

  it('includes the execution that an equal request would join', async () => {
    const content = await digest();
    const known = (tenant = DEFAULT_TENANT) =>
      findEqualExecution(database(), tenant, executionKey(SQUEEZE, () => content)!);
    assert.equal(await known(), undefined);
    const id = await accepted(SQUEEZE);
    assert.equal((await known())?.state, 'waiting');
    assert.equal(await known('other'), undefined);
    await new FakeWorker({ database: database() }).succeed(id);
    assert.equal((await known())?.state, 'succeeded');
  });

  it('is nothing if the adapter is gone', async () => {
    await assert.rejects(sourceContents(database(), DEFAULT_TENANT, ['ad_none']), {
      code: 'ADAPTER_NOT_FOUND',
    });
  });
});
