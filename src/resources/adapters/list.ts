import type { AdapterRecord } from '../../contract/adapter.ts';
import type { Database } from '../../database/database.ts';
import { labelLinks, type WantedLabel } from '../../database/lists/label-filter.ts';
import { type Link, listed, nameBegins } from '../../database/lists/listed.ts';
import type { Page, PageRequest } from '../../database/lists/page.ts';
import { type Condition, sql } from '../../database/sql.ts';
import { ADAPTER_COLUMNS, adapterRecord, baseModelDigest } from './rows.ts';

/** What is left out matters not. */
export interface AdapterFilter {
  readonly baseModel?: string | undefined;
  readonly format?: AdapterRecord['format'] | undefined;
  readonly parentId?: string | undefined;
  readonly jobId?: string | undefined;
  /** A batch whose jobs have these results. */
  readonly batchId?: string | undefined;
  /** What the name begins with. */
  readonly name?: string | undefined;
  readonly labels?: readonly WantedLabel[] | undefined;
}

/** The adapters of a tenant that have not expired, the newest first. */
export class AdapterList {
  private readonly database: Pick<Database, 'reader' | 'now'>;
  private readonly tenant: string;

  constructor(database: Pick<Database, 'reader' | 'now'>, tenant: string) {
    this.database = database;
    this.tenant = tenant;
  }

  /** @throws AppError DATABASE_UNAVAILABLE */
  async page(
    { baseModel, format, parentId: parent, jobId: job, batchId, name, labels }: AdapterFilter,
    request: PageRequest,
  ): Promise<Page<AdapterRecord>> {
    const { database, tenant } = this;
    const begins = name === undefined ? {} : await nameBegins(database, 'adapter', tenant, name);
    const unexpired: Condition = sql`(adapter.expires_at is null or adapter.expires_at > ${database.now})`;
    const { rows, next } = await listed(
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
}

/** Results of the jobs of a batch, looked for by their jobs. One that the batch reuses may stand in it several times. */
const resultsOf = (batch: string, tenant: string): Link => ({
  from: sql`(
    select distinct made.id as adapter, made.tenant, member.batch from batch_member as member cross join adapter as made
    where member.batch = ${batch} and made.tenant = ${tenant} and made.job = member.job)`,
  where: { batch },
});
