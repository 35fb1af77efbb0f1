import type { BatchList, BatchRecord, BatchRequest, BatchSummary } from '../../contract/batch.ts';

const ADAPTER_ID = 'ad_4f9a1c0e8b7d6a5f4e3d2c1b0a998877';
const OTHER_ID = 'ad_7d6a5f4e3d2c1b0a9988774f9a1c0e8b';
const RESULT_ID = 'ad_0b1c2d3e4f5a69788796a5b4c3d2e1f0';
const JOB_ID = 'job_019ac7e0f3a200009a1c0e8b7d6a5f4e';
const OTHER_JOB_ID = 'job_019ac7e0f3a200017d6a5f4e3d2c1b0a';
const BATCH_ID = 'batch_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d';

const ofAdapters: BatchRequest = {
  name: 'release 2026-12',
  adapter_ids: [ADAPTER_ID, OTHER_ID],
  targets: [{ rank: 16, profile: 'vllm' }],
  results: { name: '{source}-2026-12', labels: { release: '2026-12' } },
  labels: { release: '2026-12' },
  priority: 'low',
};

const ofJobs: BatchRequest = {
  jobs: [
    { kind: 'squeeze', adapter_id: ADAPTER_ID, targets: [{ rank: 16 }, { rank: 8 }] },
    { kind: 'analyze', adapter_id: OTHER_ID, labels: { why: 'new' } },
  ],
};

export const BATCH_REQUEST_EXAMPLES = [ofAdapters, ofJobs];

export const BATCH_SUMMARY_EXAMPLE: BatchSummary = {
  id: BATCH_ID,
  state: 'partial',
  counts: { queued: 0, active: 0, succeeded: 1, partial: 0, failed: 1, cancelled: 0 },
  progress: { done: 2, total: 2 },
  name: 'release 2026-12',
  labels: { release: '2026-12' },
  retry_of: null,
  webhook_id: null,
  created_at: '2026-11-24T21:51:00.000Z',
  finished_at: '2026-11-24T21:51:05.310Z',
  expires_at: null,
};

export const BATCH_EXAMPLE: BatchRecord = {
  ...BATCH_SUMMARY_EXAMPLE,
  jobs: [
    {
      id: JOB_ID,
      href: `/v1/jobs/${JOB_ID}`,
      kind: 'squeeze',
      adapter_id: ADAPTER_ID,
      state: 'succeeded',
      error_code: null,
      finished_at: '2026-11-24T21:51:03.480Z',
      results: [{ adapter_id: RESULT_ID, href: `/v1/adapters/${RESULT_ID}` }],
    },
    {
      id: OTHER_JOB_ID,
      href: `/v1/jobs/${OTHER_JOB_ID}`,
      kind: 'squeeze',
      adapter_id: OTHER_ID,
      state: 'failed',
      error_code: 'NON_FINITE_WEIGHTS',
      finished_at: '2026-11-24T21:51:05.310Z',
      results: [],
    },
  ],
};

export const BATCH_PAGE_EXAMPLE: BatchList = { data: [BATCH_SUMMARY_EXAMPLE], next_cursor: null };
