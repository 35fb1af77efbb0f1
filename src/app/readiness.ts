import type { ReadinessPart, ReadinessReason } from '../contract/readiness.ts';
import type { Database } from '../database/database.ts';
import type { JobQueue, Risk } from '../dispatch/job-queue.ts';
import { AppError, toAppError } from '../errors/app-error.ts';
import type { ErrorCode } from '../errors/error-kinds.ts';
import type { BlobStore } from '../storage/blob-store.ts';

/** Orchestrators give a probe about a second. */
const ANSWER_TIMEOUT_MS = 900;
/**
 * The timeout is counted in steps: Node runs timers before it reads, so in a process that was blocked a single long
 * timer would fire before an answer is read that arrived in time.
 */
const ANSWER_STEPS = 9;

/**
 * A storage that is merely slow still serves; one from which no read has returned for this long counts as
 * unavailable.
 */
const HUNG_AFTER_MS = 5_000;

/** The codes for parts that do not answer in time. */
const WHEN_SLOW: Readonly<Record<ReadinessPart, ErrorCode>> = {
  storage: 'STORAGE_FAILED',
  database: 'DATABASE_UNAVAILABLE',
  queue: 'QUEUE_UNAVAILABLE',
  provider: 'PROVIDER_UNAVAILABLE',
  // This check only waits for the database and the storage.
  secrets: 'DATABASE_UNAVAILABLE',
};

export interface ReadinessState {
  /** unready: the process can serve nothing. */
  readonly status: 'ready' | 'degraded' | 'unready';
  /** Whether each part can be used; a part that is merely at risk can. */
  readonly parts: readonly { readonly part: ReadinessPart; readonly isUsable: boolean }[];
  readonly reasons: readonly ReadinessReason[];
}

export interface ReadinessOptions {
  readonly store: Pick<BlobStore, 'check' | 'checkReads'>;
  readonly database: Pick<Database, 'check'>;
  readonly queue: Pick<JobQueue, 'check'>;
  /** Called once when a reason appears and once when it disappears. `isUsable`: the part works, but is at risk. */
  readonly onChange?: (reason: ReadinessReason, change: { isThere: boolean; isUsable: boolean }) => void;
}

type Check = () => Promise<readonly Risk[]>;

/**
 * Whether this process can do its work. Most parts are shared by all processes of a deployment: taking a process out
 * of the load balancer because Redis is unavailable would take out all of them, and with them the reads and uploads
 * that still work. Such a failure therefore makes a process degraded. It is unready only if it can serve nothing: the
 * storage cannot be read, the database is unavailable, or a part that was added as vital is missing.
 */
export class ProcessReadiness {
  private readonly watches: PartCheck[];
  private readonly onChange: NonNullable<ReadinessOptions['onChange']>;
  private known = new Map<string, { reason: ReadinessReason; isUsable: boolean }>();

  constructor({ store, database, queue, onChange = () => undefined }: ReadinessOptions) {
    this.onChange = onChange;
    this.watches = [
      new PartCheck(
        'storage',
        withoutRisk(() => store.checkReads()),
        true,
      ),
      new PartCheck(
        'storage',
        withoutRisk(() => store.check()),
        false,
      ),
      new PartCheck(
        'database',
        withoutRisk(() => database.check()),
        true,
      ),
      new PartCheck('queue', () => queue.check(), false),
    ];
  }

  /**
   * Adds a part to the checks.
   * @param check fails with the reason if the part cannot be used
   * @param isVital whether the process can do nothing without the part
   */
  add(part: ReadinessPart, check: () => Promise<void>, { isVital = false } = {}): void {
    this.watches.push(new PartCheck(part, withoutRisk(check), isVital));
  }

