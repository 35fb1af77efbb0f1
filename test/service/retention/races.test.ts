import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openS3 } from '../../storage/s3-bench.ts';
import { motoIsMissing, startMoto } from '../../storage/s3-servers.ts';
import { type RaceCounts, race } from './races.ts';
import { onDisk } from './storage-bench.ts';

describe('uploads, removals and sweeps of the same content at the same time', () => {
  it('lose no content on a disk', async () => {
    await onDisk(async ({ store }) => {
      // Content was really removed and came again.
      const isEnough = (counts: RaceCounts) =>
        counts.created > 10 && counts.sweeps > 20 && counts.removedBlobs > 5;
      const counts = await race(store, { isEnough, lookMs: 20, graceMs: 500, longestPauseMs: 1_500 });
      assert.ok(isEnough(counts), JSON.stringify(counts));
    });
  });

  it('lose no content in S3', { skip: motoIsMissing() ?? false }, async () => {
    const server = await startMoto();
    const s3 = await openS3(server.env);
    try {
      const isEnough = (counts: RaceCounts) =>
        counts.created > 5 && counts.sweeps > 5 && counts.removedBlobs > 1;
      // A look takes a request for each file.
      const times = { lookMs: 100, graceMs: 3_000, longestPauseMs: 5_000 };
      const counts = await race(s3.store, { isEnough, ...times });
      assert.ok(isEnough(counts), JSON.stringify(counts));
    } finally {
      await s3.dispose();
      await server.stop();
    }
  });
});
