import type { JobRecord } from '../../contract/job.ts';
import type { RunSummary } from '../../contract/list.ts';
import type { RunRequest } from '../../contract/run.ts';
import type { Schedule } from '../../contract/schedule.ts';
import { isRunId } from '../../database/ids.ts';
import { listPage, nameBegins } from '../../database/lists/list-page.ts';
import type { Page, PageRequest } from '../../database/lists/page.ts';
import type { CheckpointTable, RunTable } from '../../database/tables.ts';
import { baseModelDigest, type NewAdapter } from '../adapters/rows.ts';
import type { StoredFile } from '../contents/content-files.ts';
import { registerContents, releaseContent, type WrittenFiles } from '../contents/contents.ts';
import { acceptJobs } from '../jobs/executions/accept-jobs.ts';
import { JobChanges, type JobChangesParts } from '../jobs/executions/job-changes.ts';
import { insertJobFiles } from '../jobs/rows.ts';
import { insertRequestWebhooks, type NewRequestWebhook } from '../webhooks/request-webhook.ts';
import type { AdaptivePlan } from './adaptive-plan.ts';
import type { CheckpointManifest, RunManifest } from './run-manifest.ts';

const SHOWN = ['id', 'name', 'base_model', 'mode', 'plan', 'step', 'checkpoints', 'created_at'] as const;

/** Conditions for a list of runs. Absent fields match everything. */
export interface RunFilter {
  readonly mode?: RunSummary['mode'] | undefined;
  readonly baseModel?: string | undefined;
  /** The beginning of the name. */
  readonly name?: string | undefined;
}

/**
 * A tenant's runs and the logs of their checkpoints. Entries are numbered without gaps, and a run stores their
 * number: a caller that appends or removes passes the number that it has seen, and is refused if there are more.
 * Several API processes need no other coordination. All methods throw AppError DATABASE_UNAVAILABLE, and those that
 * write STORAGE_FULL.
 */
export class RunStore {
  private readonly parts: JobChangesParts;
  private readonly tenant: string;

  constructor(parts: JobChangesParts, tenant: string) {
    this.parts = parts;
    this.tenant = tenant;
  }

  private get database() {
    return this.parts.database;
  }

  /** @param webhook that was part of its request, with the id that the run refers to */
  async create(run: RunManifest, webhook?: NewRequestWebhook): Promise<void> {
    const { id, name, request, schedule, adaptive, webhook_id, created_at } = run;
    const row: RunTable = {
      id,
      tenant: this.tenant,
      mode: schedule ? 'scheduled' : 'adaptive',
      name: jsonOf(name),
      ...baseModel(request.base_model),
      request: JSON.stringify(request),
      plan: JSON.stringify(schedule ?? adaptive),
      checkpoints: 0,
      step: null,
      created_at: Date.parse(created_at),
      webhook: webhook_id,
    };
    await this.database.write(async (writer) => {
      await insertRequestWebhooks(writer, this.tenant, webhook ? [webhook] : []);
      await writer.insertInto('run').values(row).execute();
    });
  }

  /** The newest first, without their checkpoints. */
  async page({ mode, baseModel, name }: RunFilter, request: PageRequest): Promise<Page<RunSummary>> {
    const { database, tenant } = this;
    // Names are stored as JSON, so a prefix has a quotation mark at its beginning only.
    const prefix = name === undefined ? undefined : JSON.stringify(name).slice(0, -1);
    const begins = prefix === undefined ? {} : await nameBegins(database, 'run', tenant, prefix);
    const { rows, next } = await listPage(
      database,
      {
        ...{ table: 'run', tenant, columns: SHOWN, ...begins },
        equal: { mode, base_model_sha256: baseModel && baseModelDigest(baseModel) },
      },
      request,
    );
    return { items: rows.map(summaryOf), next };
  }

