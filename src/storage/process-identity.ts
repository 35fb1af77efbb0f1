import { createHash } from 'node:crypto';
import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';

/**
 * A key of the host, the boot and the process-id namespace (container). Process ids can only be compared where it is
 * equal.
 */
async function placeKey(): Promise<string> {
  const bootId = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
  const namespace = await readlink('/proc/self/ns/pid').catch(() => '');
  return createHash('sha256').update(`${hostname()}\0${bootId}\0${namespace}`).digest('hex').slice(0, 12);
}

/** Start time of a process, in clock ticks since boot: distinguishes it from a later process with the same id. */
async function startTicks(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // proc(5): the name in parentheses may contain anything, so fields are counted from its end; starttime is field 22.
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '0';
}

/** A name for this process that another process can check with `isAlive`: `<place>-<pid>-<start>`. */
export async function thisProcess(): Promise<string> {
  return `${await placeKey()}-${process.pid}-${await startTicks(process.pid)}`;
}

/** Whether the process with this name is alive; undefined if that cannot be known, because it is elsewhere. */
export async function isAlive(identity: string): Promise<boolean | undefined> {
  const [place, pid, start] = identity.split('-');
  if (place !== (await placeKey()) || !/^\d+$/.test(pid ?? '')) return undefined;
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return (await startTicks(Number(pid))) === start;
}
