import { sourceIds } from '../../resources/jobs/adapters-of-request.ts';
import type { JobOutcome } from '../../squeeze/job-context.ts';
import type { RequestInput } from '../../squeeze/run-request.ts';
import type { TraceContext } from '../../tracing/trace-context.ts';
import type { Span, Tracing } from '../../tracing/tracing.ts';
import { contextOf, type TaskData } from '../job-types.ts';

/** The work of a compute process for one attempt, as a span with spans for its phases. */
export class TracedAttempt {
  private readonly span: Span;
  private readonly phases: PhaseSpans;

  constructor(tracing: Tracing, job: { readonly id?: string; readonly data: TaskData }) {
    this.span = tracing.start('compute', 'internal', {
      parent: contextOf(job.data),
      attributes: {
        'lora_squeeze.job.id': job.data.task.jobs[0],
        'lora_squeeze.request.id': job.data.requestId,
      },
    });
    this.phases = new PhaseSpans(tracing, this.span.context);
    // Until the work begins, the files of the job are made local.
    this.phases.enter('fetch');
  }

  /** Enters the phase in which the compute threads start: the process is new, or its threads were given up. */
  startsEngine(): void {
    this.phases.enter('engine');
  }

  /** Does the work of a request and traces its phases; after it, only the results are left to be stored. */
  async work(input: RequestInput, work: (input: RequestInput) => Promise<JobOutcome>): Promise<JobOutcome> {
    const { request } = input;
    const ids = sourceIds(request);
    this.span.set({
      'lora_squeeze.job.kind': request.kind,
      'lora_squeeze.adapter.id': ids[0],
      'lora_squeeze.adapters': ids.length,
      'lora_squeeze.targets': 'targets' in request ? request.targets.length : undefined,
    });
    this.phases.enter('load');
    const outcome = await work({
      ...input,
      onProgress: (progress) => {
        if (progress.phase !== 'done') this.phases.enter(progress.phase);
        input.onProgress(progress);
      },
    });
    const { provider, timings, modules, bytesRead, bytesWritten } = outcome;
    this.span.set({
      'lora_squeeze.provider': provider.name,
      'lora_squeeze.threads': provider.threads,
      'lora_squeeze.modules': modules,
      'lora_squeeze.read_bytes': bytesRead,
      'lora_squeeze.written_bytes': bytesWritten,
      'lora_squeeze.load_seconds': timings.load,
      'lora_squeeze.gram_seconds': timings.gram,
      'lora_squeeze.core_seconds': timings.core,
      'lora_squeeze.project_seconds': timings.project,
      'lora_squeeze.write_seconds': timings.write,
    });
    this.phases.enter('store');
    return outcome;
  }

  /** Ends the span, and the current phase. @param failure the code of the error */
  end(failure?: string): void {
    this.phases.leave(failure);
    if (failure !== undefined) this.span.fail(failure);
    this.span.end();
  }
}

/**
 * The phases of one attempt as spans, one after the other. A span lasts as long as progress reports its phase, which
 * is the earliest unfinished one. Phases overlap in the compute threads.
 */
class PhaseSpans {
  private readonly tracing: Tracing;
  private readonly parent: TraceContext | undefined;
  private phase: string | undefined;
  private span: Span | undefined;

  constructor(tracing: Tracing, parent: TraceContext | undefined) {
    this.tracing = tracing;
    this.parent = parent;
  }

  /** Begins a phase and ends the previous one, unless it is the same. */
  enter(phase: string): void {
    if (phase === this.phase) return;
    this.leave();
    this.phase = phase;
    this.span = this.tracing.start(phase, 'internal', { parent: this.parent });
  }

  /** Ends the current phase. @param failure the code of the error */
  leave(failure?: string): void {
    if (failure !== undefined) this.span?.fail(failure);
    this.span?.end();
    this.span = undefined;
    this.phase = undefined;
  }
}