  /** @param runId may be any text */
  async get(runId: string): Promise<RunManifest | undefined> {
    if (!isRunId(runId)) return undefined;
    const row = await this.database.reader
      .selectFrom('run')
      .select(['id', 'name', 'mode', 'request', 'plan', 'webhook', 'created_at'])
      .where('id', '=', runId)
      .where('tenant', '=', this.tenant)
      .executeTakeFirst();
    return row && runOf(row);
  }

  /** @returns false if there is no such run */
  async rename({ id }: Pick<RunManifest, 'id'>, name: string | null): Promise<boolean> {
    const { numUpdatedRows } = await this.database.write((writer) =>
      writer
        .updateTable('run')
        .set({ name: jsonOf(name) })
        .where('id', '=', id)
        .where('tenant', '=', this.tenant)
        .executeTakeFirst(),
    );
    return numUpdatedRows > 0n;
  }

  /** Every checkpoint of a run, oldest first. */
  async log({ id }: Pick<RunManifest, 'id'>): Promise<CheckpointManifest[]> {
    const rows = await this.database.reader
      .selectFrom('checkpoint')
      .selectAll()
      .where('run', '=', id)
      .orderBy('sequence')
      .execute();
    return rows.map(checkpointOf);
  }

  /**
   * Adds an entry with its sequence number, which supersedes those of its step and later ones. Locking the row of the
   * run makes sure that of several simultaneous entries only one is added.
   * @param squeeze the adapter and the job that squeezes it, which are recorded with it; null if the rank is kept
   * @param written the list of modules, and the files of the squeeze
   * @returns false if the log no longer ends there, or if the run no longer exists
   * @throws AppError STORAGE_FAILED if what was written has been removed by now
   */
  append(
    { request }: RunManifest,
    checkpoint: CheckpointManifest,
    squeeze: { readonly adapter: NewAdapter; readonly job: JobRecord } | null,
    written: WrittenFiles,
  ): Promise<boolean> {
    const { run_id, sequence, step, base_model, modules_sha256, optimizer_sha256 } = checkpoint;
    return JobChanges.write(this.parts, this.tenant, async (changes) => {
      const { writer } = changes;
      const { numUpdatedRows } = await writer
        .updateTable('run')
        .set({ checkpoints: sequence, step, ...baseModel(request.base_model ?? base_model) })
        .where('id', '=', run_id)
        .where('tenant', '=', this.tenant)
        .where('checkpoints', '=', sequence - 1)
        .executeTakeFirst();
      if (numUpdatedRows === 0n) return false;
      await writer
        .updateTable('checkpoint')
        .set({ superseded_by: sequence })
        .where('run', '=', run_id)
        .where('step', '>=', step)
        .where('superseded_by', 'is', null)
        .execute();
      const contents = await registerContents(writer, written);
      const modules_content = contents.get(modules_sha256)!;
      await writer
        .insertInto('checkpoint')
        .values({ ...rowOf(checkpoint), modules_content })
        .execute();
      if (!squeeze) return true;
      const { adapter, job } = squeeze;
      await changes.addAdapters([adapter], contents);
      await acceptJobs(changes, [{ job, reuse: false }]);
      const moments = optimizer_sha256 === null ? undefined : contents.get(optimizer_sha256);
      if (moments)
        await insertJobFiles(writer, job.id, [
          { sha256: optimizer_sha256!, content: moments, role: 'optimizer' },
        ]);
      return true;
    });
  }

  /**
   * Removes a run with its checkpoints. Its jobs expire at once; unfinished ones are removed after they have ended.
   * @param checkpoints the number of checkpoints that the decision was based on
   * @returns false if there are more by now, or if the run no longer exists
   */
  remove({ id }: Pick<RunManifest, 'id'>, checkpoints: number): Promise<boolean> {
    const { database, tenant } = this;
    return database.write(async (writer) => {
      const run = writer.selectFrom('run').select('id').where('id', '=', id).where('tenant', '=', tenant);
      if (!(await database.locked(run.where('checkpoints', '=', checkpoints)).executeTakeFirst()))
        return false;
      const log = writer.selectFrom('checkpoint').where('run', '=', id);
      const lists = await log.select('modules_content').distinct().execute();
      await writer
        .updateTable('job')
        .set({ expires_at: database.now })
        .where('id', 'in', log.select('job').where('job', 'is not', null).$castTo<{ job: string }>())
        .execute();
      await writer.deleteFrom('run').where('id', '=', id).execute();
      const contents = lists.map(({ modules_content }) => modules_content);
      await releaseContent(database, writer, contents);
      return true;
    });
  }

