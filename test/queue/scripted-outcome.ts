import type { Report } from '../../src/contract/report.ts';
import type { JobOutcome, MadeTarget } from '../../src/squeeze/job-context.ts';
import type { RequestInput } from '../../src/squeeze/run-request.ts';

export const PROGRESS_TOTAL = 1000;

/** What a job on three modules might give, whatever its kind; the last target of several needs no change. */
export function scriptedOutcome({ request, sources }: RequestInput): Omit<
  JobOutcome,
  'targets' | 'report'
> & {
  readonly targets: readonly MadeTarget[];
  readonly report: Report;
} {
  const targets = request.kind === 'analyze' ? [] : request.targets;
  const provider = {
    name: 'cpu',
    requested: 'auto',
    threads: 1,
    onnxruntime: '1.30.0',
    fallback_reason: null,
  } as const;
  const timings = { queue_wait: 0, load: 0.1, gram: 0.2, core: 0.3, project: 0.4, write: 0.5, total: 1.5 };
  return {
    targets: targets.map((target, i) => ({
      state: 'succeeded',
      result: {
        target,
        state: 'succeeded',
        format: 'peft',
        rank: { min: 2, max: 2 },
        bytes: 100,
        parameters: 50,
        relative_error: 0.1,
        energy_retained: 0.99,
        worst_module: null,
        warnings: [],
        serving: null,
        training: null,
      },
      files: i === targets.length - 1 && i > 0 ? null : [],
      extra: [],
    })),
    report: {
      job_id: '',
      created_at: '2026-01-01T00:00:00Z',
      product: { name: 'LoRA-Squeeze', version: '0' },
      kind: request.kind,
      sources: [...sources.values()].map(({ id, sha256, bytes, base_model }) => ({
        id,
        sha256,
        bytes,
        base_model,
        weight: 1,
      })),
      method: { requested: 'rsvd', used: 'rsvd', oversampling: 10, power_iterations: 'auto', seed: 0 },
      provider,
      timings,
      modules: [],
      targets: targets.map((target) => ({
        target,
        state: 'succeeded',
        adapter_id: '',
        relative_error: 0.1,
        energy_retained: 0.99,
        modules: [],
      })),
      analysis: null,
      notes: [],
    } satisfies Report,
    provider,
    timings,
    modules: 3,
    bytesRead: 200,
    bytesWritten: 100,
  };
}
