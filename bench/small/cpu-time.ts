import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { descendantsOf } from '../../test/e2e/process-tree.ts';

const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** Seconds of CPU time of a process and its descendants, including those that have ended. */
export function cpuSeconds(pid: number): number {
  const everyone = [{ pid }, ...descendantsOf(pid)];
  return everyone.reduce((sum, each) => sum + ticksOf(each.pid), 0) / TICKS_PER_SECOND;
}

/** utime, stime, cutime and cstime of proc_pid_stat(5). */
function ticksOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
}
