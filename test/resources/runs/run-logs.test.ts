import assert from 'node:assert/strict';
import { it } from 'node:test';
import { newAdapterId } from '../../../src/database/ids.ts';
import { AdapterService } from '../../../src/resources/adapters/service.ts';
import { acceptedJob } from '../../../src/resources/jobs/accepted-job.ts';
import { checkpointOutcome } from '../../../src/resources/runs/lineage.ts';
import { type LogEntry, RunLogs } from '../../../src/resources/runs/run-logs.ts';
import { squeezeJob } from '../../../src/resources/runs/squeeze-job.ts';
import { RunStore } from '../../../src/resources/runs/store.ts';
import type { BlobStore } from '../../../src/storage/blob-store.ts';
import { sqliteIn } from '../../database/dialects.ts';
import { watched } from '../../database/query-plans.ts';
import { withFolder } from '../../queue/harness.ts';
import { insertSampleAdapter } from '../adapters/sample-adapter.ts';
import { fakeResult } from '../jobs/fake-result.ts';
import { NO_DISPATCHER } from '../jobs/fake-worker.ts';
import { jobsIn } from '../jobs/job-rows.ts';
import { keptEntry, runManifest, SCHEDULE, squeezedEntry } from './run-entries.ts';

it('the records of a run cost as much for each checkpoint, however many there are', () =>
  withFolder(async (folder) => {
    const database = await sqliteIn(folder);
    const watch = watched(database);
    try {
      const adapterId = await insertSampleAdapter(database, { id: newAdapterId(0) });
      const squeezed = squeezedEntry(1, 64, 32);
      const { checkpoint } = squeezed;
      const request = squeezeJob(runManifest(), checkpoint);
      const results = [{ ...fakeResult(), adapter_id: adapterId }];
      const job = { ...acceptedJob(checkpoint.job_id!, request), state: 'succeeded' as const, results };
      const log = [
        { checkpoint, job, outcome: checkpointOutcome(checkpoint, job) },
        ...Array.from({ length: 3_000 }, (_, index) => keptEntry(2 + index, 32)),
        // A rewound run begins again.
        ...Array.from({ length: 3_000 }, (_, index) => keptEntry(2 + index, 32)),
      ];
      let reads = 0;
      const counted = log.map(
        (past: Omit<LogEntry, 'job'> & Partial<LogEntry>): LogEntry => ({
          get checkpoint() {
            reads += 1;
            return past.checkpoint;
          },
          outcome: past.outcome,
          job: past.job,
        }),
      );
      const runs = new RunStore({ database: watch.database, dispatcher: NO_DISPATCHER }, 'default');
      const adapters = new AdapterService(watch.database, {} as BlobStore, 'default');
      const run = runManifest({ adaptive: { ...SCHEDULE, energy: 0.9 } });
      const records = await new RunLogs(runs, jobsIn(watch.database), adapters).records(run, counted);
      assert.equal(records.filter(({ superseded }) => superseded).length, 3_000);
      assert.match(records[0]!.files[0]!.href, new RegExp(adapterId));
      assert.ok(reads < 50 * log.length, `${reads} reads of ${log.length} entries`);
      assert.equal(watch.queries.length, 1);
    } finally {
      await database.close();
    }
  }));
