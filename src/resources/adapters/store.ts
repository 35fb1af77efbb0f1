import type { AdapterRecord } from '../../contract/adapter.ts';
import type { Labels } from '../../contract/labels.ts';
import type { Database } from '../../database/database.ts';
import { isAdapterId } from '../../database/ids.ts';
import { type LabelFilterTerm, labelLinks } from '../../database/lists/label-filter.ts';
import { type Link, listPage, nameBegins } from '../../database/lists/list-page.ts';
import type { Page, PageRequest } from '../../database/lists/page.ts';
import { type Condition, sql } from '../../database/sql.ts';
import { AppError } from '../../errors/app-error.ts';
import type { StoredFile } from '../contents/content-files.ts';
import { registerContents, type WrittenFiles } from '../contents/contents.ts';
import { addUsage } from '../tenants/usage.ts';
import {
  ADAPTER_COLUMNS,
  adapterRecord,
  baseModelDigest,
  deleteAdapters,
  expiry,
  insertAdapterLabels,
  insertAdapters,
  type NewAdapter,
  readingJob,
  usageOfNew,
} from './rows.ts';

/** Adapters that are read by their ids in one query. */
const READ_AT_ONCE = 200;

/** An adapter with the locations of its files. */
export interface FoundAdapter {
  readonly record: AdapterRecord;
  readonly isExpired: boolean;
}

/** The fields of an adapter that can be changed. Undefined fields stay as they are. */
export interface AdapterChanges {
  readonly name?: string | undefined;
  /** Replaces all previous labels. */
  readonly labels?: Labels | undefined;
  /** Counted from now; null: the adapter does not expire. */
  readonly ttlSeconds?: number | null | undefined;
}

/** Conditions for a list of adapters. Absent fields match everything. */
export interface AdapterFilter {
  readonly baseModel?: string | undefined;
  readonly format?: AdapterRecord['format'] | undefined;
  readonly parentId?: string | undefined;
  readonly jobId?: string | undefined;
  /** A batch of whose jobs the adapters are results. */
  readonly batchId?: string | undefined;
  /** The beginning of the name. */
  readonly name?: string | undefined;
  readonly labels?: readonly LabelFilterTerm[] | undefined;
}

/** The adapters of a tenant. All methods throw AppError DATABASE_UNAVAILABLE, and those that write STORAGE_FULL. */
export class AdapterStore {
  private readonly database: Database;
  private readonly tenant: string;

  constructor(database: Database, tenant: string) {
    this.database = database;
    this.tenant = tenant;
  }

  /** @param id may be any text; no adapter has an invalid id */
  async find(id: string): Promise<FoundAdapter | undefined> {
    return (await this.findAll([id])).get(id);
  }

  /** The adapters that exist, by their ids. @param ids may be any texts */
  async findAll(ids: readonly string[]): Promise<Map<string, FoundAdapter>> {
    const found = new Map<string, FoundAdapter>();
    const valid = ids.filter(isAdapterId);
    for (let begin = 0; begin < valid.length; begin += READ_AT_ONCE) {
      const rows = await this.database.reader
        .selectFrom('adapter')
        .select([...ADAPTER_COLUMNS, this.database.now.as('now')])
        .where('id', 'in', valid.slice(begin, begin + READ_AT_ONCE))
        .where('tenant', '=', this.tenant)
        .execute();
      for (const row of rows) {
        const isExpired = row.expires_at !== null && row.expires_at <= row.now;
        found.set(row.id, { record: adapterRecord(row), isExpired });
      }
    }
    return found;
  }

  /** The files of an adapter in the order of its record. Empty: the adapter does not exist. */
  async files({ id, files }: Pick<AdapterRecord, 'id' | 'files'>): Promise<StoredFile[]> {
    const rows = await this.database.reader
      .selectFrom('adapter_file')
      .innerJoin('content', 'content.id', 'adapter_file.content')
      .select(['adapter_file.name', 'content.id', 'content.inline'])
      .where('adapter', '=', id)
      .execute();
    const known = new Map(rows.map((row) => [row.name, row]));
    return files.flatMap((file) => {
      const row = known.get(file.name);
      if (!row) return [];
      const inline = row.inline && Buffer.from(row.inline).toString('base64');
      return [{ ...file, content: row.id, inline }];
    });
  }

  /**
   * Whether there is an adapter with the same weights and configuration.
   * @param digest by describeAdapter
   */
  async isKnown(digest: string): Promise<boolean> {
    const row = await this.database.reader
      .selectFrom('adapter')
      .select('id')
      .where('tenant', '=', this.tenant)
      .where('digest', '=', digest)
      .limit(1)
      .executeTakeFirst();
    return row !== undefined;
  }

