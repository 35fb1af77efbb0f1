import type { RunSummary } from '../../contract/list.ts';
import type { Database } from '../../database/database.ts';
import { listed, nameBegins } from '../../database/lists/listed.ts';
import type { Page, PageRequest } from '../../database/lists/page.ts';
import type { RunTable } from '../../database/tables.ts';
import { baseModelDigest } from '../adapters/rows.ts';

/** What is left out matters not. */
export interface RunFilter {
  readonly mode?: RunSummary['mode'] | undefined;
  readonly baseModel?: string | undefined;
  /** What the name begins with. */
  readonly name?: string | undefined;
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

  /** @throws AppError DATABASE_UNAVAILABLE */
  async page({ mode, baseModel, name }: RunFilter, request: PageRequest): Promise<Page<RunSummary>> {
    const { database, tenant } = this;
    // Names are there as JSON: what they begin with has its quote at the beginning only.
    const prefix = name === undefined ? undefined : JSON.stringify(name).slice(0, -1);
    const begins = prefix === undefined ? {} : await nameBegins(database, 'run', tenant, prefix);
    const { rows, next } = await listed(
      database,
      {
        ...{ table: 'run', tenant, columns: SHOWN, ...begins },
        equal: { mode, base_model_sha256: baseModel && baseModelDigest(baseModel) },
      },
      request,
    );
    return { items: rows.map(summaryOf), next };
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
