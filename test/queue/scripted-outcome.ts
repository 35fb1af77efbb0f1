import type { Report } from '../../src/contract/report.ts';
import type { JobOutcome, WrittenTarget } from '../../src/squeeze/job-context.ts';
import type { RequestInput } from '../../src/squeeze/run-request.ts';
import { FAKE_PROVIDER, FAKE_TIMINGS, FAKE_TOTALS, fakeResult } from '../resources/jobs/fake-result.ts';

export const PROGRESS_TOTAL = 1000;

/**
 * A possible outcome of a job on three modules, whatever its kind; the last of several targets changes
 * nothing.
 */
export function scriptedOutcome({ request, sources }: RequestInput): Omit<
  JobOutcome,
  'targets' | 'report'
> & {
  readonly targets: readonly WrittenTarget[];
  readonly report: Report;
} {
  const targets = request.kind === 'analyze' ? [] : request.targets;
  const [provider, timings] = [FAKE_PROVIDER, FAKE_TIMINGS];
  return {
    targets: targets.map((target, i) => ({
      state: 'succeeded',
      result: fakeResult({ target }),
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
    ...FAKE_TOTALS,
  };
}
