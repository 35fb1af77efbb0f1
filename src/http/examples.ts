import type { TSchema } from 'typebox';
import type { AdapterRecord } from '../contract/adapter.ts';
import type { JobRecord, JobRequest, SqueezeRequest } from '../contract/job.ts';
import { AppError } from '../errors.ts';
import { PROFILES } from '../serving/profiles.ts';
import { type Problem, problemOf } from './problem.ts';

const SHA256 = '4f9a1c0e8b7d6a5f4e3d2c1b0a9988774f9a1c0e8b7d6a5f4e3d2c1b0a998877';
const ADAPTER_ID = 'ad_4f9a1c0e8b7d6a5f4e3d2c1b0a998877';
const RESULT_ID = 'ad_0b1c2d3e4f5a69788796a5b4c3d2e1f0';
const JOB_ID = 'job_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d';

const squeezeRequest: SqueezeRequest = {
  targets: [{ rank: 16 }, { energy: 0.99, scale: 'keep' }],
  options: { method: 'rsvd', seed: 7 },
};

const jobRequest: JobRequest = { kind: 'squeeze', adapter_id: ADAPTER_ID, targets: [{ rank: 16 }] };

const analyzeRequest: JobRequest = { kind: 'analyze', adapter_id: ADAPTER_ID };

const mergeRequest: JobRequest = {
  kind: 'merge',
  sources: [
    { adapter_id: ADAPTER_ID, weight: 0.7 },
    { adapter_id: RESULT_ID, weight: 0.3 },
  ],
  targets: [{ rank: 16, profile: 'vllm' }],
};

const adapter: AdapterRecord = {
  id: ADAPTER_ID,
  format: 'peft',
  sha256: SHA256,
  bytes: 159_968_412,
  base_model: 'meta-llama/Llama-2-7b-hf',
  modules: 224,
  ranks: { min: 64, max: 64 },
  alpha: 128,
  dtypes: ['BF16'],
  parameters: 79_953_920,
  passthrough_tensors: 0,
  files: [
    { name: 'adapter_model.safetensors', sha256: SHA256, bytes: 159_967_688 },
    { name: 'adapter_config.json', sha256: SHA256.split('').reverse().join(''), bytes: 724 },
  ],
  warnings: [],
  parent_id: null,
  job_id: null,
  created_at: '2026-11-24T21:50:10.000Z',
};

const job: JobRecord = {
  id: JOB_ID,
  kind: 'squeeze',
  state: 'succeeded',
  progress: { phase: 'done', done: 224, total: 224, module: null },
  created_at: '2026-11-24T21:51:00.000Z',
  started_at: '2026-11-24T21:51:00.120Z',
  finished_at: '2026-11-24T21:51:03.480Z',
  attempts: 1,
  request: jobRequest,
  results: [
    {
      target: { rank: 16 },
      adapter_id: RESULT_ID,
      format: 'peft',
      rank: { min: 16, max: 16 },
      bytes: 40_021_200,
      parameters: 19_988_480,
      relative_error: 0.0812,
      energy_retained: 0.9934,
      worst_module: { name: 'model.layers.31.mlp.down_proj', relative_error: 0.1377 },
      warnings: [],
      serving: null,
      training: null,
    },
  ],
  timings: { queue_wait: 0.12, load: 0.31, gram: 0.74, core: 0.62, project: 1.03, write: 0.48, total: 3.36 },
  provider: { name: 'cpu', requested: 'auto', threads: 2, onnxruntime: '1.30.0', fallback_reason: null },
  error: null,
};

const problem: Problem = problemOf(
  new AppError('VALIDATION_FAILED', 'targets[0].rank is 0 but must be at least 1.', {
    errors: [{ pointer: '/targets/0/rank', detail: 'targets[0].rank is 0 but must be at least 1' }],
  }),
  'c9d3a0d4-3a53-4f0c-9a37-3c1d5e0f8b21',
);

const EXAMPLES: Readonly<Record<string, readonly unknown[]>> = {
  Adapter: [adapter],
  Job: [job],
  JobRequest: [jobRequest, analyzeRequest, mergeRequest],
  SqueezeRequest: [squeezeRequest],
  Problem: [problem],
  Profile: [PROFILES[0]],
};

/** `examples` for a component of the contract, where there is one; typed above, so they cannot go stale quietly. */
export function examplesOf(schema: TSchema): { examples?: unknown[] } {
  const examples = EXAMPLES[(schema as { $id?: string }).$id ?? ''];
  return examples === undefined ? {} : { examples: [...examples] };
}
