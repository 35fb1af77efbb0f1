import type { AdapterRecord } from '../../contract/adapter.ts';
import type { Database } from '../../database/database.ts';
import { ADAPTER_COLUMNS, adapterRecord, baseModelDigest } from '../adapter-rows.ts';
import { timedIdFrom } from '../layout.ts';
import type { WantedLabel } from './label-filter.ts';
import type { Page, PageRequest } from './page.ts';

/** The id of an adapter. */
export const ADAPTER_PLACE = /^ad_[0-9a-f]{32}$/;

/** What is left out matters not. */
export interface AdapterFilter {
  readonly baseModel?: string | undefined;
  readonly format?: AdapterRecord['format'] | undefined;
  readonly parentId?: string | undefined;
  readonly jobId?: string | undefined;
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

  /** Times are places in the order of ids. @throws AppError DATABASE_UNAVAILABLE */
  async page(filter: AdapterFilter, request: PageRequest): Promise<Page<AdapterRecord>> {
    const { baseModel, format, parentId, jobId } = filter;
    // No id has that, and PostgreSQL takes no text with it.
    if (parentId?.includes('\0') || jobId?.includes('\0')) return { items: [], next: null };
    const { limit, after, createdAfterMs, createdBeforeMs } = request;
    const { found, id } = this.found(filter.labels ?? []);
    let query = found.select(ADAPTER_COLUMNS);
    if (baseModel !== undefined)
      query = query.where('adapter.base_model_sha256', '=', baseModelDigest(baseModel));
    if (format !== undefined) query = query.where('adapter.format', '=', format);
    if (parentId !== undefined) query = query.where('adapter.parent', '=', parentId);
    if (jobId !== undefined) query = query.where('adapter.job', '=', jobId);
    if (after !== undefined) query = query.where(id, '<', after);
    if (createdBeforeMs !== undefined) query = query.where(id, '<', timedIdFrom('ad', createdBeforeMs));
    if (createdAfterMs !== undefined) query = query.where(id, '>=', timedIdFrom('ad', createdAfterMs + 1));
    const rows = await query
      .where((eb) =>
        eb.or([eb('adapter.expires_at', 'is', null), eb('adapter.expires_at', '>', this.database.now)]),
      )
      .orderBy(id, 'desc')
      .limit(limit + 1)
      .execute();
    const items = rows.slice(0, limit).map(adapterRecord);
    return { items, next: rows.length > limit ? items.at(-1)!.id : null };
  }

  /**
   * Adapters with labels. The first one, where there is one, leads to the adapters: it is rare as a rule. `id` is the column
   * whose index has the order of the list.
   */
  private found([first, ...others]: readonly WantedLabel[]) {
    const { tenant } = this;
    const adapters = this.database.reader.selectFrom('adapter');
    let found = first
      ? (adapters
          .innerJoin('adapter_label as found', 'found.adapter', 'adapter.id')
          .where('found.tenant', '=', tenant)
          .where('found.name', '=', first.name)
          .where('found.text', '=', JSON.stringify(first.text)) as unknown as typeof adapters)
      : adapters.where('adapter.tenant', '=', tenant);
    for (const { name, text } of others)
      found = found.where(({ exists, selectFrom }) =>
        exists(
          selectFrom('adapter_label as label')
            .select('label.adapter')
            .whereRef('label.adapter', '=', 'adapter.id')
            .where('label.tenant', '=', tenant)
            .where('label.name', '=', name)
            .where('label.text', '=', JSON.stringify(text)),
        ),
      );
    return { found, id: (first ? 'found.adapter' : 'adapter.id') as 'adapter.id' };
  }
}