  /** The adapters that have not expired, the newest first. */
  async page(
    { baseModel, format, parentId: parent, jobId: job, batchId, name, labels }: AdapterFilter,
    request: PageRequest,
  ): Promise<Page<AdapterRecord>> {
    const { database, tenant } = this;
    const begins = name === undefined ? {} : await nameBegins(database, 'adapter', tenant, name);
    const unexpired: Condition = sql`(adapter.expires_at is null or adapter.expires_at > ${database.now})`;
    const { rows, next } = await listPage(
      database,
      {
        ...{ table: 'adapter', tenant, columns: ADAPTER_COLUMNS, ids: begins.ids },
        where: [unexpired, ...(begins.where ?? [])],
        links: [
          ...(batchId === undefined ? [] : [resultsOf(batchId, tenant)]),
          ...labelLinks('adapter_label', labels),
        ],
        equal: { base_model_sha256: baseModel && baseModelDigest(baseModel), format },
        rare: { parent, job },
      },
      request,
    );
    return { items: rows.map(adapterRecord), next };
  }

  /** @throws AppError STORAGE_FAILED if the written content has been removed by now */
  async insert(adapter: NewAdapter, written: WrittenFiles): Promise<AdapterRecord> {
    const [record] = await this.database.write(async (writer) => {
      const contents = await registerContents(writer, written);
      const records = await insertAdapters(this.database, writer, this.tenant, [adapter], contents);
      await addUsage(writer, this.tenant, usageOfNew([adapter]));
      return records;
    });
    return record!;
  }

  /** Changes an adapter. @returns undefined if there is none or it has expired */
  change(id: string, { name, labels, ttlSeconds }: AdapterChanges): Promise<AdapterRecord | undefined> {
    const { now } = this.database;
    return this.database.write(async (writer) => {
      const row = await writer
        .updateTable('adapter')
        // Sets a column to its own value, so that there always is something to set, and locks the row.
        .set({ id })
        .$if(name !== undefined, (query) => query.set({ name: name! }))
        .$if(labels !== undefined, (query) => query.set({ labels: JSON.stringify(labels) }))
        .$if(ttlSeconds !== undefined, (query) =>
          query.set({ expires_at: expiry(this.database, { ttlSeconds: ttlSeconds ?? undefined }) }),
        )
        .where('id', '=', id)
        .where('tenant', '=', this.tenant)
        .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', now)]))
        .returning(ADAPTER_COLUMNS)
        .executeTakeFirst();
      if (!row) return undefined;
      if (labels !== undefined) {
        await writer.deleteFrom('adapter_label').where('adapter', '=', id).execute();
        await insertAdapterLabels(writer, this.tenant, [{ id, labels }]);
      }
      return adapterRecord(row);
    });
  }

  /**
   * Deletes an adapter, unless an unfinished job reads it.
   * @returns false if there is none
   * @throws AppError ADAPTER_IN_USE
   */
  remove(id: string): Promise<boolean> {
    const { database, tenant } = this;
    return database.write(async (writer) => {
      const found = writer.selectFrom('adapter').select(['id', 'bytes']).where('id', '=', id);
      const row = await database.locked(found.where('tenant', '=', tenant)).executeTakeFirst();
      if (!row) return false;
      const jobId = await readingJob(writer, tenant, id);
      if (jobId !== undefined) throw adapterInUse(id, jobId);
      await deleteAdapters(database, writer, tenant, [row]);
      return true;
    });
  }
}

/** The results of a batch, found through its jobs. A result that the batch reuses may occur several times. */
const resultsOf = (batch: string, tenant: string): Link => ({
  from: sql`(
    select distinct made.id as adapter, made.tenant, member.batch from batch_member as member cross join adapter as made
    where member.batch = ${batch} and made.tenant = ${tenant} and made.job = member.job)`,
  where: { batch },
});

export const adapterNotFound = (id: string): AppError =>
  new AppError('ADAPTER_NOT_FOUND', `There is no adapter ${JSON.stringify(id)}.`, { id });

/** @param expiredMs milliseconds since 1970 */
export function adapterExpired(id: string, expiredMs: number): AppError {
  const expires_at = new Date(expiredMs).toISOString();
  return new AppError('ADAPTER_EXPIRED', `Adapter ${id} expired at ${expires_at}.`, { id, expires_at });
}

const adapterInUse = (id: string, jobId: string): AppError =>
  new AppError('ADAPTER_IN_USE', `Adapter ${id} is read by job ${jobId}, which has not ended.`, {
    id,
    job_id: jobId,
  });
