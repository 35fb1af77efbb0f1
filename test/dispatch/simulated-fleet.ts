import type { Database, Writer } from '../../src/database/database.ts';
import { Dispatcher, parseDispatchId } from '../../src/dispatch/dispatcher.ts';
import type { EndedDispatch, ShareDefaults } from '../../src/dispatch/tenant-shares.ts';
import { insertExecutions, newExecution } from '../../src/resources/jobs/executions/execution-rows.ts';
import { MemoryQueue } from '../http/memory-queue.ts';
import { addWorker } from './fleet.ts';

/** The expected time per MiB of weights. */
const MS_PER_MIB = 100;

/** Jobs that are submitted together. */
export interface SimulatedJobs {
  /** The time that the service expects for each. */
  readonly ms: number;
  /** The time that each really takes; default: the same. */
  readonly tookMs?: number;
  readonly priority?: number;
}

export interface StartedExecution {
  readonly execution: string;
  readonly tenant: string;
  readonly atMs: number;
}

/**
 * Simulated workers whose slots take the given time, on a clock of their own that advances as jobs end. The
 * dispatcher, the database and the order of the queue are real.
 */
export class SimulatedFleet {
  nowMs = 0;
  /** The jobs that began, in order. */
  readonly started: StartedExecution[] = [];
  /** The milliseconds of slots that each tenant has had, by its id. */
  readonly slotMs = new Map<string, number>();
  readonly queue = new MemoryQueue();
  readonly dispatcher: Dispatcher;
  private readonly database: Database;
  private readonly slots: number;
  private readonly jobs = new Map<string, { readonly tenant: string; readonly tookMs: number }>();
  private readonly running = new Map<string, { readonly dispatch: string; readonly endsMs: number }>();

  private constructor(database: Database, slots: number, shares?: ShareDefaults) {
    this.database = database;
    this.slots = slots;
    this.dispatcher = new Dispatcher({ database, queue: this.queue, shares });
  }

  static async open(database: Database, slots: number, shares?: ShareDefaults): Promise<SimulatedFleet> {
    await addWorker(database, slots, { msPerMib: MS_PER_MIB });
    return new SimulatedFleet(database, slots, shares);
  }

  /** @returns ids of the executions, in order */
  async submit(
    tenant: string,
    count: number,
    { ms, tookMs = ms, priority = 1 }: SimulatedJobs,
  ): Promise<string[]> {
    const work_bytes = Math.round((ms / MS_PER_MIB - 1) * 2 ** 20);
    const given = { tenant, key: null, step: 'work' as const, priority, work_bytes };
    const rows = Array.from({ length: count }, () => newExecution(given));
    rows.sort((one, other) => (one.id < other.id ? -1 : 1));
    for (const { id } of rows) this.jobs.set(id, { tenant, tookMs });
    await this.write(async (writer) => {
      await insertExecutions(writer, rows);
      return [];
    });
    return rows.map(({ id }) => id);
  }

  /** Advances the clock until some job ends. @returns false if none runs */
  async step(): Promise<boolean> {
    const [next] = [...this.running].sort(([, one], [, other]) => one.endsMs - other.endsMs);
    if (!next) return false;
    const [execution, { dispatch, endsMs }] = next;
    this.nowMs = Math.max(this.nowMs, endsMs);
    this.running.delete(execution);
    const { tenant, tookMs } = this.jobs.get(execution)!;
    this.slotMs.set(tenant, (this.slotMs.get(tenant) ?? 0) + tookMs);
    await this.write(async (writer) => {
      const row = await writer
        .updateTable('execution')
        .set({ state: 'succeeded', finished_at: 1 })
        .where('id', '=', execution)
        .returning(['estimate_ms', 'charged_ms'])
        .executeTakeFirstOrThrow();
      this.queue.dispatches.delete(dispatch);
      return [{ tenant, tookMs, estimateMs: row.estimate_ms!, chargedMs: row.charged_ms! }];
    });
    return true;
  }

  /** Advances the clock to a time before which no more jobs end. */
  async advance(untilMs: number): Promise<void> {
    while ([...this.running.values()].some(({ endsMs }) => endsMs <= untilMs)) await this.step();
    this.nowMs = Math.max(this.nowMs, untilMs);
  }

  /** When an execution began; advances the clock until it does. */
  async begin(execution: string): Promise<number> {
    for (;;) {
      const found = this.started.findLast((one) => one.execution === execution);
      if (found) return found.atMs;
      if (!(await this.step())) throw new Error(`${execution} never begins`);
    }
  }

  /** The queue loses everything, while running jobs continue. @returns how many were queued again */
  async dropQueue(): Promise<number> {
    this.queue.dispatches.clear();
    const again = await this.dispatcher.sendLost({ unsentMs: 0 });
    await this.take();
    return again.length;
  }

  /** How many of a tenant's jobs run now. */
  runningOf(tenant: string): number {
    return [...this.running.keys()].filter((id) => this.jobs.get(id)!.tenant === tenant).length;
  }

  /** How many of a tenant's jobs have not begun. */
  waitingOf(tenant: string): number {
    const submitted = [...this.jobs.values()].filter((job) => job.tenant === tenant).length;
    return submitted - this.started.filter((job) => job.tenant === tenant).length;
  }

  private async write(work: (writer: Writer) => Promise<EndedDispatch[]>): Promise<void> {
    const next = await this.database.write(async (writer) => {
      await writer.updateTable('worker').set({ seen_at: this.database.now }).execute();
      return this.dispatcher.fill(writer, await work(writer));
    });
    await this.queue.add(next);
    await this.take();
  }

  /** Free slots take the first executions in the queue. */
  private async take(): Promise<void> {
    const taken: string[] = [];
    for (const dispatch of this.queue.dispatches) {
      if (this.running.size >= this.slots) break;
      const { execution } = parseDispatchId(dispatch);
      if (this.running.has(execution)) continue;
      const { tenant, tookMs } = this.jobs.get(execution)!;
      this.running.set(execution, { dispatch, endsMs: this.nowMs + tookMs });
      this.started.push({ execution, tenant, atMs: this.nowMs });
      taken.push(execution);
    }
    if (taken.length === 0) return;
    const { now } = this.database;
    await this.database.write((writer) =>
      writer
        .updateTable('execution')
        .set({ started_at: now, seen_at: now })
        .where('id', 'in', taken)
        .execute(),
    );
  }
}
