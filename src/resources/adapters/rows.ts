import { hash } from 'node:crypto';
import type { AdapterRecord } from '../../contract/adapter.ts';
import type { Labels } from '../../contract/labels.ts';
import type { Database, Writer } from '../../database/database.ts';
import { timedIdMs } from '../../database/ids.ts';
import { labelRows } from '../../database/lists/label-filter.ts';
import type { AdapterTable } from '../../database/tables.ts';
import { releaseContent } from '../contents/contents.ts';
import { addUsage } from '../tenants/usage.ts';
import type { AdapterDescription } from './describe-adapter.ts';

/** An adapter that is about to be recorded. */
export interface NewAdapter {
  readonly id: string;
  readonly description: AdapterDescription;
  readonly name: string;
  readonly labels: Labels;
  /** undefined: the adapter does not expire. */
  readonly ttlSeconds: number | undefined;
  readonly parentId: string | null;
  readonly jobId: string | null;
}

export const ADAPTER_COLUMNS = [
  'id',
  'name',
  'labels',
  'parent',
  'job',
  'created_at',
  'expires_at',
  'facts',
] as const satisfies readonly (keyof AdapterTable)[];

export type AdapterRow = Pick<AdapterTable, (typeof ADAPTER_COLUMNS)[number]>;

export const adapterRecord = (row: AdapterRow): AdapterRecord => ({
  id: row.id,
  name: row.name,
  ...(JSON.parse(row.facts) as Omit<AdapterDescription, 'digest'>),
  parent_id: row.parent,
  job_id: row.job,
  labels: JSON.parse(row.labels) as Labels,
  expires_at: row.expires_at === null ? null : new Date(row.expires_at).toISOString(),
  created_at: new Date(row.created_at).toISOString(),
});

/**
 * Records adapters whose content has been written. Their usage must be counted at the end of the transaction.
 * @param contents ids by digests
 */
export async function insertAdapters(
  database: Pick<Database, 'after'>,
  writer: Writer,
  tenant: string,
  adapters: readonly NewAdapter[],
  contents: ReadonlyMap<string, string>,
): Promise<AdapterRecord[]> {
  if (adapters.length === 0) return [];
  const rows = await writer
    .insertInto('adapter')
    .values(
      adapters.map((adapter) => ({
        ...rowOf(tenant, adapter),
        created_at: timedIdMs(adapter.id),
        expires_at: expiry(database, adapter),
      })),
    )
    .returning(ADAPTER_COLUMNS)
    .execute();
  await insertAdapterLabels(writer, tenant, adapters);
  const files = adapters.flatMap(({ id: adapter, description }) =>
    description.files.map(({ name, sha256 }) => ({ adapter, name, content: contents.get(sha256)! })),
  );
  await writer.insertInto('adapter_file').values(files).execute();
  const records = new Map(rows.map((row) => [row.id, adapterRecord(row)]));
  return adapters.map(({ id }) => records.get(id)!);
}

/** What new adapters add to the usage of their tenant. */
export const usageOfNew = (adapters: readonly Pick<NewAdapter, 'description'>[]) => ({
  adapters: adapters.length,
  bytes: adapters.reduce((sum, { description }) => sum + description.bytes, 0),
});

export async function insertAdapterLabels(
  writer: Writer,
  tenant: string,
  adapters: readonly { readonly id: string; readonly labels: Labels }[],
): Promise<void> {
  const rows = adapters.flatMap(({ id: adapter, labels }) => labelRows(tenant, labels, { adapter }));
  if (rows.length > 0) await writer.insertInto('adapter_label').values(rows).execute();
}

/** Removes adapters of one tenant. Their content is removed later, if no other record refers to it. */
export async function deleteAdapters(
  database: Pick<Database, 'now'>,
  writer: Writer,
  tenant: string,
  adapters: readonly Pick<AdapterTable, 'id' | 'bytes'>[],
): Promise<void> {
  const ids = adapters.map(({ id }) => id);
  const files = await writer
    .selectFrom('adapter_file')
    .select('content')
    .where('adapter', 'in', ids)
    .execute();
  await writer.deleteFrom('adapter').where('id', 'in', ids).execute();
  const contents = new Set(files.map(({ content }) => content));
  await releaseContent(database, writer, [...contents]);
  const bytes = adapters.reduce((sum, adapter) => sum + adapter.bytes, 0);
  await addUsage(writer, tenant, { adapters: -adapters.length, bytes: -bytes });
}

/** A job of a tenant that reads the adapter and has not ended, if there is one. */
export async function readingJob(
  reader: Pick<Writer, 'selectFrom'>,
  tenant: string,
  adapterId: string,
): Promise<string | undefined> {
  const row = await reader
    .selectFrom('job_source')
    .select('job')
    .where('tenant', '=', tenant)
    .where('adapter', '=', adapterId)
    .where('finished_at', 'is', null)
    .limit(1)
    .executeTakeFirst();
  return row?.job;
}

/** The time at which a record that is kept from now on expires. @param ttlSeconds undefined: it does not expire */
export const expiry = (database: Pick<Database, 'after'>, { ttlSeconds }: Pick<NewAdapter, 'ttlSeconds'>) =>
  ttlSeconds === undefined ? null : database.after(ttlSeconds * 1000);

/** The digest by which a base model is found, because its name may be longer than an index accepts. */
export const baseModelDigest = (name: string): string => hash('sha256', name);

/** The license of an adapter, if one is known. */
export const licenseIn = ({ facts }: Pick<AdapterTable, 'facts'>): string | undefined =>
  (JSON.parse(facts) as AdapterDescription).license;

function rowOf(tenant: string, adapter: NewAdapter): Omit<AdapterTable, 'created_at' | 'expires_at'> {
  const { id, name, labels, parentId, jobId } = adapter;
  const { digest, ...facts } = adapter.description;
  return {
    id,
    tenant,
    name,
    labels: JSON.stringify(labels),
    format: facts.format,
    base_model_sha256: facts.base_model === null ? null : baseModelDigest(facts.base_model),
    parent: parentId,
    job: jobId,
    digest,
    bytes: facts.bytes,
    facts: JSON.stringify(facts),
  };
}
