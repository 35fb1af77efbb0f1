/** Limits the wait for values from elsewhere, so that a scrape does not hang. */
const LOOK_TIMEOUT_MS = 1_000;

/**
 * What is looked at on scrapes. All metrics of a scrape share one look, and none begins while another one is under way: each
 * that hangs holds a connection, or a thread.
 */
export class Look<T> {
  private read: (() => Promise<T | undefined>) | undefined;
  private underWay: Promise<T | undefined> | undefined;

  /** Sets the source of the value; there is no value before. */
  watch(read: () => Promise<T | undefined>): void {
    this.read = read;
    this.underWay = undefined;
  }

  /** undefined: there is nothing to look at, or it fails or takes too long. */
  async take(): Promise<T | undefined> {
    if (!this.read) return undefined;
    const look = this.underWay ?? this.read().catch(() => undefined);
    this.underWay = look;
    void look.then(() => {
      if (this.underWay === look) this.underWay = undefined;
    });
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<undefined>((resolve) => {
      timer = setTimeout(resolve, LOOK_TIMEOUT_MS, undefined);
    });
    return Promise.race([look, tooLate]).finally(() => clearTimeout(timer));
  }
}
