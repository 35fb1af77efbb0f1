import type { Report } from '../../src/contract/report.ts';
import type { SqueezeInput, SqueezeOutcome } from '../../src/squeeze/squeeze.ts';

export const PROGRESS_TOTAL = 1000;

/** What a squeeze of three modules to the targets asked for might give; the last target needs no change. */
export function scriptedOutcome(
  input: Pick<SqueezeInput, 'jobId' | 'adapterId' | 'targets'>,
): SqueezeOutcome {
  const provider = {
    name: 'cpu',
    requested: 'auto',
    threads: 1,
    onnxruntime: '1.30.0',
    fallback_reason: null,
  } as const;
  const timings = { queue_wait: 0, load: 0.1, gram: 0.2, core: 0.3, project: 0.4, write: 0.5, total: 1.5 };
  return {
    targets: input.targets.map((target, i) => ({
      result: {
        target,
        format: 'peft',
        rank: { min: 2, max: 2 },
        bytes: 100,
        parameters: 50,
        relative_error: 0.1,
        energy_retained: 0.99,
        worst_module: null,
        warnings: [],
      },
      files: i === input.targets.length - 1 && i > 0 ? null : [],
    })),
    report: {
      job_id: input.jobId,
      created_at: '2026-01-01T00:00:00Z',
      product: { name: 'LoRA-Squeeze', version: '0' },
      adapter: { id: input.adapterId, sha256: 'aa', bytes: 200, base_model: null },
      method: { requested: 'rsvd', used: 'rsvd', oversampling: 10, power_iterations: 'auto', seed: 0 },
      provider,
      timings,
      modules: [],
      targets: input.targets.map((target) => ({
        target,
        adapter_id: '',
        relative_error: 0.1,
        energy_retained: 0.99,
        modules: [],
      })),
      notes: [],
    } satisfies Report,
    provider,
    timings,
    modules: 3,
    bytesRead: 200,
    bytesWritten: 100,
  };
}
