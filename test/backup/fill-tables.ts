import { hash } from 'node:crypto';
import type { Database } from '../../src/database/database.ts';
import { newAdapterId } from '../../src/database/ids.ts';
import { SAVED_TABLES, type SavedRow, savedRows } from '../../src/database/saved-tables.ts';
import { AdapterStore } from '../../src/resources/adapters/store.ts';
import type { NewFile } from '../../src/resources/contents/content-files.ts';
import { beginWrite, Contents, registerContents } from '../../src/resources/contents/contents.ts';
import { insertExecutions, newExecution } from '../../src/resources/jobs/executions/execution-rows.ts';
import { ensureTenant } from '../../src/resources/tenants/store.ts';
import { addUsage } from '../../src/resources/tenants/usage.ts';
import type { BlobStore } from '../../src/storage/blob-store.ts';
import { SAMPLE_FACTS } from '../resources/adapters/sample-adapter.ts';

export const TENANT = 'team-a';

/** Larger than the content that is kept in the database. */
const LARGE_BYTES = 20_000;

const fileOf = (name: string, data: Uint8Array): NewFile => ({
  name,
  data,
  sha256: hash('sha256', data),
  bytes: data.byteLength,
});

/** Records an adapter whose weights are a file of the storage. @param seed of its bytes */
export async function addAdapter(database: Database, store: BlobStore, seed: number): Promise<string> {
  const weights = fileOf('adapter_model.safetensors', Buffer.alloc(LARGE_BYTES, `weights ${seed}`));
  const config = fileOf('adapter_config.json', Buffer.from(`{"r": ${seed}}`));
  const id = newAdapterId(Date.now());
  const files = [weights, config].map(({ name, sha256, bytes }) => ({ name, sha256, bytes }));
  const description = { ...SAMPLE_FACTS, files, bytes: weights.bytes + config.bytes };
  await new AdapterStore(database, TENANT).insert(
    {
      id,
      description,
      name: 'ä \u2028',
      labels: { seed: `${seed}` },
      ttlSeconds: undefined,
      parentId: null,
      jobId: null,
    },
    await new Contents(database, store).write([weights, config]),
  );
  return id;
}

