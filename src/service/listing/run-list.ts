import type { RunSummary } from '../../contract/list.ts';
import type { BlobStore } from '../../storage/blob-store.ts';
import { RUNS_PREFIX, runIdOfKey } from '../layout.ts';
import { RunStore } from '../runs/run-store.ts';
import { type Page, type PageRequest, readPage, storedKeys } from './page.ts';

/** A key of a run without its prefix. */
export const RUN_PLACE = /^[0-9a-f]{32}\.json$/;

/** What is left out matters not. */
export interface RunFilter {
  readonly mode?: RunSummary['mode'] | undefined;
  readonly baseModel?: string | undefined;
}

/** The annealing runs of a tenant, the newest first. Of their checkpoints only the newest is read. */
export class RunList {
  private readonly store: BlobStore;
  private readonly runs: RunStore;

  constructor(store: BlobStore) {
    this.store = store;
    this.runs = new RunStore(store);
  }

  /** @throws AppError STORAGE_* */
  page(filter: RunFilter, request: PageRequest): Promise<Page<RunSummary>> {
    const listing = {
      prefix: RUNS_PREFIX,
      timedKey: (turned: string) => turned,
      keys: storedKeys(this.store, RUNS_PREFIX),
      read: async (key: string) => {
        const summary = await this.summary(runIdOfKey(key), filter.mode);
        return summary && (!filter.baseModel || summary.base_model === filter.baseModel)
          ? summary
          : undefined;
      },
      isFiltered: Object.values(filter).some((wanted) => wanted !== undefined),
    };
    return readPage(listing, request);
  }

  private async summary(runId: string, wantedMode: RunFilter['mode']): Promise<RunSummary | undefined> {
    const run = await this.runs.get(runId);
    if (!run) return undefined;
    const mode = run.schedule ? 'scheduled' : 'adaptive';
    if (wantedMode && mode !== wantedMode) return undefined;
    const { count, newest } = await this.runs.end(runId);
    return {
      id: run.id,
      name: run.request.name ?? null,
      base_model: run.request.base_model ?? newest?.base_model ?? null,
      mode,
      step: newest?.step ?? null,
      checkpoints: count,
      created_at: run.created_at,
    };
  }
}
