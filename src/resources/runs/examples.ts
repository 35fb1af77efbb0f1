import type { Static } from 'typebox';
import { SHA256_EXAMPLE } from '../../contract/examples.ts';
import type { RunListPage } from '../../contract/list.ts';
import type { CheckpointRecord, RunRecord, RunRequest } from '../../contract/run.ts';
import type { Schedule, ScheduleRequest } from '../../contract/schedule.ts';
import { planSchedule } from '../../schedule/plan-schedule.ts';

const SCHEDULE = { source_rank: 64, target_rank: 16, total_steps: 3000 };
const RUN_ID = 'run_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d';
const JOB_ID = 'job_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d';
const SOURCE_ID = 'ad_4f9a1c0e8b7d6a5f4e3d2c1b0a998877';
const RESULT_ID = 'ad_0b1c2d3e4f5a69788796a5b4c3d2e1f0';
const PLAN = planSchedule(SCHEDULE);
const { begin_step, end_step, learning_rate } = PLAN.stages[1]!;
const LEARNING_RATE = { ...learning_rate, begin_step, end_step };

const scheduled: RunRequest = { name: 'support bot', schedule: SCHEDULE };
const adaptive: RunRequest = { adaptive: { ...SCHEDULE, energy: 0.99 }, optimizer: 'reset' };
export const RUN_REQUEST_EXAMPLES = [scheduled, adaptive];

export const CHECKPOINT_EXAMPLE: CheckpointRecord = {
  run_id: RUN_ID,
  step: 750,
  decision: 'squeeze',
  reason: 'Stage 2 of 3 (rank 32) began at step 750.',
  state: 'succeeded',
  late_by_steps: 0,
  rank_before: { min: 64, max: 64 },
  rank_after: { min: 32, max: 32 },
  source_adapter_id: SOURCE_ID,
  adapter_id: RESULT_ID,
  relative_error: 0.0412,
  energy_retained: 0.9983,
  loss: 1.284,
  learning_rate: LEARNING_RATE,
  training: { learning_rate_factor: 1.02, revived_directions: 0, optimizer: 'carried' },
  files: [
    [`/v1/adapters/${RESULT_ID}/files`, 'adapter_model.safetensors', 79_984_200] as const,
    [`/v1/adapters/${RESULT_ID}/files`, 'adapter_config.json', 724] as const,
    [`/v1/jobs/${JOB_ID}/artifacts`, 'projections.safetensors', 3_680_112] as const,
    [`/v1/jobs/${JOB_ID}/artifacts`, 'optimizer.safetensors', 319_930_824] as const,
  ].map(([of, name, bytes]) => ({ name, sha256: SHA256_EXAMPLE, bytes, href: `${of}/${name}` })),
  job_id: JOB_ID,
  superseded: false,
  next_checkpoint_step: 1500,
  error: null,
  created_at: '2026-11-24T21:51:00.000Z',
};

export const RUN_EXAMPLE: RunRecord = {
  id: RUN_ID,
  name: 'support bot',
  base_model: 'meta-llama/Llama-2-7b-hf',
  mode: 'scheduled',
  request: scheduled,
  webhook_id: null,
  schedule: PLAN,
  rank: { min: 32, max: 32 },
  step: 750,
  at_target: false,
  learning_rate: LEARNING_RATE,
  next_checkpoint_step: 1500,
  notes: [],
  checkpoints: [CHECKPOINT_EXAMPLE],
  created_at: '2026-11-24T21:50:00.000Z',
};

export const RUN_PAGE_EXAMPLE: Static<typeof RunListPage> = {
  data: [
    {
      id: RUN_EXAMPLE.id,
      name: RUN_EXAMPLE.name,
      base_model: RUN_EXAMPLE.base_model,
      mode: RUN_EXAMPLE.mode,
      step: RUN_EXAMPLE.step,
      total_steps: PLAN.total_steps,
      checkpoints: RUN_EXAMPLE.checkpoints.length,
      created_at: RUN_EXAMPLE.created_at,
    },
  ],
  next_cursor: null,
};

/** All linear layers of Llama 2 7B: q, k, v, o; gate and up; down. */
export const SCHEDULE_REQUEST_EXAMPLE: ScheduleRequest = {
  source_rank: 64,
  target_rank: 4,
  total_steps: 4000,
  warm_up_steps: 1000,
  shape: 'geometric',
  stage_lengths: 'equal',
  modules: [
    { out_features: 4096, in_features: 4096, count: 128 },
    { out_features: 11008, in_features: 4096, count: 64 },
    { out_features: 4096, in_features: 11008, count: 32 },
  ],
  dtype: 'bfloat16',
  optimizer: 'adam',
};
export const SCHEDULE_EXAMPLE: Schedule = planSchedule(SCHEDULE_REQUEST_EXAMPLE);
