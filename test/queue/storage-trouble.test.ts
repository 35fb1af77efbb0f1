import assert from 'node:assert/strict';
import { readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JobRecord } from '../../src/contract/job.ts';
import { openDatabase } from '../../src/database/open-database.ts';
import { thisProcess } from '../../src/storage/process-identity.ts';
import { POOL } from '../database/dialects.ts';
import { noPostgres, startPostgres } from '../database/postgres-server.ts';
import { type Bench, type Step, until, withBench, withFolder } from './harness.ts';

const SETTINGS = ['fsync=off'];

const times = (count: number, step: Step): Step[] => Array.from({ length: count }, () => step);

/** Ends the pause of a job that waits for its next try. */
async function makeDue({ database }: Bench, jobId: string): Promise<void> {
  await database.write((writer) =>
    writer
      .updateTable('execution')
      .set({ not_before: null })
      .where('state', '=', 'waiting')
      .where('id', 'in', (eb) => eb.selectFrom('job').select('execution').where('job.id', '=', jobId))
      .execute(),
  );
}

/** Waits until the storage has failed a job this often, and ends the following pause. */
async function postponed(bench: Bench, jobId: string, count: number): Promise<void> {
  await until(`failure ${count} of ${jobId} by the storage`, async () => {
    const { storage_failures: times, state } = await bench.execution(jobId);
    // On a slow machine the pause may be over before the test sees it.
    return times > count || (times === count && state === 'waiting') || state === 'succeeded';
  });
  await makeDue(bench, jobId);
}

/** The end of a job that does not pause between its tries. */
const runNow = (bench: Bench, jobId: string): Promise<JobRecord> =>
  until(`the end of ${jobId}`, async () => {
    await makeDue(bench, jobId);
    return bench.ended(jobId);
  });

describe('a job that fails because of the storage', () => {
  it('is tried again without losing an attempt', () =>
    withBench(async (bench) => {
      const worker = bench.worker();
      const id = await bench.submit(...times(3, 'storage'), 'transient', 'storage', 'transient');
      for (const count of [1, 2]) await postponed(bench, id, count);
      const waiting = await until('a queued job', async () => {
        const job = await bench.service.get(id);
        return job.state === 'queued' ? job : undefined;
      });
      assert.deepEqual([waiting.error, waiting.progress.phase], [null, 'waiting']);
      // The outcome is kept with the job, whichever worker takes it next.
      await worker.close(0);
      bench.worker();
      for (const count of [3, 4]) await postponed(bench, id, count);
      const record = await runNow(bench, id);
      assert.deepEqual([record.state, record.attempts], ['succeeded', 3]);
      assert.equal((await bench.attempts(id)).length, 7);
    }));

  it('fails if that lasts too long, and at once if a blob is missing', () =>
    withBench(async (bench) => {
      bench.worker({ storageRetryMs: 1_000, concurrency: 2 });
      const long = await bench.submit(...times(9, 'storage'));
      const missing = await bench.submit(...times(3, 'lost'));
      const [tried, lost] = await Promise.all([long, missing].map((id) => runNow(bench, id)));
      for (const { state, error, attempts } of [tried!, lost!])
        assert.deepEqual(
          [state, error?.code, error?.retryable, attempts],
          ['failed', 'STORAGE_FAILED', true, 3],
        );
      assert.match(
        tried!.error!.detail,
        /SlowDown.* The job was tried again \d+ times? in [1-9] s .*STORAGE_RETRY_SECONDS/,
      );
      assert.doesNotMatch(lost!.error!.detail, /tried again/);
    }));
});

describe('the outcome of a job', () => {
  it('is recorded when the database is back, and not computed again', { skip: noPostgres }, () =>
    withFolder(async (folder) => {
      const first = await startPostgres(folder, SETTINGS);
      let server = first;
      try {
        const url = await first.newDatabase();
        const database = await openDatabase({ url, dataDir: folder, ...POOL });
        await withBench(async (bench) => {
          bench.worker();
          const id = await bench.submit('wait');
          await bench.attemptStarted(id, 1);
          await first.stop('SIGQUIT');
          await bench.release(id);
          // The first tries are in vain; no event shows them.
          await sleep(2_000);
          server = await startPostgres(folder, SETTINGS, first.port);
          const { state, attempts } = await bench.outcome(id);
          assert.deepEqual([state, attempts], ['succeeded', 1]);
          assert.equal((await bench.attempts(id)).length, 1);
        }, database);
      } finally {
        await server.stop();
      }
    }),
  );
});

describe('a worker whose storage fails', () => {
  it('takes no job until the storage is back', () =>
    withBench(async (bench) => {
      const trouble: boolean[] = [];
      const worker = bench.worker({ onStorageFailure: (isPaused) => trouble.push(isPaused) });
      const tmp = join(bench.folder, 'storage/tmp');
      const own = await thisProcess();
      const scratch = readdirSync(tmp).find((name) => name.startsWith(own))!;
      // The check of the storage writes into this scratch folder; the compute process has its own.
      const [there, away] = [join(tmp, scratch), join(bench.folder, 'away')];
      const waiting = await bench.submit('wait');
      await bench.attemptStarted(waiting, 1);
      const first = await bench.submit('storage');
      const second = await bench.submit();
      renameSync(there, away);
      await bench.release(waiting);
      await until('a paused worker', () => trouble.length > 0);
      assert.deepEqual(trouble, [true]);
      assert.deepEqual(await bench.attempts(second), []);
      await postponed(bench, first, 1);
      assert.deepEqual(await bench.attempts(second), [], 'nor later');
      renameSync(away, there);
      for (const id of [first, second]) assert.equal((await bench.outcome(id)).state, 'succeeded');
      assert.deepEqual(trouble, [true, false]);
      await worker.close(0);
    }));

  it('continues after a single failure, and pauses after many although the storage passes its check', () =>
    withBench(async (bench) => {
      const trouble: boolean[] = [];
      bench.worker({ onStorageFailure: (isPaused) => trouble.push(isPaused) });
      const ids = [await bench.submit('storage')];
      await postponed(bench, ids[0]!, 1);
      assert.equal((await bench.outcome(ids[0]!)).state, 'succeeded');
      assert.deepEqual(trouble, []);
      for (let i = 0; i < 4; i++) ids.push(await bench.submit('storage'));
      for (const id of ids) assert.equal((await runNow(bench, id)).state, 'succeeded');
      assert.deepEqual(trouble, [true, false]);
    }));

  it('can be stopped while it waits', () =>
    withBench(async (bench) => {
      const trouble: boolean[] = [];
      const worker = bench.worker({ onStorageFailure: (isPaused) => trouble.push(isPaused) });
      for (let i = 0; i < 5; i++) await bench.submit('storage');
      await until('a paused worker', () => trouble.length > 0);
      await worker.close(30_000);
      assert.deepEqual(trouble, [true]);
    }));
});
