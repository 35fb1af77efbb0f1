import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AdapterRecord } from '../../../src/contract/adapter.ts';
import type { JobRecord } from '../../../src/contract/job.ts';
import type { Database } from '../../../src/database/database.ts';
import { acceptedJob } from '../../../src/service/accepted-job.ts';
import type { IncomingFile, Keeping, Lineage } from '../../../src/service/adapter-service.ts';
import { blobKey, idOfKey, newJobId } from '../../../src/service/layout.ts';
import { Sweeper, type SweeperOptions } from '../../../src/service/retention/sweeper.ts';
import { DEFAULT_TENANT } from '../../../src/service/tenants/tenant-id.ts';
import { type Workspace, Workspaces } from '../../../src/service/workspaces.ts';
import type { BlobStore } from '../../../src/storage/blob-store.ts';
import { DiskStore } from '../../../src/storage/disk-store.ts';
import { sqliteIn } from '../../database/dialects.ts';
import { MemoryQueue } from '../../http/memory-queue.ts';
import { CONFIG, type TinyAdapter, tinyAdapter, WEIGHTS } from '../../http/tiny-adapter.ts';

export const HOUR_MS = 3_600_000;

/** A storage with workspaces over it, and what else a test of sweeps needs. */
export class StorageBench {
  readonly store: BlobStore;
  readonly queue = new MemoryQueue();
  readonly workspaces: Workspaces;
  /** Of the default tenant. */
  readonly own: Workspace;

  constructor(store: BlobStore, database: Database) {
    this.store = store;
    this.workspaces = new Workspaces(store, database, this.queue);
    this.own = this.workspaces.of(DEFAULT_TENANT);
  }

  sweeper(options: Partial<SweeperOptions> = {}): Sweeper {
    return new Sweeper({ workspaces: this.workspaces, graceMs: HOUR_MS, ...options });
  }

  async register(
    adapter: TinyAdapter = tinyAdapter(),
    { space = this.own, lineage = null as Lineage | null, keeping = {} as Keeping } = {},
  ): Promise<{ record: AdapterRecord; created: boolean }> {
    const folder = await space.store.makeScratch();
    try {
      return await space.adapters.register(await incoming(folder, adapter), lineage, keeping);
    } finally {
      await rm(folder, { recursive: true });
    }
  }

  /** A job as it is accepted. */
  accepted(change: Partial<JobRecord> = {}): JobRecord {
    const work = { kind: 'analyze', adapter_id: `ad_${'0'.repeat(32)}` } as const;
    return { ...acceptedJob(newJobId(Date.now()), work), ...change };
  }

  /** A job that was accepted and, unless it shall be unfinished, has succeeded. */
  async job(change: Partial<JobRecord> = {}, { space = this.own, isFinal = true } = {}): Promise<JobRecord> {
    const accepted = this.accepted(change);
    await space.jobStore.accept([accepted]);
    if (!isFinal) return accepted;
    const finished_at = change.finished_at ?? new Date().toISOString();
    const record: JobRecord = { ...accepted, state: 'succeeded', finished_at };
    await space.jobStore.finish(record);
    return (await space.jobStore.get(record.id))!;
  }

  async blob(text: string): Promise<string> {
    const sha256 = digestOf(text);
    await this.store.put(blobKey(sha256), Buffer.from(text));
    return sha256;
  }

  /** Fails unless every file of every adapter is there, whole. */
  async assertWhole(space = this.own): Promise<void> {
    for (const key of await space.store.list('adapters/')) {
      const record = await space.adapters.find(idOfKey(key));
      for (const { sha256, bytes } of record?.files ?? [])
        assert.equal((await space.store.stat(blobKey(sha256)))?.bytes, bytes, `a file of ${key}`);
    }
  }
}

/** A bench over a folder of its own. */
export async function onDisk(work: (bench: StorageBench, root: string) => Promise<void>): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), 'sweep-'));
  const store = await DiskStore.open(root);
  const database = await sqliteIn(root);
  try {
    await work(new StorageBench(store, database), root);
  } finally {
    await database.close();
    await store.close();
    await rm(root, { recursive: true, force: true });
  }
}

/** Makes everything in the storage look as if it were written so long ago. */
export async function age(root: string, byMs = 2 * HOUR_MS): Promise<void> {
  const then = new Date(Date.now() - byMs);
  for (const path of readdirSync(root, { recursive: true, withFileTypes: true }))
    if (path.isFile()) await utimes(join(path.parentPath, path.name), then, then);
}

export const digestOf = (content: string | Uint8Array): string =>
  createHash('sha256').update(content).digest('hex');

/** An adapter's files as an upload leaves them. */
export async function incoming(folder: string, { weights, config }: TinyAdapter): Promise<IncomingFile[]> {
  return Promise.all(
    [[WEIGHTS, weights] as const, [CONFIG, config] as const].map(async ([name, content]) => {
      const path = join(folder, name);
      await writeFile(path, content);
      return { name, path, sha256: digestOf(content), bytes: content.length };
    }),
  );
}
