import type { RunSummary } from '../../contract/list.ts';
import type { Database } from '../../database/database.ts';
import type { RunTable } from '../../database/tables.ts';
import { baseModelDigest } from '../adapter-rows.ts';
import { timedIdFrom } from '../layout.ts';

import type { Page, PageRequest } from './page.ts';

/** The id of a run. */
export const RUN_PLACE = /^run_[0-9a-f]{32}$/;

/** What is left out matters not. */
export interface RunFilter {
  readonly mode?: RunSummary['mode'] | undefined;
  readonly baseModel?: string | undefined;
}

const SHOWN = ['id', 'name', 'base_model', 'mode', 'step', 'checkpoints', 'created_at'] as const;

/** The annealing runs of a tenant, the newest first, without their checkpoints. */
export class RunList {
  private readonly database: Database;
  private readonly tenant: string;

  constructor(database: Database, tenant: string) {
    this.database = database;
    this.tenant = tenant;
  }

  /** Times are places in the order of ids. @throws AppError DATABASE_UNAVAILABLE */
  async page({ mode, baseModel }: RunFilter, request: PageRequest): Promise<Page<RunSummary>> {
    const { limit, after, createdAfterMs, createdBeforeMs } = request;
    let query = this.database.reader.selectFrom('run').select(SHOWN).where('tenant', '=', this.tenant);
    if (mode !== undefined) query = query.where('mode', '=', mode);
    if (baseModel) query = query.where('base_model_sha256', '=', baseModelDigest(baseModel));
    if (after !== undefined) query = query.where('id', '<', after);
    if (createdBeforeMs !== undefined) query = query.where('id', '<', timedIdFrom('run', createdBeforeMs));
    if (createdAfterMs !== undefined) query = query.where('id', '>=', timedIdFrom('run', createdAfterMs + 1));
    const rows = await query
      .orderBy('id', 'desc')
      .limit(limit + 1)
      .execute();
    const items = rows.slice(0, limit).map(summaryOf);
    return { items, next: rows.length > limit ? items.at(-1)!.id : null };
  }
}

const summaryOf = (row: Pick<RunTable, (typeof SHOWN)[number]>): RunSummary => ({
  id: row.id,
  name: row.name === null ? null : JSON.parse(row.name),
  base_model: row.base_model === null ? null : JSON.parse(row.base_model),
  mode: row.mode,
  step: row.step,
  checkpoints: row.checkpoints,
  created_at: new Date(row.created_at).toISOString(),
});
