import type { BatchList, BatchRecord, BatchRequest } from '../../contract/batch.ts';
import type { BatchItemList } from '../../contract/batch-item.ts';
import type { BatchResultLine } from '../../contract/batch-result.ts';

const ADAPTER_ID = 'ad_4f9a1c0e8b7d6a5f4e3d2c1b0a998877';
const OTHER_ID = 'ad_7d6a5f4e3d2c1b0a9988774f9a1c0e8b';
const RESULT_ID = 'ad_0b1c2d3e4f5a69788796a5b4c3d2e1f0';
const JOB_ID = 'job_019ac7e0f3a200009a1c0e8b7d6a5f4e';
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

const ofBucket: BatchRequest = {
  source_prefix: 's3://models/in',
  targets: [{ rank: 16 }],
  deliver: 's3://models/out',
  webhook: { url: 'https://platform.example.com/hooks/squeezed' },
};

export const BATCH_REQUEST_EXAMPLES = [ofAdapters, ofBucket, ofJobs];

export const BATCH_EXAMPLE: BatchRecord = {
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

export const BATCH_ITEMS_EXAMPLE: BatchItemList = {
  data: [
    {
      index: 0,
      name: 'support/chat',
      source: 's3://models/in/support/chat',
      adapter_id: null,
      job_id: JOB_ID,
      job_href: `/v1/jobs/${JOB_ID}`,
      kind: 'squeeze',
      state: 'succeeded',
      error: null,
      finished_at: '2026-11-24T21:51:03.480Z',
      results: [{ adapter_id: RESULT_ID, href: `/v1/adapters/${RESULT_ID}` }],
    },
    {
      index: 1,
      name: OTHER_ID,
      source: null,
      adapter_id: OTHER_ID,
      job_id: null,
      job_href: null,
      kind: 'squeeze',
      state: 'failed',
      error: { code: 'ADAPTER_NOT_FOUND', detail: `There is no adapter "${OTHER_ID}".` },
      finished_at: '2026-11-24T21:51:00.014Z',
      results: [],
    },
  ],
  next_cursor: null,
};

export const BATCH_PAGE_EXAMPLE: BatchList = { data: [BATCH_EXAMPLE], next_cursor: null };
export const BATCH_RESULT_LINE_EXAMPLE: BatchResultLine = {
  index: 0,
  name: 'support-chat-v3',
  job_id: JOB_ID,
  kind: 'squeeze',
  source: null,
  adapter_id: ADAPTER_ID,
  target: 0,
  state: 'succeeded',
  result_id: RESULT_ID,
  rank: { min: 16, max: 16 },
  bytes: 40_021_200,
  relative_error: 0.0812,
  deliveries: [{ state: 'succeeded', place: 's3://models/out/support-chat-v3', error: null }],
  error: null,
  finished_at: '2026-11-24T21:51:03.480Z',
};
