import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { copyFile, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { JobRecord } from '../../src/contract/job.ts';
import type { JobRequest } from '../../src/contract/job-request.ts';
import { AppError } from '../../src/errors.ts';
import { JobRecords } from '../../src/queue/job-records.ts';
import { adapterFilesIn, type JobDeps, runJob } from '../../src/queue/run-job.ts';
import type { Made } from '../../src/queue/task.ts';
import { acceptedJob, taken } from '../../src/service/accepted-job.ts';
import { AdapterService, type IncomingFile } from '../../src/service/adapter-service.ts';
import type { JobStore } from '../../src/service/job-store.ts';
import { adapterKey, newJobId, reportKey } from '../../src/service/layout.ts';
import { AdapterUses } from '../../src/service/retention/adapter-uses.ts';
import { DEFAULT_TENANT } from '../../src/service/tenants/tenant-id.ts';
import { tenantStore } from '../../src/service/workspaces.ts';
import type { OutputFile } from '../../src/squeeze/job-context.ts';
import type { RequestInput } from '../../src/squeeze/run-request.ts';
import type { BlobStore } from '../../src/storage/blob-store.ts';
import { DiskStore } from '../../src/storage/disk-store.ts';
import { sqliteIn } from '../database/dialects.ts';
import { jobsIn } from '../service/job-rows.ts';
import { makeAdapter, someModules } from '../squeeze/made-adapter.ts';
import { withFolder } from './harness.ts';
import { scriptedOutcome } from './scripted-outcome.ts';

const FILES = ['adapter_model.safetensors', 'adapter_config.json'];

interface Bench {
  readonly adapters: AdapterService;
  readonly jobs: JobStore;
  readonly blobs: BlobStore;
  /** Registers an adapter of this rank. */
  readonly upload: (rank: number) => Promise<string>;
  /** Runs a job whose work gives the files of an adapter of rank 1 for each target. */
  readonly run: (request: JobRequest, seen?: (input: RequestInput) => void) => Promise<JobRecord>;
}

/** A job's way over real storage; only the work is a script. */
function withJobs(work: (bench: Bench) => Promise<void>): Promise<void> {
  return withFolder(async (folder) => {
    const store = await DiskStore.open(folder);
    const blobs = tenantStore(store, DEFAULT_TENANT);
    const database = await sqliteIn(folder);
    const jobs = jobsIn(database);
    const adapters = new AdapterService(blobs, new AdapterUses(blobs, jobs));
    const records = new JobRecords(DEFAULT_TENANT, { store, database });
    try {
      await work({
        adapters,
        jobs,
        blobs,
        upload: async (rank) => {
          const dir = await blobs.makeScratch();
          return (await adapters.register(await filesOf(rank, dir), null)).record.id;
        },
        run: async (request, seen = () => {}) => {
          const record = accepted(request);
          await jobs.accept([record]);
          const deps: JobDeps = {
            blobs,
            adapterFiles: adapterFilesIn(blobs),
            onScratch: () => {},
            transfers: NO_TRANSFERS,
            work: async (input) => {
              seen(input);
              const outcome = scriptedOutcome(input);
              const files = await filesOf(1, input.scratchDir);
              return { ...outcome, targets: outcome.targets.map((target) => ({ ...target, files })) };
            },
          };
          const task = (await records.take(record.id))!;
          const made = await runJob(deps, task, {
            number: 1,
            isLast: false,
            startedAtMs: Date.now(),
            signal: new AbortController().signal,
            onProgress: () => {},
          });
          // As it comes from another process.
          await records.keep(JSON.parse(JSON.stringify(made)) as Made);
          return (await jobs.get(record.id))!;
        },
      });
    } finally {
      await store.close();
      await database.close();
    }
  });
}

async function filesOf(rank: number, dir: string): Promise<(IncomingFile & OutputFile)[]> {
  const made = makeAdapter(someModules(rank, 1), { base_model_name_or_path: 'base' });
  try {
    return await Promise.all(
      FILES.map(async (name) => {
        const path = join(dir, name);
        await copyFile(join(made.dir, name), path);
        const sha256 = createHash('sha256')
          .update(await readFile(path))
          .digest('hex');
        return { name, path, sha256, bytes: (await stat(path)).size };
      }),
    );
  } finally {
    made.remove();
  }
}

/** Requests that fetch or bring are tested in test/e2e/transfers.test.ts. */
const NO_TRANSFERS = {
  fetch: () => Promise.reject(new Error('nothing is fetched here')),
  bring: () => Promise.reject(new Error('nothing is brought here')),
};

const accepted = (request: JobRequest): JobRecord => acceptedJob(newJobId(Date.now()), taken(request).work);

const source = (adapter_id: string, weight = 1) => ({ adapter_id, weight });

describe('the work of a job', () => {
  it('is given every adapter of the request once, with what is known of it', () =>
    withJobs(async ({ upload, run, adapters }) => {
      const [x, y] = [await upload(2), await upload(3)];
      const sources = [source(x), source(y, -2), source(x, 0.5)];
      await run({ kind: 'merge', sources, targets: [{ rank: 1 }] }, (input) => {
        assert.deepEqual([...input.sources.keys()], [x, y]);
        const told = input.sources.get(y)!;
        assert.deepEqual([told.id, told.base_model], [y, 'base']);
        assert.match(told.weightsPath, /blobs/);
        assert.equal(JSON.parse(Buffer.from(told.configBytes!).toString('utf8')).r, 3);
      });
      const record = await adapters.get(y);
      await run({ kind: 'analyze', adapter_id: y }, (input) => {
        const told = input.sources.get(y)!;
        assert.equal(told.sha256, record.sha256);
        assert.ok(told.bytes < record.bytes, 'the weights only');
      });
    }));

  it('leads a result back to its one source, and to none where there are several', () =>
    withJobs(async ({ upload, run, adapters, blobs }) => {
      const [x, y] = [await upload(2), await upload(3)];
      const cases: [JobRequest, string | null][] = [
        [{ kind: 'squeeze', adapter_id: x, targets: [{ rank: 1 }] }, x],
        [{ kind: 'merge', sources: [source(y), source(y)], targets: [{ rank: 1 }] }, y],
        [{ kind: 'merge', sources: [source(x), source(y)], targets: [{ rank: 1 }] }, null],
      ];
      for (const [request, parent] of cases) {
        const job = await run(request);
        assert.equal(job.state, 'succeeded');
        const [result] = job.results;
        const record = await adapters.get(result!.adapter_id);
        assert.deepEqual([record.parent_id, record.job_id], [parent, job.id]);
        // The same content again would keep its first lineage.
        await blobs.remove(adapterKey(record.id));
      }
    }));

  it('may come to a report without results', () =>
    withJobs(async ({ upload, run, blobs }) => {
      const id = await upload(2);
      const before = await blobs.list('adapters/');
      const job = await run({ kind: 'analyze', adapter_id: id });
      assert.deepEqual(
        [job.state, job.kind, job.results, job.progress.phase],
        ['succeeded', 'analyze', [], 'done'],
      );
      const report = JSON.parse(Buffer.from((await blobs.get(reportKey(job.id)))!).toString('utf8'));
      assert.deepEqual([report.kind, report.targets, report.timings], ['analyze', [], job.timings]);
      assert.deepEqual(await blobs.list('adapters/'), before);
    }));

  it('does not begin when an adapter has gone, and leaves no folder behind', () =>
    withJobs(async ({ upload, run, blobs }) => {
      const id = await upload(2);
      await blobs.remove(adapterKey(id));
      const scratch = await blobs.makeScratch();
      const around = async () => (await readdir(join(scratch, '..'))).length;
      const before = await around();
      await writeFile(join(scratch, 'x'), '');
      let began = false;
      const sources = [source(id), source(id)];
      await assert.rejects(
        run({ kind: 'merge', sources, targets: [{ rank: 1 }] }, () => {
          began = true;
        }),
        (error) => error instanceof AppError && error.code === 'ADAPTER_NOT_FOUND',
      );
      assert.equal(began, false);
      assert.equal(await around(), before);
    }));
});
