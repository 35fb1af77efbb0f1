import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** A process, distinguished by its start time from a later one with the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot. */
  readonly startTicks: number;
}

type ProcessNumber = Pick<ProcessIdentity, 'pid'>;

interface ProcessStat extends ProcessIdentity {
  readonly parentPid: number;
  readonly isZombie: boolean;
}

/** The children of a process, their children and so on. Linux only (/proc); empty elsewhere. */
export function descendantsOf(pid: number): ProcessIdentity[] {
  const everyone = listProcesses();
  const found: ProcessStat[] = [];
  let parents = new Set([pid]);
  while (parents.size > 0) {
    const children = everyone.filter(({ parentPid }) => parents.has(parentPid));
    found.push(...children);
    parents = new Set(children.map((child) => child.pid));
  }
  return found.map(({ pid, startTicks }) => ({ pid, startTicks }));
}

export function isAlive({ pid, startTicks }: ProcessIdentity): boolean {
  const stat = readStat(pid);
  return stat !== undefined && !stat.isZombie && stat.startTicks === startTicks;
}

/** The program and arguments of a process; empty once it is gone. */
export function commandLine({ pid }: ProcessNumber): string {
  return readProc(pid, 'cmdline')?.replaceAll('\0', ' ').trim() ?? '';
}

/** Whether a file whose name contains `part` is mapped into the process: its program or a library. */
export function hasMapped({ pid }: ProcessNumber, part: string): boolean {
  return readProc(pid, 'maps')?.includes(part) ?? false;
}

/** Memory that the process holds now (VmRSS), in bytes; 0 once it is gone. */
export const residentBytes = ({ pid }: ProcessNumber): number => statusBytes(pid, 'VmRSS');

/** The most memory that the process ever held at once (VmHWM), in bytes; 0 once it is gone. */
export const peakResidentBytes = ({ pid }: ProcessNumber): number => statusBytes(pid, 'VmHWM');

/** How many descriptors a process has open, not counting its IPv4 connections to a port. */
export function descriptorsOf(pid: number, exceptToPort: number): number {
  const isPort = (address: string) => Number.parseInt(address.split(':')[1]!, 16) === exceptToPort;
  const excepted = new Set(
    readFileSync(`/proc/${pid}/net/tcp`, 'utf8')
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , remote]) => isPort(remote!))
      .map((fields) => `socket:[${fields[9]}]`),
  );
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).filter((name) => {
    try {
      return !excepted.has(readlinkSync(`${folder}/${name}`));
    } catch {
      return false; // It was closed meanwhile.
    }
  }).length;
}

function statusBytes(pid: number, field: string): number {
  const kib = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(readProc(pid, 'status') ?? '')?.[1];
  return 1024 * Number(kib ?? 0);
}

function listProcesses(): ProcessStat[] {
  let names: string[];
  try {
    names = readdirSync('/proc');
  } catch {
    return [];
  }
  return names
    .filter((name) => /^\d+$/.test(name))
    .map((name) => readStat(Number(name)))
    .filter((stat) => stat !== undefined);
}

/** /proc/PID/stat (proc_pid_stat(5)); the name in parentheses may itself contain spaces and parentheses. */
function readStat(pid: number): ProcessStat | undefined {
  const text = readProc(pid, 'stat');
  if (text === undefined) return undefined;
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { pid, isZombie: fields[0] === 'Z', parentPid: Number(fields[1]), startTicks: Number(fields[19]) };
}

function readProc(pid: number, name: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return undefined;
  }
}
