import type { TraceContext } from './trace-context.ts';
import type { Span, Tracing } from './tracing.ts';

/**
 * The phases of one attempt as spans, one after another: a span lasts while its phase is the one that progress
 * tells, which is the earliest that is not through. Phases overlap in the compute threads.
 */
export class PhaseSpans {
  private readonly tracing: Tracing;
  private readonly parent: TraceContext | undefined;
  private phase: string | undefined;
  private span: Span | undefined;

  constructor(tracing: Tracing, parent: TraceContext | undefined) {
    this.tracing = tracing;
    this.parent = parent;
  }

  /** Ends the phase before, unless it is the same. */
  enter(phase: string): void {
    if (phase === this.phase) return;
    this.leave();
    this.phase = phase;
    this.span = this.tracing.start(phase, 'internal', { parent: this.parent });
  }

  /** Ends the phase there is. @param failure what it failed by */
  leave(failure?: string): void {
    if (failure !== undefined) this.span?.fail(failure);
    this.span?.end();
    this.span = undefined;
    this.phase = undefined;
  }
}
