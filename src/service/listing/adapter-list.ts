import type { AdapterRecord } from '../../contract/adapter.ts';
import type { BlobStore } from '../../storage/blob-store.ts';
import type { AdapterService } from '../adapter-service.ts';
import { inFolder, RECENT_ADAPTERS_PREFIX } from '../layout.ts';
import { adapterEntryOf } from './adapter-index.ts';
import { hasLabels, type WantedLabel } from './label-filter.ts';
import { type Page, type PageRequest, readPage, storedKeys } from './page.ts';

/** What is left out matters not. */
export interface AdapterFilter {
  readonly baseModel?: string | undefined;
  readonly format?: AdapterRecord['format'] | undefined;
  readonly parentId?: string | undefined;
  readonly jobId?: string | undefined;
  readonly labels?: readonly WantedLabel[] | undefined;
}

/** The adapters of a tenant, the newest first. */
export class AdapterList {
  private readonly store: BlobStore;
  private readonly adapters: Pick<AdapterService, 'find'>;

  constructor(store: BlobStore, adapters: Pick<AdapterService, 'find'>) {
    this.store = store;
    this.adapters = adapters;
  }

  /** @throws AppError STORAGE_* */
  page(filter: AdapterFilter, request: PageRequest): Promise<Page<AdapterRecord>> {
    const listing = {
      prefix: RECENT_ADAPTERS_PREFIX,
      timedKey: inFolder,
      keys: storedKeys(this.store, RECENT_ADAPTERS_PREFIX),
      read: async (key: string) => {
        const entry = adapterEntryOf(key);
        const record = entry && (await this.adapters.find(entry.id));
        // Of an adapter that was removed and came again, or of two at once, there may be another entry.
        if (!record || Date.parse(record.created_at) !== entry.createdAtMs) return undefined;
        return matches(record, filter) ? record : undefined;
      },
      isFiltered: Object.values(filter).some((wanted) => wanted !== undefined),
    };
    return readPage(listing, request);
  }
}

function matches(
  { base_model, format, parent_id, job_id, labels }: AdapterRecord,
  wanted: AdapterFilter,
): boolean {
  if (wanted.baseModel !== undefined && base_model !== wanted.baseModel) return false;
  if (wanted.format !== undefined && format !== wanted.format) return false;
  if (wanted.parentId !== undefined && parent_id !== wanted.parentId) return false;
  if (wanted.jobId !== undefined && job_id !== wanted.jobId) return false;
  return hasLabels(labels, wanted.labels ?? []);
}
