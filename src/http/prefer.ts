/** Longest wait for a job in one request: proxies commonly cut a silent response after 60 s. */
export const MAX_WAIT_SECONDS = 55;

const WAIT = /^wait\s*=\s*"?(\d{1,9})"?$/i;

/** Seconds of `Prefer: wait=N` (RFC 7240 §4.3), at most MAX_WAIT_SECONDS; the first one counts. 0 where absent. */
export function preferredWaitSeconds(header: string | string[] | undefined): number {
  const preferences = [header ?? []].flat().join(',').split(/[,;]/);
  for (const preference of preferences) {
    const found = WAIT.exec(preference.trim());
    if (found) return Math.min(Number(found[1]), MAX_WAIT_SECONDS);
  }
  return 0;
}
