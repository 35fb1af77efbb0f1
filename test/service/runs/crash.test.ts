import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { CheckpointRecord } from '../../../src/contract/run.ts';
import type { Database } from '../../../src/database/database.ts';
import { AppError } from '../../../src/errors.ts';
import { AdapterService, type IncomingFile } from '../../../src/service/adapter-service.ts';
import { bytesOf } from '../../../src/service/content/content-files.ts';
import { JobService } from '../../../src/service/job-service.ts';
import { removeRun } from '../../../src/service/retention/remove-run.ts';
import { OPTIMIZER_FILE } from '../../../src/service/runs/checkpoint-upload.ts';
import { RunService } from '../../../src/service/runs/run-service.ts';
import { RunStore } from '../../../src/service/runs/run-store.ts';
import { DEFAULT_TENANT } from '../../../src/service/tenants/tenant-id.ts';
import { Workspaces } from '../../../src/service/workspaces.ts';
import type { BlobStore } from '../../../src/storage/blob-store.ts';
import { DiskStore } from '../../../src/storage/disk-store.ts';
import { onEachDialect, sqliteIn } from '../../database/dialects.ts';
import { momentsOf } from '../../http/checkpoint-form.ts';
import { MemoryQueue } from '../../http/memory-queue.ts';
import { CONFIG, tinyAdapter, WEIGHTS } from '../../http/tiny-adapter.ts';
import { endOf, jobsIn, unfinished } from '../job-rows.ts';
import { Died, mortal } from '../mortal.ts';
import { assertReadable, HOUR_MS, LONGEST_WRITE_MS, StorageBench } from '../retention/storage-bench.ts';

const REQUEST = {
  schedule: { source_rank: 8, target_rank: 2, total_steps: 1000, recipe: 'equal', min_stage_steps: 100 },
} as const;

/** What a process of the service stands on. */
interface Ground {
  readonly store: BlobStore;
  readonly database: Database;
  readonly queue: MemoryQueue;
}

/** Dies before its n-th write, and does nothing from then on. Counts the writes it lets through. */
function dyingOn(alive: Ground, lifeInWrites: number): { ground: Ground; writes: () => number } {
  const { store, database, count, writes } = mortal(alive, lifeInWrites);
  const queue: MemoryQueue = Object.assign(Object.create(alive.queue) as MemoryQueue, {
    add: async (jobId: string) => {
      count();
      return alive.queue.add(jobId);
    },
  });
  return { ground: { store, database, queue }, writes };
}

function processOn({ store, database, queue }: Ground): RunService {
  const jobStore = jobsIn(database);
  const adapters = new AdapterService(database, store, DEFAULT_TENANT);
  const jobs = new JobService({ blobs: store, jobStore, adapters, queue, tenant: DEFAULT_TENANT });
  const runs = new RunStore(database, DEFAULT_TENANT);
  return new RunService({ database, runs, blobs: store, adapters, jobs, jobStore });
}

async function onSqlite(work: (ground: Ground) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'ls-runs-'));
  const database = await sqliteIn(folder);
  try {
    await onDisk(folder, database, work);
  } finally {
    await database.close();
    await rm(folder, { recursive: true });
  }
}

async function onDisk(
  folder: string,
  database: Database,
  work: (ground: Ground) => Promise<void>,
): Promise<void> {
  const store = await DiskStore.open(folder);
  try {
    await work({ store, database, queue: new MemoryQueue() });
  } finally {
    await store.close();
  }
}

/** What sweeps see: everything of all tenants. */
const benchOn = ({ store, database }: Ground) => new StorageBench(store, database);

/** So large that its files lie in the storage. */
const SHAPE = { rank: 8, m: 320, n: 320 };

/** The files of a checkpoint as an upload leaves them in a scratch folder. */
async function arrived(store: BlobStore, seed = 1): Promise<IncomingFile[]> {
  const folder = await store.makeScratch();
  const { weights, config } = tinyAdapter(seed, SHAPE);
  return Promise.all(
    Object.entries({ [WEIGHTS]: weights, [CONFIG]: config, [OPTIMIZER_FILE]: momentsOf(SHAPE) }).map(
      async ([name, content]) => {
        const path = join(folder, name);
        await writeFile(path, content);
        const sha256 = createHash('sha256').update(content).digest('hex');
        return { name, path, sha256, bytes: content.length };
      },
    ),
  );
}

