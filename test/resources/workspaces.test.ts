import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Workspaces } from '../../src/resources/workspaces.ts';
import type { BlobStore } from '../../src/storage/blob-store.ts';
import { sqliteIn } from '../database/dialects.ts';
import { MemoryQueue } from '../http/memory-queue.ts';
import { withFolder } from '../queue/harness.ts';
import { NO_DISPATCHER } from './jobs/fake-worker.ts';

it('the workspaces of tenants that no longer send requests are forgotten', () =>
  withFolder(async (folder) => {
    const database = await sqliteIn(folder);
    try {
      const parts = { store: {} as BlobStore, queue: new MemoryQueue(), dispatcher: NO_DISPATCHER };
      const workspaces = new Workspaces({ database, ...parts });
      const [old, active] = [workspaces.of('old'), workspaces.of('active')];
      for (let i = 0; i < 10_000; i++) {
        workspaces.of(`tenant-${i}`);
        assert.equal(workspaces.of('active'), active);
      }
      assert.notEqual(workspaces.of('old'), old);
    } finally {
      await database.close();
    }
  }));
