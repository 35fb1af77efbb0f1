import type { TSchema } from 'typebox';
import type { AdapterRecord } from '../contract/adapter.ts';
import type { JobRecord } from '../contract/job.ts';
import type { JobRequest, SqueezeRequest } from '../contract/job-request.ts';
import type { UsageRecord } from '../contract/usage.ts';
import { AppError } from '../errors.ts';
import { PROFILES } from '../serving/profiles.ts';
import { ADMIN_EXAMPLES } from './admin-examples.ts';
import { type Problem, problemOf } from './problem.ts';

const SHA256 = '4f9a1c0e8b7d6a5f4e3d2c1b0a9988774f9a1c0e8b7d6a5f4e3d2c1b0a998877';
const ADAPTER_ID = 'ad_4f9a1c0e8b7d6a5f4e3d2c1b0a998877';
const RESULT_ID = 'ad_0b1c2d3e4f5a69788796a5b4c3d2e1f0';
const JOB_ID = 'job_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d';

const squeezeRequest: SqueezeRequest = {
  targets: [{ rank: 16 }, { energy: 0.99, scale: 'keep' }],
  options: { method: 'rsvd', seed: 7 },
  results: { name: 'search-v3-r{rank}', labels: { team: 'search' } },
};

const jobRequest: JobRequest = { kind: 'squeeze', adapter_id: ADAPTER_ID, targets: [{ rank: 16 }] };

/** To llama.cpp, and to the rank it has, without the head that was saved along. */
const convertRequest: JobRequest = {
  kind: 'squeeze',
  adapter_id: ADAPTER_ID,
  targets: [
    {
      format: 'gguf',
      format_options: { architecture: 'llama', heads: 32, kv_heads: 32 },
      strip: ['heads'],
    },
  ],
};

const analyzeRequest: JobRequest = { kind: 'analyze', adapter_id: ADAPTER_ID };

const fetchRequest: JobRequest = {
  kind: 'squeeze',
  source: { type: 'hub', repo: 'team/adapter-r64', token: 'hf_0123456789' },
  targets: [{ rank: 16, profile: 'vllm' }],
  deliver: [
    { target: 0, to: { type: 'hub', repo: 'team/adapter-r16', token: 'hf_0123456789', create: true } },
  ],
  results: { labels: { team: 'search', stage: 'trial' }, ttl_seconds: 2_592_000 },
  labels: { team: 'search' },
  priority: 'high',
  ttl_seconds: 604_800,
};

const importRequest: JobRequest = {
  kind: 'import',
  source: {
    type: 'url',
    files: {
      'adapter_model.safetensors': {
        url: 'https://models.example.com/adapter_model.safetensors?signature=0123',
        sha256: SHA256,
      },
      'adapter_config.json': { url: 'https://models.example.com/adapter_config.json?signature=4567' },
    },
  },
  results: { name: 'search-v3' },
};

const exportRequest: JobRequest = {
  kind: 'export',
  adapter_id: ADAPTER_ID,
  to: {
    type: 's3',
    bucket: 'adapters',
    prefix: 'served/search',
    region: 'eu-west-1',
    credentials: { access_key_id: 'AKIAEXAMPLE', secret_access_key: 'secret' },
  },
};

const mergeRequest: JobRequest = {
  kind: 'merge',
  sources: [
    { adapter_id: ADAPTER_ID, weight: 0.7 },
    { adapter_id: RESULT_ID, weight: 0.3 },
  ],
  targets: [{ rank: 16, profile: 'vllm' }],
};

export const ADAPTER_EXAMPLE: AdapterRecord = {
  id: ADAPTER_ID,
  name: 'search-v3',
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
  size: [{ what: 'lora', tensors: 448, bytes: 159_907_840 }],
  files: [
    { name: 'adapter_model.safetensors', sha256: SHA256, bytes: 159_967_688 },
    { name: 'adapter_config.json', sha256: SHA256.split('').reverse().join(''), bytes: 724 },
  ],
  warnings: [],
  parent_id: null,
  job_id: null,
  labels: { team: 'search' },
  expires_at: null,
  created_at: '2026-11-24T21:50:10.000Z',
};

export const JOB_EXAMPLE: JobRecord = {
  id: JOB_ID,
  kind: 'squeeze',
  state: 'succeeded',
  progress: { phase: 'done', done: 224, total: 224, module: null },
  created_at: '2026-11-24T21:51:00.000Z',
  started_at: '2026-11-24T21:51:00.120Z',
  finished_at: '2026-11-24T21:51:03.480Z',
  attempts: 1,
  labels: { team: 'search' },
  priority: 'normal',
  ttl_seconds: null,
  expires_at: null,
  batch_id: null,
  retry_of: null,
  reused: false,
  request: { kind: 'squeeze', adapter_id: ADAPTER_ID, targets: [{ rank: 16 }] },
  import: null,
  deliveries: [],
  results: [
    {
      target: { rank: 16 },
      state: 'succeeded',
      adapter_id: RESULT_ID,
      format: 'peft',
      rank: { min: 16, max: 16 },
      bytes: 40_021_200,
      parameters: 19_988_480,
      relative_error: 0.0812,
      energy_retained: 0.9934,
      module_relative_error: 0.0927,
      module_energy_retained: 0.9914,
      expected_loss: null,
      worst_module: { name: 'model.layers.31.mlp.down_proj', relative_error: 0.1377 },
      size: [{ what: 'lora', tensors: 448, bytes: 39_976_960 }],
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

const usage: UsageRecord = { stored_bytes: 319_989_632, adapters: 3, jobs: 12 };

const EXAMPLES: Readonly<Record<string, readonly unknown[]>> = {
  ...ADMIN_EXAMPLES,
  Adapter: [ADAPTER_EXAMPLE],
  Job: [JOB_EXAMPLE],
  JobRequest: [
    jobRequest,
    analyzeRequest,
    mergeRequest,
    convertRequest,
    fetchRequest,
    importRequest,
    exportRequest,
  ],
  SqueezeRequest: [squeezeRequest],
  Usage: [usage],
  Problem: [problem],
  Profile: [PROFILES[0]],
};

/** `examples` for a component of the contract, where there is one; typed above, so they cannot go stale quietly. */
export function examplesOf(schema: TSchema): { examples?: unknown[] } {
  const examples = EXAMPLES[(schema as { $id?: string }).$id ?? ''];
  return examples === undefined ? {} : { examples: [...examples] };
}