async function send(runs: RunService, { store }: Ground, runId: string): Promise<CheckpointRecord> {
  const upload = { step: 334, rewind: false, files: await arrived(store) };
  return (await runs.add(runId, upload)).record;
}

describe('a process that dies while it takes a checkpoint', () => {
  it('loses nothing, whatever its last write was: sent again, there is one checkpoint and one job', async () => {
    let needed = 0;
    for (let life = 0; ; life++) {
      await onSqlite(async (ground) => {
        const { database, queue } = ground;
        const { id } = await processOn(ground).create(REQUEST);
        const dying = dyingOn(ground, life);
        const first = await send(processOn(dying.ground), ground, id).catch((error: unknown) => {
          assert.ok(error instanceof Died, String(error));
          return undefined;
        });
        if (first) needed = dying.writes();
        const survivor = processOn(ground);
        const record = await send(survivor, ground, id);
        assert.deepEqual([record.decision, record.state], ['squeeze', 'queued'], `after ${life} writes`);
        if (first) assert.equal(record.job_id, first.job_id);
        const run = await survivor.get(id);
        assert.equal(run.checkpoints.length, 1);
        assert.deepEqual([...queue.jobs.keys()], [record.job_id]);
        const jobs = await unfinished(jobsIn(database));
        assert.deepEqual(jobs, [record.job_id]);
        // What the job needs was durable before it.
        const job = (await jobsIn(database).get(record.job_id!))!;
        assert.ok(job.request.kind === 'checkpoint' && job.request.optimizer);
        const bench = benchOn(ground);
        const moments = (await bench.own.jobStore.file(job.id, 'optimizer'))!;
        assert.equal(moments.sha256, job.request.optimizer.sha256);
        const stored = await bytesOf(bench.own.store, moments);
        assert.ok(Buffer.from(stored).equals(momentsOf(SHAPE)));
        await assertReadable(bench.own, job.request.adapter_id);
        // What the dead one left is found.
        await bench.sweeper().sweep(Date.now() + 1.1 * LONGEST_WRITE_MS);
        await bench.assertTidy();
        await assertReadable(bench.own, job.request.adapter_id);
        assert.equal((await database.reader.selectFrom('adapter').select('id').execute()).length, 1);
      });
      if (needed > 0) break;
    }
    assert.equal(needed, 5, 'the write, weights, moments, checkpoint with adapter and job, queue');
  });

  it('has its job queued by anyone who only looks', async () => {
    await onSqlite(async (ground) => {
      const { queue } = ground;
      const { id } = await processOn(ground).create(REQUEST);
      // That it is queued is what is missing.
      const dying = dyingOn(ground, 4);
      await assert.rejects(send(processOn(dying.ground), ground, id), Died);
      assert.equal(queue.jobs.size, 0);
      const { checkpoints } = await processOn(ground).get(id);
      assert.deepEqual([...queue.jobs.keys()], [checkpoints[0]!.job_id]);
    });
  });
});

