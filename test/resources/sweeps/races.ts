import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../../src/errors/app-error.ts';
import { readContent } from '../../../src/resources/contents/content-files.ts';
import type { Workspace } from '../../../src/resources/workspaces.ts';
import { reportFile } from '../jobs/job-rows.ts';
import { assertReadable, largeAdapter, MAX_WRITE_MS, type StorageBench } from './storage-bench.ts';

export interface RaceOptions {
  /** It continues until this holds. */
  readonly isEnough: (counts: RaceCounts) => boolean;
  /** Short compared with the pauses, long compared with a registration. */
  readonly graceMs: number;
  readonly longestPauseMs: number;
}

/** Only prevents hanging. */
const LIMIT_MS = 300_000;

export interface RaceCounts {
  readonly created: number;
  readonly sweeps: number;
  readonly removedContents: number;
}

const isRemoved = (error: unknown): boolean =>
  error instanceof AppError && error.code === 'STORAGE_FAILED' && error.context.failure === 'removed';

/**
 * Uploads, removes and sweeps the same content simultaneously, in two tenants and with two sweepers. Every
 * adapter has one of two weights, every job one report; its owner reads the files from the record until it is
 * removed. Fails if one cannot be read at any moment, and if content without a reference is left at the end.
 */
export async function race(bench: StorageBench, options: RaceOptions): Promise<RaceCounts> {
  const beginMs = performance.now();
  const counts = { created: 0, sweeps: 0, removedContents: 0 };
  const isOver = () => options.isEnough(counts) || performance.now() - beginMs > LIMIT_MS;
  const pause = () => sleep(Math.random() * options.longestPauseMs);

  async function holding(look: () => Promise<void>): Promise<void> {
    const untilMs = performance.now() + Math.random() * options.longestPauseMs;
    do {
      await look();
      await sleep(Math.random() * 20);
    } while (performance.now() < untilMs && !isOver());
  }

  async function adapters(space: Workspace): Promise<void> {
    while (!isOver()) {
      await pause();
      const seed = Math.ceil(Math.random() * 2);
      const record = await bench.register(largeAdapter(seed), { space }).catch((error: unknown) => {
        // More than the grace period passed between its first check and its record, so it must be sent again.
        assert.ok(isRemoved(error), String(error));
      });
      if (!record) continue;
      counts.created++;
      await holding(() => assertReadable(space, record.id));
      await space.adapters.remove(record.id);
    }
  }

  async function jobs(space: Workspace): Promise<void> {
    while (!isOver()) {
      await pause();
      const { id } = await bench.job(
        {},
        { space, made: { results: [], files: [reportFile({ notes: ['the same of all'] })] } },
      );
      await holding(async () => {
        const report = await space.jobStore.file(id, 'report');
        assert.match(Buffer.from(await readContent(space.store, report!)).toString(), /the same of all/);
      });
      await space.jobControl.erase({ id });
    }
  }

  async function sweeping(): Promise<void> {
    const sweeper = bench.sweeper({ graceMs: options.graceMs });
    while (!isOver()) {
      const { swept } = await sweeper.sweep();
      counts.sweeps++;
      counts.removedContents += swept.of('blob').objects;
      await sleep(10);
    }
  }

  const spaces = [bench.own, await bench.other()];
  const owners = spaces.flatMap((space) => [adapters(space), adapters(space), jobs(space)]);
  await Promise.all([...owners, sweeping(), sweeping()]);
  await bench.sweeper().sweep(Date.now() + 1.1 * MAX_WRITE_MS);
  await bench.assertTidy();
  assert.deepEqual(await bench.contents(), []);
  return counts;
}
