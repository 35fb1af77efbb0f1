import type { Executions } from '../resources/jobs/executions/executions.ts';
import type { DispatchRef } from '../resources/jobs/executions/finish-execution.ts';

/** Longest time until a cancelled execution is noticed; it then stops at its next module. */
const INTERVAL_MS = 500;

/** Checks whether running executions should stop because no job waits for them. */
export class CancelWatch {
  private readonly executions: Pick<Executions, 'obsoleteDispatches'>;
  private readonly onStopped: (id: string) => void;
  /** Running executions by their ids in the queue. */
  private readonly running = new Map<string, DispatchRef>();
  private timer: NodeJS.Timeout | undefined;

  /** @param onStopped called again and again with the id in the queue, until the execution is forgotten */
  constructor(executions: Pick<Executions, 'obsoleteDispatches'>, onStopped: (id: string) => void) {
    this.executions = executions;
    this.onStopped = onStopped;
  }

  watch(id: string, dispatch: DispatchRef): void {
    this.running.set(id, dispatch);
    this.timer ??= setInterval(() => void this.checkAll().catch(() => undefined), INTERVAL_MS);
  }

  forget(id: string): void {
    this.running.delete(id);
    if (this.running.size > 0) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }

  close(): void {
    clearInterval(this.timer);
  }

  /** Ids of the running executions. */
  get executionIds(): string[] {
    return [...this.running.values()].map(({ execution }) => execution);
  }

  private async checkAll(): Promise<void> {
    const stopped = new Set(await this.executions.obsoleteDispatches([...this.running.values()]));
    for (const [id, dispatch] of this.running) if (stopped.has(dispatch)) this.onStopped(id);
  }
}
