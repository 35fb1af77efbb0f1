import { readFileSync } from 'node:fs';

const POLL_MS = 100;

/** Memory of a process now (VmRSS), in bytes. Linux only. */
export function residentBytes(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return 1024 * Number(kib ?? 0);
}

/** The memory of a process before and at most while `run` runs. */
export async function watchResidentMemory<T>(
  pid: number,
  run: () => Promise<T>,
): Promise<{ result: T; beforeBytes: number; peakBytes: number }> {
  const beforeBytes = residentBytes(pid);
  let peakBytes = beforeBytes;
  const timer = setInterval(() => {
    peakBytes = Math.max(peakBytes, residentBytes(pid));
  }, POLL_MS);
  try {
    return { result: await run(), beforeBytes, peakBytes: Math.max(peakBytes, residentBytes(pid)) };
  } finally {
    clearInterval(timer);
  }
}
