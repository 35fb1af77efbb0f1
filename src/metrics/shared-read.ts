/** How long a scrape waits for a value from another system before it goes on without it. */
const READ_TIMEOUT_MS = 1_000;

/**
 * Reads a value from another system when metrics are scraped. All metrics of a scrape share one read, and no read begins
 * while another one is in progress, because each one that hangs holds a connection or a thread.
 */
export class SharedRead<T> {
  private read: (() => Promise<T | undefined>) | undefined;
  private underWay: Promise<T | undefined> | undefined;

  /** Sets the function that reads the value. Before this call there is no value. */
  setReader(read: () => Promise<T | undefined>): void {
    this.read = read;
    this.underWay = undefined;
  }

  /** Reads the value. undefined: no function is set, or the read failed or took too long. */
  async value(): Promise<T | undefined> {
    if (!this.read) return undefined;
    const reading = this.underWay ?? this.read().catch(() => undefined);
    this.underWay = reading;
    void reading.then(() => {
      if (this.underWay === reading) this.underWay = undefined;
    });
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<undefined>((resolve) => {
      timer = setTimeout(resolve, READ_TIMEOUT_MS, undefined);
    });
    return Promise.race([reading, tooLate]).finally(() => clearTimeout(timer));
  }
}
