import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { IncomingFile } from '../../../src/adapter/digested-file.ts';
import type { CheckpointRecord } from '../../../src/contract/run.ts';
import { DEFAULT_TENANT } from '../../../src/contract/tenant-id.ts';
import type { Database } from '../../../src/database/database.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import { readContent } from '../../../src/resources/contents/content-files.ts';
import { OPTIMIZER_FILE } from '../../../src/resources/runs/checkpoint-upload.ts';
import { removeRun } from '../../../src/resources/runs/remove-run.ts';
import type { RunService } from '../../../src/resources/runs/service.ts';
import { type Workspace, Workspaces } from '../../../src/resources/workspaces.ts';
import type { BlobStore } from '../../../src/storage/blob-store.ts';
import { DiskStore } from '../../../src/storage/disk-store.ts';
import { onEachDialect, sqliteIn } from '../../database/dialects.ts';
import { momentsOf } from '../../http/checkpoint-form.ts';
import { MemoryQueue } from '../../http/memory-queue.ts';
import { CONFIG, tinyAdapter, WEIGHTS } from '../../http/tiny-adapter.ts';
import { crashAfterWrites, SimulatedCrash } from '../crashing-stores.ts';
import { executionsIn } from '../jobs/executions/sample-work.ts';
import { FakeWorker, NO_DISPATCHER } from '../jobs/fake-worker.ts';
import { jobIds, jobsIn, unfinished } from '../jobs/job-rows.ts';
import { assertReadable, HOUR_MS, MAX_WRITE_MS, StorageBench } from '../sweeps/storage-bench.ts';

const REQUEST = {
  schedule: { source_rank: 8, target_rank: 2, total_steps: 1000, recipe: 'equal', min_stage_steps: 100 },
} as const;

/** The storage and the database of a process. */
interface Ground {
  readonly store: BlobStore;
  readonly database: Database;
}

const workspaceOn = (ground: Ground): Workspace =>
  new Workspaces({ ...ground, queue: new MemoryQueue(), dispatcher: NO_DISPATCHER }).of(DEFAULT_TENANT);

const processOn = (ground: Ground): RunService => workspaceOn(ground).runs;

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
    await work({ store, database });
  } finally {
    await store.close();
  }
}

/** What sweeps see: everything of all tenants. */
const benchOn = ({ store, database }: Ground) => new StorageBench(store, database);

/** Large enough for its files to be in the storage. */
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
  const upload = { step: 334, rewind: false, loss: null, files: await arrived(store) };
  return (await runs.add(runId, upload)).record;
}

describe('a process that dies while it accepts a checkpoint', () => {
  it('loses nothing, whatever its last write was: repeating the request gives one checkpoint and one job', async () => {
    let needed = 0;
    for (let life = 0; ; life++) {
      await onSqlite(async (ground) => {
        const { database } = ground;
        const { id } = await processOn(ground).create(REQUEST);
        const dying = crashAfterWrites(ground, life);
        const first = await send(processOn(dying), ground, id).catch((error: unknown) => {
          assert.ok(error instanceof SimulatedCrash, String(error));
          return undefined;
        });
        if (first) needed = dying.writes();
        const survivor = processOn(ground);
        const record = await send(survivor, ground, id);
        assert.deepEqual([record.decision, record.state], ['squeeze', 'queued'], `after ${life} writes`);
        if (first) assert.equal(record.job_id, first.job_id);
        const run = await survivor.get(id);
        assert.equal(run.checkpoints.length, 1);
        const jobs = await unfinished(jobsIn(database));
        assert.deepEqual(jobs, [record.job_id]);
        // What the job needs was durable before.
        const job = (await jobsIn(database).get(record.job_id!))!;
        assert.ok(job.request.kind === 'checkpoint' && job.request.optimizer);
        const bench = benchOn(ground);
        const moments = (await bench.own.jobStore.file(job.id, 'optimizer'))!;
        assert.equal(moments.sha256, job.request.optimizer.sha256);
        const stored = await readContent(bench.own.store, moments);
        assert.ok(Buffer.from(stored).equals(momentsOf(SHAPE)));
        await assertReadable(bench.own, job.request.adapter_id);
        // The content left by the dead process is found.
        await bench.sweeper().sweep(Date.now() + 1.1 * MAX_WRITE_MS);
        await bench.assertTidy();
        await assertReadable(bench.own, job.request.adapter_id);
        assert.equal((await database.reader.selectFrom('adapter').select('id').execute()).length, 1);
      });
      if (needed > 0) break;
    }
    assert.equal(needed, 4, 'the write, weights, moments, checkpoint with adapter and job');
  });
});

