import { hash } from 'node:crypto';
import type { BatchItem } from '../../../src/contract/batch-item.ts';
import type { JobRecord } from '../../../src/contract/job.ts';
import type { Labels } from '../../../src/contract/labels.ts';
import type { Target } from '../../../src/contract/target.ts';
import { DEFAULT_TENANT } from '../../../src/contract/tenant-id.ts';
import type { Database } from '../../../src/database/database.ts';
import { newBatchId } from '../../../src/database/ids.ts';
import { DraftStore } from '../../../src/resources/batches/draft-store.ts';
import type { RequestedItem } from '../../../src/resources/batches/item-request.ts';
import { itemRow } from '../../../src/resources/batches/item-rows.ts';
import { ItemStore } from '../../../src/resources/batches/item-store.ts';
import { type ResolvedItem, resolveItem } from '../../../src/resources/batches/resolve-item.ts';
import type { BatchService } from '../../../src/resources/batches/service.ts';
import { BatchStore } from '../../../src/resources/batches/store.ts';
import { DEFAULT_JOB_OPTIONS } from '../../../src/resources/jobs/accepted-job.ts';
import { JobStore } from '../../../src/resources/jobs/store.ts';
import { insertSampleAdapter } from '../adapters/sample-adapter.ts';
import { NO_DISPATCHER } from '../jobs/fake-worker.ts';

const parts = (database: Database) => ({ database, dispatcher: NO_DISPATCHER });

export const batchesOf = (database: Database, tenant = DEFAULT_TENANT): BatchStore =>
  new BatchStore(parts(database), tenant);

export const itemsIn = (database: Database, tenant = DEFAULT_TENANT): ItemStore =>
  new ItemStore(parts(database), tenant);

export const draftsIn = (database: Database, tenant = DEFAULT_TENANT): DraftStore =>
  new DraftStore(parts(database), tenant);

/** All items of a batch. */
export const itemsOf = async (
  batches: Pick<BatchService, 'items'>,
  { id }: { readonly id: string },
): Promise<readonly BatchItem[]> => (await batches.items(id, { limit: 20_000 })).items;

/** Ids of the jobs of a batch, in order; all its items have one. */
export const jobsOf = async (
  batches: Pick<BatchService, 'items'>,
  batch: { readonly id: string },
): Promise<string[]> => (await itemsOf(batches, batch)).map(({ job_id }) => job_id!);

/** The adapters that the jobs of its batches read: one for each tenant. */
const adapterOf = (tenant: string): string => `ad_${hash('md5', tenant)}`;

/** A batch that was accepted with this many jobs. */
export async function insertBatch(
  database: Database,
  count: number,
  {
    tenant = DEFAULT_TENANT,
    jobTtlSeconds = null as number | null,
    ttlSeconds = null as number | null,
    labels = {} as Labels,
    targets = undefined as readonly Target[] | undefined,
  } = {},
): Promise<{ readonly id: string; readonly jobs: readonly JobRecord[] }> {
  const adapter_id = adapterOf(tenant);
  await insertSampleAdapter(database, { id: adapter_id, tenant });
  const createdAtMs = Date.now();
  const id = newBatchId(createdAtMs);
  const options = { ...DEFAULT_JOB_OPTIONS, reuse: false, labels, ttlSeconds: jobTtlSeconds };
  const wanted: RequestedItem = {
    request: {
      work: targets
        ? { kind: 'squeeze', adapter_id, targets: [...targets] }
        : { kind: 'analyze', adapter_id },
      options: options,
    },
    name: 'known',
    position: { pointer: '', shown: 'it' },
  };
  const nothing = {
    recorder: undefined,
    folder: undefined,
    ceiling: 'high' as const,
    adapters: { get: unused },
    jobs: { check: allowed },
  };
  const item: ResolvedItem = await resolveItem(wanted, 0, nothing);
  const drafts = draftsIn(database, tenant);
  const head = { name: null, labels, retryOf: null, ttlSeconds, webhookId: null };
  await drafts.begin(id, createdAtMs, head);
  await drafts.add(
    id,
    Array.from({ length: count }, (_, place) => itemRow(id, createdAtMs, place, item)),
  );
  await drafts.accept(id, head, { items: count, failed: 0 });
  const items = itemsIn(database, tenant);
  await items.open(id);
  const jobs = new JobStore(parts(database), tenant);
  const ids = (await items.page(id, { limit: count })).items.map(({ job_id }) => job_id!);
  const records = await jobs.all(ids);
  return { id, jobs: ids.map((jobId) => records.get(jobId)!) };
}

const allowed = async (): Promise<void> => undefined;
const unused = async (): Promise<never> => {
  throw new Error('it is not asked for');
};
