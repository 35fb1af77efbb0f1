import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { onEachDialect, sqliteIn } from '../../database/dialects.ts';
import { openS3 } from '../../storage/s3-bench.ts';
import { motoIsMissing, startMoto } from '../../storage/s3-servers.ts';
import { type RaceCounts, race } from './races.ts';
import { StorageBench, withBench } from './storage-bench.ts';

const WHAT = 'uploads, removals and sweeps of the same content at the same time';

onEachDialect(WHAT, (database, folder) => {
  it('uploads, removals and sweeps at once lose no content and leave none behind', () =>
    withBench(database(), folder(), async (bench) => {
      // Content was really removed and written again.
      const isEnough = (counts: RaceCounts) =>
        counts.created > 60 && counts.sweeps > 50 && counts.removedContents > 15;
      const counts = await race(bench, { isEnough, graceMs: 400, longestPauseMs: 800 });
      assert.ok(isEnough(counts), JSON.stringify(counts));
    }));
});

describe(WHAT, { skip: motoIsMissing() ?? false }, () => {
  it('uploads, removals and sweeps at once lose no content in S3', async () => {
    const server = await startMoto();
    const s3 = await openS3(server.env);
    const database = await sqliteIn(s3.folder);
    try {
      const isEnough = (counts: RaceCounts) =>
        counts.created > 10 && counts.sweeps > 5 && counts.removedContents > 3;
      const bench = new StorageBench(s3.store, database);
      const counts = await race(bench, { isEnough, graceMs: 2_000, longestPauseMs: 4_000 });
      assert.ok(isEnough(counts), JSON.stringify(counts));
    } finally {
      await database.close();
      await s3.dispose();
      await server.stop();
    }
  });
});
