import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { Fleet } from '../../test/chaos/fleet.ts';
import { residentBytes } from '../../test/e2e/process-tree.ts';

/** What is looked at: of the API, of the worker, of its compute processes, of Redis, of the storage. */
export const SERIES = [
  'api RSS, MB',
  'worker RSS, MB',
  'compute RSS, MB',
  'api handles',
  'worker handles',
  'compute handles',
  'redis memory, MB',
  'redis keys',
  'scratch files',
] as const;
export type Series = (typeof SERIES)[number];
export type Reading = Readonly<Record<Series, number>>;

/** Reads all series of a fleet with one worker. Linux only (/proc). */
export class Watch {
  private readonly fleet: Fleet;
  private readonly redis: Redis;

  constructor(fleet: Fleet) {
    this.fleet = fleet;
    this.redis = new Redis(fleet.redisPort, '127.0.0.1');
  }

  async read(): Promise<Reading> {
    const { api, workers, storageDir } = this.fleet;
    const worker = workers[0]!;
    const computing = worker.computing().map(({ pid }) => pid);
    const sum = (of: (pid: number) => number) => computing.reduce((total, pid) => total + of(pid), 0);
    const memory = /^used_memory:(\d+)/m.exec(await this.redis.info('memory'))?.[1];
    return {
      'api RSS, MB': residentMegabytes(api.pid),
      'worker RSS, MB': residentMegabytes(worker.pid),
      'compute RSS, MB': sum(residentMegabytes),
      'api handles': handles(api.pid),
      'worker handles': handles(worker.pid),
      'compute handles': sum(handles),
      'redis memory, MB': Number(memory) / 1e6,
      'redis keys': await this.lastingKeys(),
      'scratch files': scratchFiles(join(storageDir, 'tmp')),
    };
  }

  /** Keys that do not expire: marks of cancelled jobs and the like go by themselves. */
  private async lastingKeys(): Promise<number> {
    const [, keys, expires] = /keys=(\d+),expires=(\d+)/.exec(await this.redis.info('keyspace')) ?? [];
    return Number(keys ?? 0) - Number(expires ?? 0);
  }

  close(): void {
    this.redis.disconnect();
  }
}

const residentMegabytes = (pid: number): number => residentBytes({ pid }) / 1e6;

/** Open files, sockets and pipes. */
const handles = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

/** Files below the folders that processes have there; the folders themselves are one for each process. */
function scratchFiles(root: string): number {
  return readdirSync(root).reduce((sum, folder) => {
    try {
      return sum + readdirSync(join(root, folder), { recursive: true }).length;
    } catch {
      // It went in this moment.
      return sum;
    }
  }, 0);
}
