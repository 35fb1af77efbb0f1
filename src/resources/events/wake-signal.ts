import { setTimeout as sleep } from 'node:timers/promises';

/** A signal that wakes waiting callers. A signal without a waiting caller is kept for the next one. */
export class WakeSignal {
  private isSet = false;
  private wake: (() => void) | undefined;

  notify(): void {
    this.isSet = true;
    this.wake?.();
  }

  /** Waits for the signal, at most `timeoutMs`. Only one caller may wait at a time. @returns whether it was set */
  async wait(timeoutMs: number): Promise<boolean> {
    if (!this.isSet && timeoutMs > 0) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
        timer = setTimeout(resolve, timeoutMs);
      });
      clearTimeout(timer);
      this.wake = undefined;
    }
    const { isSet } = this;
    this.isSet = false;
    return isSet;
  }
}

/** Sleeps until the time is over or the signal is aborted. */
export async function sleepUntilAborted(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await sleep(ms, undefined, { signal }).catch(() => undefined);
}
