import { type Static, type TSchema, Type } from 'typebox';
import { AdapterRecord } from './adapter.ts';
import { BatchState } from './batch.ts';
import { choice, nullable } from './choice.ts';
import { JobRecord, JobState } from './job.ts';
import { LABEL_FILTER, MAX_LABELS } from './labels.ts';
import { listOf, PageQuery } from './page.ts';
import { DeliveryState } from './webhook.ts';

const time = (description: string) =>
  Type.Optional(
    Type.Union([Type.String({ format: 'date-time' }), Type.String({ format: 'date' })], {
      description: `${description}; a date without a time means midnight in UTC`,
      examples: ['2026-11-24T21:50:10Z', '2026-11-24'],
    }),
  );

/** The query parameters of every list whose items come and go. */
const page = {
  created_after: time('Only records created later than this'),
  created_before: time('Only records created earlier than this'),
  ...PageQuery.properties,
};
const TimedQuery = Type.Object(page);
export type TimedQuery = Static<typeof TimedQuery>;

const label = Type.Optional(
  Type.Array(Type.String({ pattern: LABEL_FILTER }), {
    maxItems: MAX_LABELS,
    description: 'A required label, as `name:value`; repeat it to require several labels',
    examples: [['team:search']],
  }),
);
const name = Type.Optional(
  Type.String({ minLength: 1, maxLength: 200, description: 'The beginning of the name' }),
);
const state = <State extends TSchema>(one: State) =>
  Type.Optional(
    Type.Array(one, {
      minItems: 1,
      maxItems: 16,
      description: 'Only records in one of these states, separated by commas or repeated',
    }),
  );
const id = (description: string) => Type.Optional(Type.String({ maxLength: 128, description }));

export const JobListQuery = Type.Object(
  {
    state: state(JobState),
    kind: Type.Optional(JobRecord.properties.kind),
    adapter_id: id('Jobs that read this adapter'),
    batch_id: id('Jobs of this batch'),
    name,
    label,
    ...page,
  },
  { additionalProperties: false },
);

export const AdapterListQuery = Type.Object(
  {
    base_model: Type.Optional(
      Type.String({ maxLength: 1000, description: 'The base model, as the adapter names it' }),
    ),
    format: Type.Optional(AdapterRecord.properties.format),
    parent_id: id('Adapters made from this one'),
    job_id: id('Results of this job'),
    batch_id: id('Results of the jobs of this batch'),
    name,
    label,
    ...page,
  },
  { additionalProperties: false },
);

export const BatchListQuery = Type.Object(
  { state: state(BatchState), name, label, ...page },
  { additionalProperties: false },
);

export const BatchItemQuery = Type.Object(
  { state: state(JobState), ...PageQuery.properties },
  { additionalProperties: false },
);

export const RunListQuery = Type.Object(
  {
    mode: Type.Optional(choice(['scheduled', 'adaptive'])),
    base_model: Type.Optional(
      Type.String({
        maxLength: 1000,
        description: 'The base model, as the run or its newest checkpoint names it',
      }),
    ),
    name,
    ...page,
  },
  { additionalProperties: false },
);

export const DeliveryListQuery = Type.Object(
  { state: state(DeliveryState), ...PageQuery.properties },
  { additionalProperties: false },
);

export const JobListPage = listOf('JobList', JobRecord);

export const AdapterListPage = listOf('AdapterList', AdapterRecord);

/** An annealing run in a list; only the run itself includes its checkpoints and what is derived from them. */
export const RunSummary = Type.Object(
  {
    id: Type.String(),
    name: nullable(Type.String()),
    base_model: nullable(Type.String()),
    mode: choice(['scheduled', 'adaptive']),
    step: nullable(Type.Integer(), { description: 'Step of the newest checkpoint' }),
    total_steps: Type.Integer(),
    checkpoints: Type.Integer({
      minimum: 0,
      description: 'Number of accepted checkpoints, including superseded ones',
    }),
    created_at: Type.String({ format: 'date-time' }),
  },
  { $id: 'RunSummary', additionalProperties: false },
);
export type RunSummary = Static<typeof RunSummary>;

export const RunListPage = listOf('RunList', RunSummary);
