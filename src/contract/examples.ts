import type { AdapterRecord } from './adapter.ts';
import type { JobRecord } from './job.ts';

/** Examples for the contract. They are typed, so the compiler finds outdated ones. */
export const SHA256_EXAMPLE = '4f9a1c0e8b7d6a5f4e3d2c1b0a9988774f9a1c0e8b7d6a5f4e3d2c1b0a998877';

export const RESULT_ID_EXAMPLE = 'ad_0b1c2d3e4f5a69788796a5b4c3d2e1f0';

export const ADAPTER_EXAMPLE: AdapterRecord = {
  id: 'ad_4f9a1c0e8b7d6a5f4e3d2c1b0a998877',
  name: 'search-v3',
  format: 'peft',
  sha256: SHA256_EXAMPLE,
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
    { name: 'adapter_model.safetensors', sha256: SHA256_EXAMPLE, bytes: 159_967_688 },
    { name: 'adapter_config.json', sha256: SHA256_EXAMPLE.split('').reverse().join(''), bytes: 724 },
  ],
  warnings: [],
  parent_id: null,
  job_id: null,
  labels: { team: 'search' },
  expires_at: null,
  created_at: '2026-11-24T21:50:10.000Z',
};

export const JOB_EXAMPLE: JobRecord = {
  id: 'job_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d',
  kind: 'squeeze',
  state: 'succeeded',
  progress: { phase: 'done', done: 224, total: 224, module: null },
  created_at: '2026-11-24T21:51:00.000Z',
  started_at: '2026-11-24T21:51:00.120Z',
  finished_at: '2026-11-24T21:51:03.480Z',
  attempts: 1,
  name: null,
  labels: { team: 'search' },
  priority: 'normal',
  ttl_seconds: null,
  expires_at: null,
  batch_id: null,
  retry_of: null,
  webhook_id: null,
  reused: false,
  request: { kind: 'squeeze', adapter_id: ADAPTER_EXAMPLE.id, targets: [{ rank: 16 }] },
  imported: null,
  deliveries: [],
  results: [
    {
      target: { rank: 16 },
      state: 'succeeded',
      adapter_id: RESULT_ID_EXAMPLE,
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