  /** Checks every part. Answers within about a second, whatever the parts do, and does not throw. */
  async check(): Promise<ReadinessState> {
    const found = await Promise.all(this.watches.map((watch) => watch.result()));
    const parts = [...new Set(found.map(({ part }) => part))].map((part) => ({
      part,
      isUsable: found.every((one) => one.part !== part || one.failure === undefined),
    }));
    const now = new Map<string, { reason: ReadinessReason; isUsable: boolean }>();
    for (const { part, failure, risks } of found) {
      // A storage that cannot be read cannot be written either, so one reason is enough.
      for (const { code, detail } of failure ? [{ code: failure.code, detail: failure.message }] : risks)
        if (!now.has(`${part} ${code}`))
          now.set(`${part} ${code}`, { reason: { part, code, detail }, isUsable: !failure });
    }
    this.reportChanges(now);
    const reasons = [...now.values()].map(({ reason }) => reason);
    const isUnready = found.some(({ isMissing }) => isMissing);
    return { status: isUnready ? 'unready' : reasons.length > 0 ? 'degraded' : 'ready', parts, reasons };
  }

  private reportChanges(now: ProcessReadiness['known']): void {
    const before = this.known;
    this.known = now;
    for (const [key, { reason, isUsable }] of now)
      if (!before.has(key)) this.onChange(reason, { isThere: true, isUsable });
    for (const [key, { reason, isUsable }] of before)
      if (!now.has(key)) this.onChange(reason, { isThere: false, isUsable });
  }
}

const withoutRisk =
  (check: () => Promise<void>): Check =>
  async () => {
    await check();
    return [];
  };

interface Finding {
  readonly part: ReadinessPart;
  readonly risks: readonly Risk[];
  readonly failure?: AppError;
  /** Whether the process can do nothing without this part, and it is unavailable. */
  readonly isMissing: boolean;
}

type Outcome = { readonly risks: readonly Risk[]; readonly failure?: AppError };

/** The checks of one part. At most one runs at a time, because a part that hangs must not accumulate hanging checks. */
class PartCheck {
  private readonly part: ReadinessPart;
  private readonly check: Check;
  private readonly isVital: boolean;
  private running: { readonly outcome: Promise<Outcome>; readonly sinceMs: number } | undefined;
  /** Whether the last completed check passed. */
  private hasPassed = false;

  constructor(part: ReadinessPart, check: Check, isVital: boolean) {
    this.part = part;
    this.check = check;
    this.isVital = isVital;
  }

  async result(): Promise<Finding> {
    this.running ??= { outcome: this.run(), sinceMs: performance.now() };
    const { outcome, sinceMs } = this.running;
    let timer: NodeJS.Timeout | undefined;
    const slow = new Promise<undefined>((resolve) => {
      const wait = (steps: number): void => {
        if (steps === 0) resolve(undefined);
        else timer = setTimeout(wait, ANSWER_TIMEOUT_MS / ANSWER_STEPS, steps - 1);
      };
      wait(ANSWER_STEPS);
    });
    const { part, isVital } = this;
    const ended = await Promise.race([outcome, slow]).finally(() => clearTimeout(timer));
    if (ended) return { part, ...ended, isMissing: isVital && ended.failure !== undefined };
    const pendingMs = performance.now() - sinceMs;
    const failure = new AppError(
      WHEN_SLOW[part],
      `The ${part} did not answer within ${ANSWER_TIMEOUT_MS} ms.`,
    );
    const isMissing = isVital && (!this.hasPassed || pendingMs >= HUNG_AFTER_MS);
    return { part, risks: [], failure, isMissing };
  }

  private async run(): Promise<Outcome> {
    try {
      // Not before `running` is set, because the end of this function clears it.
      await undefined;
      const risks = await this.check();
      this.hasPassed = true;
      return { risks };
    } catch (error) {
      this.hasPassed = false;
      return { risks: [], failure: this.failureOf(error) };
    } finally {
      this.running = undefined;
    }
  }

  /** An unexpected failure gets the code of the part, because INTERNAL would not show which part failed. */
  private failureOf(error: unknown): AppError {
    if (error instanceof AppError) return error;
    return new AppError(WHEN_SLOW[this.part], `The ${this.part} failed.`, {}, { cause: toAppError(error) });
  }
}
