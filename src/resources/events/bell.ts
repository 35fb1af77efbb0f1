/** A signal that wakes waiting callers. A signal without a waiting caller is kept for the next one. */
export class Bell {
  private hasRung = false;
  private wake: (() => void) | undefined;

  ring(): void {
    this.hasRung = true;
    this.wake?.();
  }

  /** Waits for a ring, at most `timeoutMs`. Only one caller may wait at a time. @returns whether it rang */
  async rung(timeoutMs: number): Promise<boolean> {
    if (!this.hasRung && timeoutMs > 0) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
        timer = setTimeout(resolve, timeoutMs);
      });
      clearTimeout(timer);
      this.wake = undefined;
    }
    const { hasRung } = this;
    this.hasRung = false;
    return hasRung;
  }
}
