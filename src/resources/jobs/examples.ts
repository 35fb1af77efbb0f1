import type { Static } from 'typebox';
import { ADAPTER_EXAMPLE, JOB_EXAMPLE, RESULT_ID_EXAMPLE, SHA256_EXAMPLE } from '../../contract/examples.ts';
import type { JobProgress } from '../../contract/job.ts';
import type { JobRequest, SqueezeRequest } from '../../contract/job-request.ts';
import type { JobListPage } from '../../contract/list.ts';

/** Examples of the contract, with their types, so that an outdated example does not compile. */
const ADAPTER_ID = ADAPTER_EXAMPLE.id;

export const SQUEEZE_REQUEST_EXAMPLE: SqueezeRequest = {
  targets: [{ rank: 16 }, { energy: 0.99, scale: 'keep' }],
  options: { method: 'rsvd', seed: 7 },
  results: { name: 'search-v3-r{rank}', labels: { team: 'search' } },
};

const jobRequest: JobRequest = { kind: 'squeeze', adapter_id: ADAPTER_ID, targets: [{ rank: 16 }] };

/** A conversion for llama.cpp at the rank of the source, without the output layer that was saved with the adapter. */
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
  source: { kind: 'hub', repo: 'team/adapter-r64', token: 'hf_0123456789' },
  targets: [{ rank: 16, profile: 'vllm' }],
  deliver: [
    { target: 0, to: { kind: 'hub', repo: 'team/adapter-r16', token: 'hf_0123456789', create: true } },
  ],
  results: { labels: { team: 'search', stage: 'trial' }, ttl_seconds: 2_592_000 },
  labels: { team: 'search' },
  priority: 'high',
  ttl_seconds: 604_800,
};

const importRequest: JobRequest = {
  kind: 'import',
  source: {
    kind: 'url',
    files: {
      'adapter_model.safetensors': {
        url: 'https://models.example.com/adapter_model.safetensors?signature=0123',
        sha256: SHA256_EXAMPLE,
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
    kind: 's3',
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
    { adapter_id: RESULT_ID_EXAMPLE, weight: 0.3 },
  ],
  targets: [{ rank: 16, profile: 'vllm' }],
};

export const JOB_REQUEST_EXAMPLES: readonly JobRequest[] = [
  jobRequest,
  analyzeRequest,
  mergeRequest,
  convertRequest,
  fetchRequest,
  importRequest,
  exportRequest,
];

export const jobProgressExample: JobProgress = {
  phase: 'gram',
  done: 120,
  total: 224,
  module: 'model.layers.17.mlp.up_proj',
  attempt: 1,
};

export const JOB_PAGE_EXAMPLE: Static<typeof JobListPage> = {
  data: [JOB_EXAMPLE],
  next_cursor: Buffer.from(JOB_EXAMPLE.id).toString('base64url'),
};
