import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { Fleet } from '../../test/chaos/fleet.ts';
import { residentBytes } from '../../test/e2e/process-tree.ts';

/** The series that are watched: of the API, the worker, its compute processes, Redis and the storage. */
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
export class ResourceWatch {
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

  /** Keys without an expiry; marks of cancelled jobs and the like expire on their own. */
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

/** Files below the processes' scratch folders; the folders themselves count as one for each process. */
function scratchFiles(root: string): number {
  return readdirSync(root).reduce((sum, folder) => {
    try {
      return sum + readdirSync(join(root, folder), { recursive: true }).length;
    } catch {
      // The folder was removed just now.
      return sum;
    }
  }, 0);
}
