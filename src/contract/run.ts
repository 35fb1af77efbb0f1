import { type Static, type TObject, Type } from 'typebox';
import { AdapterFile } from './adapter.ts';
import { choice, nullable } from './choice.ts';
import { DryRun } from './forecast.ts';
import { TrainingNotes } from './job.ts';
import { JobFailure } from './job-failure.ts';
import { SqueezeOptions } from './job-request.ts';
import { RecordName } from './labels.ts';
import { ResultSettings } from './result-settings.ts';
import { exactlyOne, onlyWith } from './rules.ts';
import { AdaptiveRequest, RunLearningRate, Schedule, ScheduleRequest } from './schedule.ts';
import { RequestWebhook } from './webhook.ts';

const Step = Type.Integer({ minimum: 0, maximum: 1e9, description: 'Optimizer steps done' });
const RankRange = Type.Object(
  { min: Type.Integer({ minimum: 1 }), max: Type.Integer({ minimum: 1 }) },
  {
    $id: 'RankRange',
    additionalProperties: false,
    description: 'Smallest and largest rank over the modules',
  },
);

const how = {
  name: Type.Optional(RecordName),
  base_model: Type.Optional(
    Type.String({
      maxLength: 500,
      description: 'The base model; checkpoints that name another one are refused',
    }),
  ),
  alpha: Type.Optional(
    choice(['keep', 'sqrt'], {
      default: 'keep',
      description:
        'What each squeeze does with the scaling s = lora_alpha/r. keep: s stays, and lora_alpha follows the ' +
        'rank. sqrt: s grows by √(r/k), as if s were α/√r. ΔW is the same in both cases.',
    }),
  ),
  optimizer: Type.Optional(
    choice(['carry', 'reset'], {
      default: 'carry',
      description:
        'carry: moments that are sent with a checkpoint are returned in the new basis. reset: they are returned ' +
        'as zeros.',
    }),
  ),
  revive: Type.Optional(
    Type.Boolean({
      default: true,
      description:
        'Whether directions of length zero get B = 0 and a random A, so that they can be trained; if both ' +
        'factors were zero, no gradient could change them',
    }),
  ),
  options: Type.Optional(
    Type.Object(SqueezeOptions.properties, {
      additionalProperties: false,
      description: 'Options as for any job, except that the default method is exact',
    }),
  ),
  results: Type.Optional(ResultSettings),
  webhook: Type.Optional(RequestWebhook),
  dry_run: Type.Optional(DryRun),
};

const scheduled = {
  schedule: ScheduleRequest,
  rank_allocation: Type.Optional(
    choice(['uniform', 'by_module'], {
      default: 'uniform',
      description:
        'For runs with a schedule. uniform: each squeeze gives all modules the rank of the stage. by_module: each ' +
        'module gets a rank of its own, and together they have at most the parameters that they would have at ' +
        'that rank, shared out as for budget_parameters.',
    }),
  ),
};
const adaptive = {
  adaptive: AdaptiveRequest,
};

type How = Static<TObject<typeof how>>;
/** Body of POST /v1/runs: squeezes happen by the clock, or by the spectrum. */
export type RunRequest = (How & Static<TObject<typeof scheduled>>) | (How & Static<TObject<typeof adaptive>>);
export const RunRequest = Type.Unsafe<RunRequest>(
  Type.Object(
    { ...how, ...Type.Partial(Type.Object({ ...scheduled, ...adaptive })).properties },
    {
      $id: 'RunRequest',
      additionalProperties: false,
      ...exactlyOne(['schedule', 'adaptive']),
      ...onlyWith({ rank_allocation: ['schedule'] }),
    },
  ),
);

const CheckpointState = choice(['queued', 'active', 'succeeded', 'failed', 'cancelled'], {
  description: 'State of the job of the checkpoint; succeeded for keep',
});

/** A file of a checkpoint's result, and where to get it. */
export const CheckpointFile = Type.Object(
  { ...AdapterFile.properties, href: Type.String({ description: 'Path of the download' }) },
  { $id: 'CheckpointFile', additionalProperties: false },
);
export type CheckpointFile = Static<typeof CheckpointFile>;

