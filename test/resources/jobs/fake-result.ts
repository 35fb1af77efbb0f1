import type { ProviderInfo, Timings } from '../../../src/contract/job.ts';
import type { WrittenTarget } from '../../../src/squeeze/job-context.ts';

export const FAKE_PROVIDER: ProviderInfo = {
  ...{ name: 'cpu', requested: 'auto', threads: 1, onnxruntime: '1.30.0', fallback_reason: null },
};

export const FAKE_TIMINGS: Timings = {
  ...{ queue_wait: 0, load: 0.1, gram: 0.2, core: 0.3, project: 0.4, write: 0.5, total: 1.5 },
};

/** The transferred bytes of a simulated job. */
export const FAKE_TOTALS = { modules: 3, bytesRead: 200, bytesWritten: 100 };

/** The result of a target, as the work returns it. */
export const fakeResult = (change: Partial<WrittenTarget['result']> = {}): WrittenTarget['result'] => ({
  target: { rank: 2 },
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
  ...change,
});