  /** The list of modules of a run's checkpoints, by its digest. */
  async modules(runId: string, sha256: string): Promise<StoredFile | undefined> {
    const row = await this.database.reader
      .selectFrom('checkpoint')
      .innerJoin('content', 'content.id', 'checkpoint.modules_content')
      .select(['content.id', 'content.bytes', 'content.inline'])
      .where('run', '=', runId)
      .where('modules_sha256', '=', sha256)
      .limit(1)
      .executeTakeFirst();
    if (!row) return undefined;
    const inline = row.inline && Buffer.from(row.inline).toString('base64');
    return { name: 'modules', sha256, bytes: row.bytes, content: row.id, inline };
  }
}

const jsonOf = (text: string | null | undefined): string | null =>
  text === null || text === undefined ? null : JSON.stringify(text);
const textOf = (json: string | null): string | null => (json === null ? null : JSON.parse(json));

const baseModel = (name: string | null | undefined) => ({
  base_model: jsonOf(name),
  base_model_sha256: name === null || name === undefined ? null : baseModelDigest(name),
});

type RunRow = Pick<RunTable, 'id' | 'name' | 'mode' | 'request' | 'plan' | 'webhook' | 'created_at'>;

const runOf = ({ id, name, mode, request, plan, webhook, created_at }: RunRow): RunManifest => ({
  id,
  name: textOf(name),
  request: JSON.parse(request) as RunRequest,
  schedule: mode === 'scheduled' ? (JSON.parse(plan) as Schedule) : null,
  adaptive: mode === 'adaptive' ? (JSON.parse(plan) as AdaptivePlan) : null,
  webhook_id: webhook,
  created_at: new Date(created_at).toISOString(),
});

function rowOf(checkpoint: CheckpointManifest): Omit<CheckpointTable, 'modules_content'> {
  const { run_id, sequence, step, job_id, source_adapter_id, source_digest, ...others } = checkpoint;
  const { modules_sha256, optimizer_sha256, created_at, ...facts } = others;
  return {
    run: run_id,
    sequence,
    step,
    superseded_by: null,
    job: job_id,
    source_adapter: source_adapter_id,
    source_digest,
    modules_sha256,
    optimizer_sha256,
    facts: JSON.stringify(facts satisfies CheckpointFacts),
    created_at: Date.parse(created_at),
  };
}

/** The columns that no query filters by. */
type CheckpointFacts = Pick<
  CheckpointManifest,
  | 'decision'
  | 'reason'
  | 'late_by_steps'
  | 'rank_before'
  | 'loss'
  | 'modules_by_rank'
  | 'stage_rank'
  | 'base_model'
  | 'target'
>;

const checkpointOf = ({ facts, ...row }: CheckpointTable): CheckpointManifest => ({
  ...(JSON.parse(facts) as CheckpointFacts),
  run_id: row.run,
  sequence: row.sequence,
  step: row.step,
  source_adapter_id: row.source_adapter,
  source_digest: row.source_digest,
  optimizer_sha256: row.optimizer_sha256,
  modules_sha256: row.modules_sha256,
  job_id: row.job,
  created_at: new Date(row.created_at).toISOString(),
});

const summaryOf = (row: Pick<RunTable, (typeof SHOWN)[number]>): RunSummary => ({
  id: row.id,
  name: textOf(row.name),
  base_model: textOf(row.base_model),
  mode: row.mode,
  step: row.step,
  total_steps: (JSON.parse(row.plan) as Pick<Schedule, 'total_steps'>).total_steps,
  checkpoints: row.checkpoints,
  created_at: new Date(row.created_at).toISOString(),
});
