/** The parameters and the findings of one sweep. */
export interface Sweep {
  /** The start of the sweep. Records that expire later are left for the next one. */
  readonly startMs: number;
  /** `startMs` minus the grace period: what was released later may be about to get a new reference. */
  readonly cutoffMs: number;
  readonly swept: SweepCounts;
}

/**
 * The kinds of objects that a sweep removes. Strays are remains of crashes: index entries, reports without jobs,
 * marks.
 */
export type SweptKind =
  | 'adapter'
  | 'job'
  | 'tenant'
  | 'batch'
  | 'delivery'
  | 'webhook'
  | 'event'
  | 'blob'
  | 'stray'
  | 'idempotency_key';

export interface SweptCount {
  readonly kind: SweptKind;
  readonly objects: number;
  /** For adapters: the bytes of all their files, which become free when their content is removed. */
  readonly bytes: number;
}

/** Runs all steps one after the other, even if some of them fail. @throws the first error, at the end */
export async function runAll(steps: readonly (() => Promise<unknown>)[]): Promise<void> {
  const errors: unknown[] = [];
  for (const step of steps) await step().catch((error: unknown) => errors.push(error));
  if (errors.length > 0) throw errors[0];
}

/** What a sweep has removed so far. */
export class SweepCounts {
  private readonly counts = new Map<SweptKind, { objects: number; bytes: number }>();

  add(kind: SweptKind, bytes = 0, objects = 1): void {
    const count = this.counts.get(kind) ?? { objects: 0, bytes: 0 };
    count.objects += objects;
    count.bytes += bytes;
    this.counts.set(kind, count);
  }

  of(kind: SweptKind): SweptCount {
    return { kind, objects: 0, bytes: 0, ...this.counts.get(kind) };
  }

  /** The kinds of which something was removed. */
  get all(): SweptCount[] {
    return [...this.counts.keys()].map((kind) => this.of(kind));
  }
}
