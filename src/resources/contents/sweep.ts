/** One sweep: what it goes by, and what it has found out. */
export interface Sweep {
  /** When it began. What expires later is left for the next one. */
  readonly startMs: number;
  /** `startMs` without the grace: what was released since then may be about to be referred to again. */
  readonly cutoffMs: number;
  readonly swept: Swept;
}

/** What a sweep removes. Strays are what crashes left: entries of indexes, reports without jobs, marks. */
type SweptKind =
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

export interface SweptOfKind {
  readonly kind: SweptKind;
  readonly objects: number;
  /** Of adapters the bytes of all their files, which are free when their blobs go. */
  readonly bytes: number;
}

/** What a sweep removed so far. */
export class Swept {
  private readonly counts = new Map<SweptKind, { objects: number; bytes: number }>();

  add(kind: SweptKind, bytes = 0, objects = 1): void {
    const count = this.counts.get(kind) ?? { objects: 0, bytes: 0 };
    count.objects += objects;
    count.bytes += bytes;
    this.counts.set(kind, count);
  }

  of(kind: SweptKind): SweptOfKind {
    return { kind, objects: 0, bytes: 0, ...this.counts.get(kind) };
  }

  /** Of each kind of which something was removed. */
  get all(): SweptOfKind[] {
    return [...this.counts.keys()].map((kind) => this.of(kind));
  }
}
