import { readFile } from 'node:fs/promises';
import type { ComputeUse } from '../metrics/resources.ts';

/** Linux reports CPU time to programs in hundredths of a second, whatever the kernel's own unit is. */
const TICKS_PER_SECOND = 100;

/**
 * CPU time and memory of the compute processes of this process, from /proc on Linux. Processes that have ended are
 * included in the total for children. (The private Redis of role `all` and the probe of the execution provider are
 * children too; Redis ends last.)
 */
export class ComputeUsage {
  private readonly pids: () => readonly number[];
  /**
   * A process that has just ended may be in neither place for a moment, and the counter must not decrease because of
   * that.
   */
  private cpuSeconds = 0;

  constructor(pids: () => readonly number[]) {
    this.pids = pids;
  }

  /** undefined on systems without /proc. */
  async read(): Promise<ComputeUse | undefined> {
    const own = await processStat('self');
    if (!own) return undefined;
    const pids = this.pids();
    const found = (await Promise.all(pids.map(processUse))).flatMap((use) => use ?? []);
    const now = found.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, own.childrenSeconds);
    this.cpuSeconds = Math.max(this.cpuSeconds, now);
    return {
      processes: found.length,
      cpuSeconds: this.cpuSeconds,
      residentBytes: found.reduce((sum, { residentBytes }) => sum + residentBytes, 0),
    };
  }
}

async function processUse(pid: number): Promise<Omit<ComputeUse, 'processes'> | undefined> {
  const [stat, status] = await Promise.all([processStat(pid), readProc(`${pid}/status`)]);
  // The process has ended meanwhile.
  if (!stat || status === undefined) return undefined;
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0;
  return { cpuSeconds: stat.ownSeconds, residentBytes: Number(kibibytes) * 1024 };
}

/** See proc_pid_stat(5). */
async function processStat(
  pid: number | 'self',
): Promise<{ ownSeconds: number; childrenSeconds: number } | undefined> {
  const text = await readProc(`${pid}/stat`);
  // The name of the process, in brackets, may contain any character.
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  if (!fields) return undefined;
  const seconds = (first: number): number =>
    (Number(fields[first]) + Number(fields[first + 1])) / TICKS_PER_SECOND;
  return { ownSeconds: seconds(11), childrenSeconds: seconds(13) };
}

const readProc = (path: string): Promise<string | undefined> =>
  readFile(`/proc/${path}`, 'utf8').catch(() => undefined);