/** A checkpoint that a trainer sent, and its outcome. */
export const CheckpointRecord = Type.Object(
  {
    run_id: Type.String(),
    step: Step,
    decision: choice(['squeeze', 'keep'], {
      description:
        'keep: there is nothing to squeeze now, so continue with your adapter. A squeeze by the spectrum ' +
        'also ends as keep if it finds nothing to squeeze.',
    }),
    reason: Type.String({ description: 'The reason, in words' }),
    state: CheckpointState,
    late_by_steps: Type.Integer({
      minimum: 0,
      description: 'Number of steps by which the checkpoint came after the scheduled squeeze',
    }),
    rank_before: RankRange,
    rank_after: nullable(RankRange, { description: 'null until the squeeze is done' }),
    source_adapter_id: nullable(Type.String(), {
      description:
        'The checkpoint as it was sent; null if the decision is keep, because its files are not stored then',
    }),
    adapter_id: nullable(Type.String(), {
      description:
        'The adapter to continue with; null until the squeeze is done, and if the checkpoint was kept without a ' +
        'job, because the trainer already has that adapter.',
    }),
    relative_error: nullable(Type.Number()),
    energy_retained: nullable(Type.Number()),
    loss: nullable(Type.Number(), { description: 'The training loss that the trainer sent; null: none' }),
    learning_rate: nullable(RunLearningRate, {
      description:
        'null until the squeeze is done. This is the rate of the plan; `training.learning_rate_factor` is ' +
        'a hint that is computed from the factors.',
    }),
    training: nullable(Type.Omit(TrainingNotes, ['files'])),
    files: Type.Array(CheckpointFile, {
      description:
        'Weights, configuration, projections.safetensors and, if moments were sent, optimizer.safetensors. Empty ' +
        'for keep, and until the squeeze is done.',
    }),
    job_id: nullable(Type.String(), { description: 'null for keep' }),
    superseded: Type.Boolean({
      description:
        'Whether another checkpoint replaced this one: the run was rewound to this step or an earlier ' +
        'one, or the checkpoint had failed and was sent again',
    }),
    next_checkpoint_step: nullable(Type.Integer(), {
      description:
        'When to send the next checkpoint; null: train to the end. For a failed checkpoint, its own step, to send ' +
        'it again.',
    }),
    error: nullable(JobFailure),
    created_at: Type.String({ format: 'date-time' }),
  },
  { $id: 'Checkpoint', additionalProperties: false },
);
export type CheckpointRecord = Static<typeof CheckpointRecord>;

export const RunRecord = Type.Object(
  {
    id: Type.String(),
    name: nullable(RecordName),
    base_model: nullable(Type.String()),
    mode: choice(['scheduled', 'adaptive']),
    request: RunRequest,
    webhook_id: nullable(Type.String(), {
      description: 'The webhook that was requested with it; see `GET /v1/webhooks/{id}/deliveries`',
    }),
    schedule: nullable(Schedule, { description: 'null for adaptive runs' }),
    rank: RankRange,
    step: nullable(Step, { description: 'Step of the newest checkpoint' }),
    at_target: Type.Boolean({
      description: 'Whether the target rank is reached, so that no squeezes follow',
    }),
    learning_rate: RunLearningRate,
    next_checkpoint_step: nullable(Type.Integer()),
    notes: Type.Array(Type.String(), {
      description:
        'A note if the last stage gets too small a share of the training, in the current state of the run and with the learning rate ' +
        'schedule of the request',
    }),
    checkpoints: Type.Array(CheckpointRecord, {
      description: 'In the order of acceptance, including superseded and failed ones',
    }),
    created_at: Type.String({ format: 'date-time' }),
  },
  { $id: 'Run', additionalProperties: false },
);
export type RunRecord = Static<typeof RunRecord>;

/** Changes to a run after its start. */
export const RunPatch = Type.Object(
  { name: nullable(RecordName, { description: 'null: the record has no name any longer' }) },
  { $id: 'RunPatch', additionalProperties: false },
);
export type RunPatch = Static<typeof RunPatch>;
