import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { ADAPTER_REMOVALS_PREFIX, blobKey } from '../../../src/service/layout.ts';
import type { Workspace, Workspaces } from '../../../src/service/workspaces.ts';
import type { BlobStore } from '../../../src/storage/blob-store.ts';
import { sqliteIn } from '../../database/dialects.ts';
import { tinyAdapter } from '../../http/tiny-adapter.ts';
import { incoming, StorageBench } from './storage-bench.ts';

export interface RaceOptions {
  /** It goes on until this holds. */
  readonly isEnough: (counts: RaceCounts) => boolean;
  /** How often an owner looks at its files. */
  readonly lookMs: number;
  /** Short against the pauses, long against a registration. */
  readonly graceMs: number;
  readonly longestPauseMs: number;
}

/** Only to end what hangs. */
const LIMIT_MS = 300_000;

export interface RaceCounts {
  readonly created: number;
  readonly sweeps: number;
  readonly removedBlobs: number;
}

/**
 * Uploads, removes and sweeps the same content all at once, in two tenants and with two sweepers. Every
 * adapter has the same weights; its owner looks at its files from the record on until it removes it. Fails when one
 * is missing for a moment.
 */
export async function race(store: BlobStore, options: RaceOptions): Promise<RaceCounts> {
  const database = await sqliteIn(await store.makeScratch());
  const bench = new StorageBench(store, database);
  const beginMs = performance.now();
  const counts = { created: 0, sweeps: 0, removedBlobs: 0 };
  const isOver = () => options.isEnough(counts) || performance.now() - beginMs > LIMIT_MS;

  async function own(space: Workspace, number: number): Promise<void> {
    const { weights, config } = tinyAdapter(1);
    const adapter = { weights, config: Buffer.from(`${config.toString()}${' '.repeat(number)}`) };
    while (!isOver()) {
      await sleep(Math.random() * options.longestPauseMs);
      const folder = await store.makeScratch();
      const { record } = await space.adapters.register(await incoming(folder, adapter), null);
      await rm(folder, { recursive: true });
      counts.created++;
      const untilMs = performance.now() + Math.random() * options.longestPauseMs;
      do {
        for (const { sha256, bytes } of record.files)
          assert.equal((await store.stat(blobKey(sha256)))?.bytes, bytes, 'a file of a record is there');
        await sleep(options.lookMs);
      } while (performance.now() < untilMs && !isOver());
      await space.adapters.remove(record.id);
    }
  }

  async function sweeping(): Promise<void> {
    // So that much happens between the reading of one tenant's records and the removal of blobs.
    const { workspaces } = bench;
    const other = workspaces.of('other');
    const slow = Object.assign(Object.create(other.store) as BlobStore, {
      list: async (...[prefix, range]: Parameters<BlobStore['list']>) => {
        if (prefix === ADAPTER_REMOVALS_PREFIX) await sleep(Math.random() * options.graceMs);
        return other.store.list(prefix, range);
      },
    });
    const dawdling = Object.assign(Object.create(workspaces) as Workspaces, {
      of: (tenant: string) => (tenant === 'other' ? { ...other, store: slow } : workspaces.of(tenant)),
    });
    const sweeper = bench.sweeper({ graceMs: options.graceMs, workspaces: dawdling });
    while (!isOver()) {
      const { swept } = await sweeper.sweep();
      counts.sweeps++;
      counts.removedBlobs += swept.of('blob').objects;
      await sleep(10);
    }
  }

  const spaces = [bench.own, bench.workspaces.of('other')];
  const owners = [0, 1].map((number) => own(spaces[number % 2]!, number));
  await Promise.all([...owners, sweeping(), sweeping()]);
  return counts;
}
