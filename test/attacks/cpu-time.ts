import { readFileSync } from 'node:fs';

/**
 * Linux counts CPU time in hundredths of a second on every architecture for which Node is built (sysconf
 * CLK_TCK).
 */
const TICKS_PER_SECOND = 100;

/**
 * CPU time of a process in user and system mode, in milliseconds. Unlike elapsed time, it measures the cost
 * of a request equally on a busy and on an idle machine.
 */
export function cpuMs(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // proc_pid_stat(5): utime and stime are fields 14 and 15, and the name in parentheses may contain spaces.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (1000 * (Number(fields[11]) + Number(fields[12]))) / TICKS_PER_SECOND;
}
