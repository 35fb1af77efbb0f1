import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { copyFile, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { IncomingFile } from '../../src/adapter/digested-file.ts';
import { succeededResults } from '../../src/charts/succeeded-targets.ts';
import type { FailedResult, JobRecord } from '../../src/contract/job.ts';
import type { JobRequest } from '../../src/contract/job-request.ts';
import { DEFAULT_TENANT } from '../../src/contract/tenant-id.ts';
import type { Database } from '../../src/database/database.ts';
import { newJobId } from '../../src/database/ids.ts';
import { AppError, jobFailure } from '../../src/errors/app-error.ts';
import { adapterFilesIn, type JobDeps, type RunJobResult, runJob } from '../../src/queue/compute/run-job.ts';
import { machineMs } from '../../src/queue/job-types.ts';
import { AdapterService } from '../../src/resources/adapters/service.ts';
import { readContent } from '../../src/resources/contents/content-files.ts';
import { acceptedJob, splitRequest } from '../../src/resources/jobs/accepted-job.ts';
import { fillPlaceholders } from '../../src/resources/jobs/executions/report-ids.ts';
import type { JobStore } from '../../src/resources/jobs/store.ts';
import type { OutputFile, WrittenTarget } from '../../src/squeeze/job-context.ts';
import type { RequestInput } from '../../src/squeeze/run-request.ts';
import type { BlobStore } from '../../src/storage/blob-store.ts';
import { DiskStore } from '../../src/storage/disk-store.ts';
import { sqliteIn } from '../database/dialects.ts';
import { FakeWorker } from '../resources/jobs/fake-worker.ts';
import { jobsIn, withoutReuse } from '../resources/jobs/job-rows.ts';
import { jobsOf } from '../resources/tenants/stored-by.ts';
import { makeAdapter, someModules } from '../squeeze/make-adapter.ts';
import { withFolder } from './harness.ts';
import { scriptedOutcome } from './scripted-outcome.ts';

const FILES = ['adapter_model.safetensors', 'adapter_config.json'];

interface Bench {
  readonly adapters: AdapterService;
  readonly jobs: JobStore;
  readonly blobs: BlobStore;
  readonly database: Database;
  /** Registers an adapter of this rank. */
  readonly upload: (rank: number) => Promise<string>;
  /** Runs a job whose work gives the files of an adapter of rank 1 for each target. */
  readonly run: (
    request: JobRequest,
    seen?: (input: RequestInput) => void,
    failing?: readonly number[],
  ) => Promise<JobRecord>;
}

/** Runs a job with real storage; only the work is a script. */
function withJobs(work: (bench: Bench) => Promise<void>): Promise<void> {
  return withFolder(async (folder) => {
    const blobs = await DiskStore.open(folder);
    const database = await sqliteIn(folder);
    const jobs = jobsIn(database);
    const adapters = new AdapterService(database, blobs, DEFAULT_TENANT);
    const worker = new FakeWorker({ database, store: blobs });
    try {
      await work({
        adapters,
        jobs,
        blobs,
        database,
        upload: async (rank) => {
          const dir = await blobs.makeScratch();
          return (await adapters.register(await filesOf(rank, dir))).id;
        },
        run: async (request, seen = () => {}, failing = []) => {
          const record = accepted(request);
          await jobs.accept(withoutReuse(record));
          const deps: JobDeps = {
            blobs,
            adapterFiles: adapterFilesIn(blobs),
            onScratch: () => {},
            transfers: NO_TRANSFERS,
            work: async (input) => {
              seen(input);
              const outcome = scriptedOutcome(input);
              const files = await filesOf(1, input.scratchDir);
              const isVain = failing.length > 0 && failing.length === outcome.targets.length;
              const orFailed = <T>(own: (target: WrittenTarget, i: number) => T) =>
                outcome.targets.map((target, i) =>
                  failing.includes(i) ? failedTarget(target, i) : own(target, i),
                );
              return {
                ...outcome,
                targets: orFailed((target) => ({ ...target, files })),
                report: isVain
                  ? null
                  : { ...outcome.report, targets: orFailed((_, i) => outcome.report.targets[i]!) },
              };
            },
          };
          const task = await worker.begin(record.id);
          const attempt = {
            begunMs: machineMs(),
            signal: new AbortController().signal,
            onProgress: () => {},
          };
          // As it arrives from another process.
          const done = JSON.parse(JSON.stringify(await runJob(deps, task, attempt))) as RunJobResult;
          await worker.executions.finish(task, done.outcome, done.totals);
          return (await jobs.get(record.id))!;
        },
      });
    } finally {
      await blobs.close();
      await database.close();
    }
  });
}

const failedTarget = ({ result: { target } }: WrittenTarget, index: number): FailedResult => ({
  target,
  state: 'failed',
  error: jobFailure(new AppError('NON_FINITE_RESULT', `Target ${index}.`)),
});

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

/** Requests that fetch or deliver are tested in test/e2e/transfers.test.ts. */
const NO_TRANSFERS = {
  fetch: () => Promise.reject(new Error('nothing is fetched here')),
  deliver: () => Promise.reject(new Error('nothing is delivered here')),
};

const accepted = (request: JobRequest): JobRecord =>
  acceptedJob(newJobId(Date.now()), splitRequest(request, 'high').work);

const source = (adapter_id: string, weight = 1) => ({ adapter_id, weight });

describe('the work of a job', () => {
  it('gets every adapter of the request once, with its record', () =>
    withJobs(async ({ upload, run, adapters }) => {
      const [x, y] = [await upload(2), await upload(3)];
      const sources = [source(x), source(y, -2), source(x, 0.5)];
      await run({ kind: 'merge', sources, targets: [{ rank: 1 }] }, (input) => {
        assert.deepEqual([...input.sources.keys()], [x, y]);
        const given = input.sources.get(y)!;
        assert.deepEqual([given.id, given.base_model], [y, 'base']);
        assert.equal(statSync(given.weightsPath).size, given.bytes);
        assert.equal(JSON.parse(Buffer.from(given.configBytes!).toString('utf8')).r, 3);
      });
      const record = await adapters.get(y);
      await run({ kind: 'analyze', adapter_id: y }, (input) => {
        const given = input.sources.get(y)!;
        assert.equal(given.sha256, record.sha256);
        assert.ok(given.bytes < record.bytes, 'the weights only');
      });
    }));

  it('has the outcome of its targets: partial with the results so far, failed with every error if there are none', () =>
    withJobs(async ({ upload, run, adapters, jobs }) => {
      const request: JobRequest = {
        kind: 'squeeze',
        adapter_id: await upload(2),
        targets: [{ rank: 1 }, { energy: 0.5 }, { knee: true }],
      };
      const partial = await run(request, undefined, [1]);
      assert.deepEqual(
        [partial.state, partial.error, partial.results.map(({ state }) => state)],
        ['partial', null, ['succeeded', 'failed', 'succeeded']],
      );
      for (const { adapter_id } of succeededResults(partial)) await adapters.get(adapter_id);
      assert.ok(await jobs.file(partial.id, 'report'));
      const failed = await run(request, undefined, [0, 1, 2]);
      assert.deepEqual(
        [failed.state, failed.error?.detail, failed.results.length],
        ['failed', 'targets[0]: Target 0.', 3],
      );
      assert.equal(await jobs.file(failed.id, 'report'), undefined);
    }));

  it('records the one source of a result, and none if there are several', () =>
    withJobs(async ({ upload, run, adapters }) => {
      const [x, y] = [await upload(2), await upload(3)];
      const cases: [JobRequest, string | null][] = [
        [{ kind: 'squeeze', adapter_id: x, targets: [{ rank: 1 }] }, x],
        [{ kind: 'merge', sources: [source(y), source(y)], targets: [{ rank: 1 }] }, y],
        [{ kind: 'merge', sources: [source(x), source(y)], targets: [{ rank: 1 }] }, null],
      ];
      for (const [request, parent] of cases) {
        const job = await run(request);
        assert.equal(job.state, 'succeeded');
        const [result] = succeededResults(job);
        const record = await adapters.get(result!.adapter_id);
        assert.deepEqual([record.parent_id, record.job_id], [parent, job.id]);
        assert.equal(record.name, parent === null ? 'base adapter+1-r2' : 'base adapter-r2');
      }
    }));

  it('may return a report without results', () =>
    withJobs(async ({ upload, run, blobs, jobs, database }) => {
      const id = await upload(2);
      const adapters = () => database.reader.selectFrom('adapter').select('id').execute();
      const job = await run({ kind: 'analyze', adapter_id: id });
      assert.deepEqual(
        [job.state, job.kind, job.results, job.progress.phase],
        ['succeeded', 'analyze', [], 'done'],
      );
      const bytes = await readContent(blobs, (await jobs.file(job.id, 'report'))!);
      const report = JSON.parse(Buffer.from(fillPlaceholders(bytes, job)).toString('utf8'));
      assert.deepEqual([report.kind, report.targets, report.timings], ['analyze', [], job.timings]);
      assert.deepEqual([report.job_id, report.sources[0].id], [job.id, id]);
      assert.deepEqual(
        (await adapters()).map((row) => row.id),
        [id],
      );
    }));

  it('is not recorded if an adapter was removed', () =>
    withJobs(async ({ upload, run, adapters, database }) => {
      const id = await upload(2);
      await adapters.remove(id);
      const sources = [source(id), source(id)];
      await assert.rejects(
        run({ kind: 'merge', sources, targets: [{ rank: 1 }] }),
        (error) => error instanceof AppError && error.code === 'ADAPTER_NOT_FOUND',
      );
      assert.equal(await jobsOf({ database, tenant: DEFAULT_TENANT }), 0);
    }));

  it('leaves no folder behind when it fails, and nothing that a sweep does not find', () =>
    withJobs(async ({ upload, run, blobs, database }) => {
      const id = await upload(2);
      const scratch = await blobs.makeScratch();
      const around = async () => (await readdir(join(scratch, '..'))).length;
      const before = await around();
      await writeFile(join(scratch, 'x'), '');
      const failed = run({ kind: 'squeeze', adapter_id: id, targets: [{ rank: 1 }] }, () => {
        throw new AppError('NON_FINITE_WEIGHTS', 'x');
      });
      await assert.rejects(failed, { code: 'NON_FINITE_WEIGHTS' });
      assert.equal(await around(), before);
      assert.equal((await database.reader.selectFrom('content_write').select('id').execute()).length, 1);
    }));
});
