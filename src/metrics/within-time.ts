/** A scrape must not hang because something else does. */
const LOOK_TIMEOUT_MS = 1_000;

/** What a look for a scrape comes to; undefined where it fails or takes too long. */
export async function withinTime<T>(look: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, LOOK_TIMEOUT_MS, undefined);
  });
  try {
    return await Promise.race([look, tooLate]);
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}
