import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { IncomingFile } from '../../../src/adapter/digested-file.ts';
import type { AdapterRecord } from '../../../src/contract/adapter.ts';
import type { JobRecord } from '../../../src/contract/job.ts';
import { DEFAULT_TENANT } from '../../../src/contract/tenant-id.ts';
import type { Database } from '../../../src/database/database.ts';
import { newJobId } from '../../../src/database/ids.ts';
import { Metrics } from '../../../src/metrics/metrics.ts';
import type { AdapterSettings } from '../../../src/resources/adapters/service.ts';
import { contentKey } from '../../../src/resources/contents/content-files.ts';
import { acceptedJob } from '../../../src/resources/jobs/accepted-job.ts';
import { Sweeper, type SweeperOptions } from '../../../src/resources/sweeper.ts';
import { type Workspace, Workspaces } from '../../../src/resources/workspaces.ts';
import type { BlobStore } from '../../../src/storage/blob-store.ts';
import { DiskStore } from '../../../src/storage/disk-store.ts';
import { contentOf } from '../../conformance/blob-store.ts';
import { MemoryQueue } from '../../http/memory-queue.ts';
import { CONFIG, type TinyAdapter, tinyAdapter, WEIGHTS } from '../../http/tiny-adapter.ts';
import { type FakeOutcome, FakeWorker, NO_DISPATCHER } from '../jobs/fake-worker.ts';
import { withoutReuse } from '../jobs/job-rows.ts';

export const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const EVENTS_KEPT = { keptMs: DAY_MS, maxEvents: 1_000 };
/** No write takes so long. */
export const MAX_WRITE_MS = 3 * DAY_MS;

/** An adapter whose weights are too large for the database; another `seed` gives other content. */
export const largeAdapter = (seed = 1): TinyAdapter => tinyAdapter(seed, { rank: 8, m: 320, n: 320 });

/** A storage with workspaces, and everything else that a test of sweeps needs. */
export class StorageBench {
  readonly store: BlobStore;
  readonly database: Database;
  readonly queue = new MemoryQueue();
  readonly metrics = new Metrics({ version: '1.2.3' });
  readonly workspaces: Workspaces;
  /** No work is done unless the test does it. */
  readonly worker: FakeWorker;
  /** Of the default tenant. */
  readonly own: Workspace;

  constructor(store: BlobStore, database: Database) {
    this.store = store;
    this.database = database;
    const { observer } = this.metrics;
    const parts = { store, database, dispatcher: NO_DISPATCHER, observer };
    this.workspaces = new Workspaces({ ...parts, queue: this.queue });
    this.worker = new FakeWorker(parts);
    this.own = this.workspaces.of(DEFAULT_TENANT);
  }

  sweeper(options: Partial<SweeperOptions> = {}): Sweeper {
    return new Sweeper({
      workspaces: this.workspaces,
      graceMs: HOUR_MS,
      eventRetention: EVENTS_KEPT,
      ...options,
    });
  }

  /** The workspace of another tenant, which is created. */
  async other(tenant = 'other'): Promise<Workspace> {
    await this.workspaces.tenants.put(tenant, {});
    return this.workspaces.of(tenant);
  }

  /** Files of an adapter as an upload leaves them, in a folder that is removed after the work. */
  async arrived<T>(
    adapter: TinyAdapter,
    work: (files: IncomingFile[]) => Promise<T>,
    others: Readonly<Record<string, Uint8Array>> = {},
  ): Promise<T> {
    const folder = await this.store.makeScratch();
    try {
      return await work(await incoming(folder, adapter, others));
    } finally {
      await rm(folder, { recursive: true });
    }
  }

  register(
    adapter: TinyAdapter = tinyAdapter(),
    { space = this.own, keeping = {} as AdapterSettings } = {},
  ): Promise<AdapterRecord> {
    return this.arrived(adapter, (files) => space.adapters.register(files, keeping));
  }

  /** A job as it is accepted, which reads no adapter unless the change names one. */
  accepted(change: Partial<JobRecord> = {}): JobRecord {
    const source = { kind: 'url', place: 'https://models.example/a.safetensors', encrypted: 'x' } as const;
    return { ...acceptedJob(newJobId(Date.now()), { kind: 'import', source }), ...change };
  }

  /** A job that was accepted and has succeeded with its results, unless it must be unfinished. */
  async job(
    change: Partial<JobRecord> = {},
    { space = this.own, isFinal = true, made = { results: [] } as FakeOutcome } = {},
  ): Promise<JobRecord> {
    const accepted = this.accepted(change);
    await space.jobStore.accept(withoutReuse(accepted));
    return isFinal ? this.worker.succeed(accepted.id, made) : accepted;
  }

  /** Keys of all content in the storage. */
  objects(): Promise<string[]> {
    return this.store.list('content/');
  }

  /** All recorded content, in any state. */
  contents() {
    return this.database.reader.selectFrom('content').selectAll().orderBy('id').execute();
  }

  writes() {
    return this.database.reader.selectFrom('content_write').selectAll().execute();
  }

  /** Fails unless every file of every adapter can be read completely. */
  async assertWhole(): Promise<void> {
    const rows = await this.database.reader.selectFrom('adapter').select(['id', 'tenant']).execute();
    for (const { id, tenant } of rows) await assertReadable(this.workspaces.of(tenant), id);
  }

  /** Fails unless the storage has content for every reference, and nothing else. */
  async assertTidy(): Promise<void> {
    const { reader } = this.database;
    const referring = [
      ...(await reader.selectFrom('adapter_file').select('content').execute()),
      ...(await reader.selectFrom('job_file').select('content').execute()),
      ...(await reader.selectFrom('checkpoint').select('modules_content as content').execute()),
    ].map(({ content }) => content);
    const contents = await this.contents();
    const ids = contents.map(({ id }) => id);
    assert.deepEqual(ids, [...new Set(referring)].sort(), 'content without anybody who refers to it');
    assert.deepEqual(
      contents.filter(({ state }) => state !== 'stored'),
      [],
    );
    const stored = contents.filter(({ inline }) => inline === null).map(({ id }) => contentKey(id));
    assert.deepEqual(await this.objects(), stored.sort(), 'what lies in the storage');
    assert.deepEqual(await this.writes(), []);
  }
}

/** Fails unless every file of an adapter can be read completely. */
export async function assertReadable({ adapters }: Workspace, id: string): Promise<void> {
  for (const { name, sha256 } of (await adapters.get(id)).files) {
    const { stream } = await adapters.readFile(id, name);
    assert.equal(digestOf(await contentOf(stream)), sha256, `${name} of ${id}`);
  }
}

/** A bench with a folder and a database. */
export async function withBench(
  database: Database,
  folder: string,
  work: (bench: StorageBench) => Promise<void>,
): Promise<void> {
  const store = await DiskStore.open(join(folder, 'storage'));
  try {
    await work(new StorageBench(store, database));
  } finally {
    await store.close();
  }
}

export const digestOf = (content: string | Uint8Array): string =>
  createHash('sha256').update(content).digest('hex');

/** An adapter's files as an upload leaves them. */
export async function incoming(
  folder: string,
  { weights, config }: TinyAdapter,
  others: Readonly<Record<string, Uint8Array>> = {},
): Promise<IncomingFile[]> {
  return Promise.all(
    Object.entries({ [WEIGHTS]: weights, [CONFIG]: config, ...others }).map(async ([name, content]) => {
      const path = join(folder, name);
      await writeFile(path, content);
      return { name, path, sha256: digestOf(content), bytes: content.length };
    }),
  );
}