onEachDialect('several processes with one run', (database, folder) => {
  const withRun = (work: (ground: Ground, runId: string) => Promise<void>) =>
    onDisk(folder(), database(), async (ground) => {
      const { id } = await processOn(ground).create(REQUEST);
      await work(ground, id);
    });

  it('agree on one log, whichever is faster', async () => {
    await withRun(async (ground, id) => {
      const sent = await Promise.allSettled(
        [1, 2, 3, 4, 5, 6].map(async (seed) => {
          const files = await arrived(ground.store, Math.ceil(seed / 2));
          return processOn(ground).add(id, { step: 334, rewind: false, loss: null, files });
        }),
      );
      const accepted = sent.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      assert.equal(accepted.length, 2, 'the same one twice; two others refused');
      assert.deepEqual(accepted.map(({ created }) => created).sort(), [false, true]);
      for (const one of sent) {
        if (one.status === 'rejected')
          assert.ok(one.reason instanceof AppError && one.reason.code === 'CHECKPOINT_CONFLICT');
      }
      assert.equal((await executionsIn(ground.database)).length, 1);
      const bench = benchOn(ground);
      // Content written in vain is removed when the write can no longer complete.
      await bench.sweeper().sweep(Date.now() + HOUR_MS);
      await bench.assertTidy();
      await bench.assertWhole();
    });
  });

  it('store only the list of modules of a kept checkpoint', async () => {
    await withRun(async (ground, id) => {
      const bench = benchOn(ground);
      for (const step of [1, 2]) {
        const files = await arrived(ground.store, step);
        const { record, created, upload } = await processOn(ground).add(id, {
          step,
          rewind: false,
          loss: null,
          files,
        });
        assert.deepEqual([record.decision, record.source_adapter_id], ['keep', null]);
        assert.deepEqual([created, upload], [true, 'unneeded']);
        const again = await arrived(ground.store, step);
        const same = await processOn(ground).add(id, { step, rewind: false, loss: null, files: again });
        assert.deepEqual([same.created, same.upload], [false, 'known']);
        const other = { step, rewind: false, loss: null, files: await arrived(ground.store, 7) };
        await assert.rejects(processOn(ground).add(id, other), { code: 'CHECKPOINT_CONFLICT' });
      }
      assert.deepEqual(await bench.objects(), []);
      assert.equal((await bench.contents()).length, 1);
      const adapters = await ground.database.reader.selectFrom('adapter').select('id').execute();
      assert.deepEqual(adapters, []);
      await bench.assertTidy();
    });
  });

  it('accept one of several simultaneous steps; the others are pending or out of order', async () => {
    await withRun(async (ground, id) => {
      const sent = await Promise.allSettled(
        [340, 350, 360, 370, 380].map(async (step) => {
          const files = await arrived(ground.store);
          return processOn(ground).add(id, { step, rewind: false, loss: null, files });
        }),
      );
      const refused = sent.flatMap((one) => (one.status === 'rejected' ? [one.reason.code] : []));
      assert.equal(refused.length, 4, String(refused));
      for (const code of refused) assert.match(code, /^CHECKPOINT_(PENDING|OUT_OF_ORDER)$/);
      assert.equal((await processOn(ground).get(id)).checkpoints.length, 1);
    });
  });

  it('rewind one after the other: each replaces the previous one', async () => {
    await withRun(async (ground, id) => {
      await Promise.all(
        [1, 2, 3, 4].map(async (seed) => {
          const files = await arrived(ground.store, seed);
          return processOn(ground).add(id, { step: 300 + 10 * seed, rewind: true, loss: null, files });
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

  it('remove it, or accept a checkpoint of it: never both', async () => {
    for (let round = 0; round < 10; round++) {
      await withRun(async (ground, id) => {
        const space = workspaceOn(ground);
        const files = await arrived(ground.store);
        const [added, removed] = await Promise.allSettled([
          processOn(ground).add(id, { step: 334, rewind: false, loss: null, files }),
          delay(round).then(() => removeRun(space, id)),
        ]);
        if (removed.status === 'fulfilled') {
          assert.ok(added.status === 'rejected' && added.reason.code === 'RUN_NOT_FOUND');
          const { reader } = ground.database;
          const jobs = reader.selectFrom('job').select('id').where('request', 'like', `%"run_id":"${id}"%`);
          assert.deepEqual(await jobs.execute(), []);
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
  it('is accepted once, with the timestamp of its checkpoint, and determines its state', async () => {
    await onSqlite(async (ground) => {
      const { database } = ground;
      const runs = processOn(ground);
      const { id } = await runs.create(REQUEST);
      const { job_id } = await send(runs, ground, id);
      assert.equal((await runs.checkpoint(id, 334)).state, 'queued');
      const worker = new FakeWorker(ground);
      await worker.begin(job_id!);
      assert.equal((await runs.checkpoint(id, 334)).state, 'active');
      assert.equal((await send(runs, ground, id)).job_id, job_id);
      const { created_at } = await worker.end(job_id!, 'cancelled');
      assert.ok(Math.abs(Date.parse(created_at) - Date.now()) < 60_000);
      assert.equal((await runs.checkpoint(id, 334)).state, 'cancelled');
      assert.deepEqual(await jobIds(database), [job_id]);
    });
  });
});
