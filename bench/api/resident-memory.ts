import { residentBytes } from '../../test/e2e/process-tree.ts';

const POLL_MS = 100;

/** The memory of a process before `run`, and its peak while `run` is running. */
export async function watchResidentMemory<T>(
  process: { readonly pid: number },
  run: () => Promise<T>,
): Promise<{ result: T; beforeBytes: number; peakBytes: number }> {
  const beforeBytes = residentBytes(process);
  let peakBytes = beforeBytes;
  const timer = setInterval(() => {
    peakBytes = Math.max(peakBytes, residentBytes(process));
  }, POLL_MS);
  try {
    return { result: await run(), beforeBytes, peakBytes: Math.max(peakBytes, residentBytes(process)) };
  } finally {
    clearInterval(timer);
  }
}