onEachDialect('several processes with one run', (database, folder) => {
  const withRun = (work: (ground: Ground, runId: string) => Promise<void>) =>
    onDisk(folder(), database(), async (ground) => {
      const { id } = await processOn(ground).create(REQUEST);
      await work(ground, id);
    });

  it('agree on one log, whoever is faster', async () => {
    await withRun(async (ground, id) => {
      const sent = await Promise.allSettled(
        [1, 2, 3, 4, 5, 6].map(async (seed) => {
          const files = await arrived(ground.store, Math.ceil(seed / 2));
          return processOn(ground).add(id, { step: 334, rewind: false, files });
        }),
      );
      const accepted = sent.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      assert.equal(accepted.length, 2, 'the same one twice; two others refused');
      assert.deepEqual(accepted.map(({ created }) => created).sort(), [false, true]);
      for (const one of sent) {
        if (one.status === 'rejected')
          assert.ok(one.reason instanceof AppError && one.reason.code === 'CHECKPOINT_CONFLICT');
      }
      assert.equal(ground.queue.jobs.size, 1);
      const bench = benchOn(ground);
      // What came to nothing goes when nothing of it can come any more.
      await bench.sweeper().sweep(Date.now() + HOUR_MS);
      await bench.assertTidy();
      await bench.assertWhole();
    });
  });

  it('store nothing of what is kept but its list of modules', async () => {
    await withRun(async (ground, id) => {
      const bench = benchOn(ground);
      for (const step of [1, 2]) {
        const files = await arrived(ground.store, step);
        const { record, created, upload } = await processOn(ground).add(id, { step, rewind: false, files });
        assert.deepEqual([record.decision, record.source_adapter_id], ['keep', null]);
        assert.deepEqual([created, upload], [true, 'unneeded']);
        const again = await arrived(ground.store, step);
        const same = await processOn(ground).add(id, { step, rewind: false, files: again });
        assert.deepEqual([same.created, same.upload], [false, 'known']);
        const other = { step, rewind: false, files: await arrived(ground.store, 7) };
        await assert.rejects(processOn(ground).add(id, other), { code: 'CHECKPOINT_CONFLICT' });
      }
      assert.deepEqual(await bench.objects(), []);
      assert.equal((await bench.contents()).length, 1);
      const adapters = await ground.database.reader.selectFrom('adapter').select('id').execute();
      assert.deepEqual(adapters, []);
      await bench.assertTidy();
    });
  });

  it('take one of several steps that come at once; the others are pending or out of order', async () => {
    await withRun(async (ground, id) => {
      const sent = await Promise.allSettled(
        [340, 350, 360, 370, 380].map(async (step) => {
          const files = await arrived(ground.store);
          return processOn(ground).add(id, { step, rewind: false, files });
        }),
      );
      const refused = sent.flatMap((one) => (one.status === 'rejected' ? [one.reason.code] : []));
      assert.equal(refused.length, 4, String(refused));
      for (const code of refused) assert.match(code, /^CHECKPOINT_(PENDING|OUT_OF_ORDER)$/);
      assert.equal((await processOn(ground).get(id)).checkpoints.length, 1);
    });
  });

  it('rewind one after the other: each takes the place of the one before', async () => {
    await withRun(async (ground, id) => {
      await Promise.all(
        [1, 2, 3, 4].map(async (seed) => {
          const files = await arrived(ground.store, seed);
          return processOn(ground).add(id, { step: 300 + 10 * seed, rewind: true, files });
        }),
      );
      const { checkpoints } = await processOn(ground).get(id);
      const steps = checkpoints.filter(({ superseded }) => !superseded).map(({ step }) => step);
      assert.deepEqual(
        steps,
        [...steps].sort((x, y) => x - y),
        'what counts rises',
      );
      assert.equal(steps.at(-1), checkpoints.at(-1)!.step, 'the last word counts');
    });
  });

  it('remove it, or take a checkpoint of it: never both', async () => {
    for (let round = 0; round < 10; round++) {
      await withRun(async (ground, id) => {
        const space = new Workspaces(ground.store, ground.database, ground.queue).of(DEFAULT_TENANT);
        const files = await arrived(ground.store);
        const [added, removed] = await Promise.allSettled([
          processOn(ground).add(id, { step: 334, rewind: false, files }),
          delay(round).then(() => removeRun(space, id)),
        ]);
        if (removed.status === 'fulfilled') {
          assert.ok(added.status === 'rejected' && added.reason.code === 'RUN_NOT_FOUND');
          assert.equal(ground.queue.jobs.size, 0);
        } else {
          assert.equal(removed.reason.code, 'RUN_IN_USE');
          assert.equal(added.status, 'fulfilled');
          assert.equal((await space.runStore.log({ id })).length, 1);
        }
      });
    }
  });
});

describe('the job of a checkpoint', () => {
  it('is accepted once, queued again when it was lost, and left alone when it is over', async () => {
    await onSqlite(async (ground) => {
      const { database, queue } = ground;
      const runs = processOn(ground);
      const { id } = await runs.create(REQUEST);
      const { job_id } = await send(runs, ground, id);
      queue.jobs.clear();
      assert.equal((await runs.checkpoint(id, 334)).state, 'queued');
      assert.ok(queue.jobs.has(job_id!), 'lost by Redis, queued by whoever looks');
      const jobs = jobsIn(database);
      const job = (await jobs.get(job_id!))!;
      assert.ok(Math.abs(Date.parse(job.created_at) - Date.now()) < 60_000);
      await jobs.finish(endOf(job, { state: 'cancelled' }));
      queue.jobs.clear();
      assert.equal((await runs.checkpoint(id, 334)).state, 'cancelled');
      assert.equal(queue.jobs.size, 0);
    });
  });
});