/** Records in every table, content in the storage, and unfinished uploads. */
export async function fillEveryTable(database: Database, store: BlobStore): Promise<{ adapters: string[] }> {
  await database.write((writer) => ensureTenant(writer, TENANT));
  const adapters: string[] = [];
  for (const seed of [1, 2, 2]) adapters.push(await addAdapter(database, store, seed));
  const contents = new Contents(database, store);
  const report = fileOf('report.json', Buffer.alloc(LARGE_BYTES, 'report'));
  const modules = fileOf('modules.json', Buffer.from('[]'));
  const written = await contents.write([report, modules]);
  // Unfinished: the upload of a running process, and the remains of one that crashed.
  await store.put(
    `content/0000000/${await database.write((writer) => beginWrite(database, writer))}-0`,
    Buffer.from('half'),
  );
  await database.write(async (writer) => {
    const ids = await registerContents(writer, written);
    const common = { tenant: TENANT, created_at: 1 };
    await writer
      .insertInto('api_key')
      .values({ ...common, id: 'key_1', name: 'k', scopes: '[]', sha256: 'd', ...NEVER, expires_at: null })
      .execute();
    await writer
      .insertInto('run')
      .values({
        ...{ ...common, id: 'run_1', mode: 'scheduled', name: '"\\u0000"', base_model: null },
        ...{
          base_model_sha256: null,
          request: '{}',
          plan: '{}',
          checkpoints: 1,
          step: 9_007_199_254_740_991,
        },
      })
      .execute();
    await writer
      .insertInto('checkpoint')
      .values({
        ...{ run: 'run_1', sequence: 1, step: 1, superseded_by: null, job: null, source_adapter: null },
        ...{ source_digest: 'd', modules_sha256: modules.sha256, modules_content: ids.get(modules.sha256)! },
        ...{ optimizer_sha256: null, facts: '{}', created_at: 1 },
      })
      .execute();
    const work = { tenant: TENANT, key: 'k', step: 'work' as const, priority: 1, work_bytes: 1 };
    const execution = newExecution(work);
    await insertExecutions(writer, [{ ...execution, outcome: '{}' }]);
    for (const [id, finished_at] of [['job_1', 2] as const, ['job_2', null] as const]) {
      await writer
        .insertInto('job')
        .values({
          ...{
            ...common,
            id,
            kind: 'squeeze',
            state: finished_at ? ('succeeded' as const) : ('queued' as const),
            priority: 'normal',
          },
          ...{ labels: '{}', batch: null, retry_of: null, ttl_seconds: null, started_at: null },
          ...{
            finished_at,
            expires_at: null,
            attempts: 0,
            execution: execution.id,
            work_execution: null,
            request: '{}',
          },
          ...{ reuse: 1, reused: 0, encrypted_request: 'encrypted', outcome: null },
        })
        .execute();
      await writer
        .insertInto('job_label')
        .values({ tenant: TENANT, name: 'n', text: '"t"', job: id })
        .execute();
      await writer
        .insertInto('job_source')
        .values({ tenant: TENANT, adapter: adapters[0]!, job: id, finished_at })
        .execute();
    }
    await addUsage(writer, TENANT, { jobs: 2 });
    await writer
      .insertInto('job_file')
      .values({ job: 'job_1', content: ids.get(report.sha256)!, sha256: report.sha256, role: 'report' })
      .execute();
    await writer
      .insertInto('batch')
      .values({
        ...{
          ...common,
          id: 'batch_1',
          labels: '{}',
          retry_of: null,
          ttl_seconds: null,
          jobs: 1,
          succeeded: 1,
        },
        ...{
          partial: 0,
          failed: 0,
          cancelled: 0,
          accepted_at: 1,
          opened_at: 1,
          cancelled_at: null,
          finished_at: 2,
          expires_at: null,
        },
      })
      .execute();
    await writer
      .insertInto('batch_label')
      .values({ tenant: TENANT, name: 'n', text: '"t"', batch: 'batch_1' })
      .execute();
    await writer
      .insertInto('batch_member')
      .values({
        ...{ batch: 'batch_1', job: 'job_1', position: 0, kind: 'squeeze', adapter: null, retry_of: null },
        ...{ state: 'succeeded', finished_at: 2, error_code: null, error_detail: null, results: '[]' },
        ...{ name: '"n"', source: null, encrypted: null, request: '{}' },
      })
      .execute();
    await writer
      .insertInto('connection')
      .values({
        ...{ ...common, id: 'conn_1', name: 'models', kind: 's3', settings: '{}' },
        ...{ credentials: 'encrypted', updated_at: 2 },
      })
      .execute();
    await writer
      .insertInto('webhook')
      .values({
        ...common,
        id: 'wh_1',
        of_request: 0,
        encrypted_url: null,
        settings: '{}',
        disabled_reason: null,
        secret: 's',
        ...NO_SECRET,
      })
      .execute();
    await writer
      .insertInto('delivery')
      .values({
        ...{
          ...common,
          webhook: 'wh_1',
          id: 'dl_1',
          type: 'job.succeeded',
          subject: 'job_1',
          state: 'pending',
        },
        ...{ attempts: '[]', attempts_made: 0, attempts_before: 0, next_attempt_at: 5, payload: '{}' },
      })
      .execute();
    await writer
      .insertInto('event')
      .values({
        ...{ place: 2_000, tenant: TENANT, type: 'job.succeeded', job: 'job_1', batch: null },
        ...{ labels: '{}', body: '{}' },
      })
      .execute();
    await writer.insertInto('event_horizon').values({ tenant: TENANT, removed_through: 1_000 }).execute();
    for (const [key, answer] of [['done', '{}'] as const, ['in progress', null] as const])
      await writer
        .insertInto('idempotency')
        .values({
          tenant: TENANT,
          key,
          owner: 'o',
          route: 'r',
          payload: null,
          answer,
          seed: 's',
          expires_at: 4e12,
        })
        .execute();
    await writer
      .insertInto('upload')
      .values({
        ...{ ...common, id: 'upload-1', file: 'f', filename: 'f', total_bytes: null, reserved_bytes: 1 },
        ...{ received_bytes: 1, metadata: '{}', sha256: null, touched_at: 1 },
      })
      .execute();
    await writer
      .insertInto('upload_lock')
      .values({ tenant: TENANT, id: 'upload-1', owner: 'o', expires_at: 4e12, wanted: 0 })
      .execute();
  });
  return { adapters };
}

const NEVER = { revoked_at: null, last_used_at: null };
const NO_SECRET = { previous_secret: null, previous_secret_expires_at: null };

/** Everything that a backup contains of a database, table by table. */
export const everyRow = (database: Database): Promise<Record<string, SavedRow[]>> =>
  database.snapshot(async (reader) => {
    const tables: Record<string, SavedRow[]> = {};
    for (const name of SAVED_TABLES) {
      tables[name] = [];
      for await (const rows of savedRows(reader, name)) tables[name].push(...rows.map(plain));
    }
    return tables;
  });

/** Each dialect returns bytes as another class. */
const plain = (row: SavedRow): SavedRow =>
  Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value,
    ]),
  );
