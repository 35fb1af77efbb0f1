import { type Static, Type } from 'typebox';
import { AdapterRecord } from './adapter.ts';
import { JobRecord, JobState } from './job.ts';
import { LABEL_FILTER, MAX_LABELS } from './labels.ts';

export const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 200;

const Moment = (description: string) =>
  Type.Optional(Type.String({ format: 'date-time', description, examples: ['2026-11-24T21:50:10Z'] }));

/** What every list can be asked. */
const page = {
  created_after: Moment('Only what was created later than this'),
  created_before: Moment('Only what was created earlier than this'),
  limit: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: MAX_LIMIT,
      default: DEFAULT_LIMIT,
      description: 'Most items of the page',
    }),
  ),
  cursor: Type.Optional(
    Type.String({
      maxLength: 256,
      description: '`next_cursor` of the page before; that page’s other parameters belong to it',
    }),
  ),
};
export const PageQuery = Type.Object(page);
export type PageQuery = Static<typeof PageQuery>;

const label = Type.Optional(
  Type.Array(Type.String({ pattern: LABEL_FILTER }), {
    maxItems: MAX_LABELS,
    description: 'A label that has to be there, as `name:text`; several times: all of them',
    examples: [['team:search']],
  }),
);
const id = (description: string) => Type.Optional(Type.String({ maxLength: 128, description }));

export const JobListQuery = Type.Object(
  {
    state: Type.Optional(JobState),
    kind: Type.Optional(JobRecord.properties.kind),
    adapter_id: id('Jobs that read this adapter'),
    batch_id: id('Jobs of this batch'),
    label,
    ...page,
  },
  { additionalProperties: false },
);

export const AdapterListQuery = Type.Object(
  {
    base_model: Type.Optional(Type.String({ maxLength: 1000, description: 'As the adapter names it' })),
    format: Type.Optional(AdapterRecord.properties.format),
    parent_id: id('Adapters made from this one'),
    job_id: id('Results of this job that were new then'),
    label,
    ...page,
  },
  { additionalProperties: false },
);

export const RunListQuery = Type.Object(
  {
    mode: Type.Optional(Type.Union([Type.Literal('scheduled'), Type.Literal('adaptive')])),
    base_model: Type.Optional(
      Type.String({ maxLength: 1000, description: 'As the run or its newest checkpoint names it' }),
    ),
    ...page,
  },
  { additionalProperties: false },
);

const NextCursor = Type.Union([Type.String(), Type.Null()], {
  description:
    'Where the next page begins, null at the end. A page may be short or empty and not be the last: one request looks ' +
    'at 1,000 records at most.',
});

export const JobListPage = Type.Object(
  {
    jobs: Type.Array(JobRecord),
    live: Type.Boolean({
      description: 'false: the queue could not be asked, so unfinished jobs are shown as recorded, `queued`',
    }),
    next_cursor: NextCursor,
  },
  { $id: 'JobList', additionalProperties: false },
);

export const AdapterListPage = Type.Object(
  { adapters: Type.Array(AdapterRecord), next_cursor: NextCursor },
  { $id: 'AdapterList', additionalProperties: false },
);

/** An annealing run in a list; the run itself has its checkpoints and what follows from them. */
export const RunSummary = Type.Object(
  {
    id: Type.String(),
    name: Type.Union([Type.String(), Type.Null()]),
    base_model: Type.Union([Type.String(), Type.Null()]),
    mode: Type.Union([Type.Literal('scheduled'), Type.Literal('adaptive')]),
    step: Type.Union([Type.Integer(), Type.Null()], { description: 'Of the newest checkpoint' }),
    checkpoints: Type.Integer({ minimum: 0, description: 'Checkpoints accepted, also superseded ones' }),
    created_at: Type.String({ format: 'date-time' }),
  },
  { additionalProperties: false },
);
export type RunSummary = Static<typeof RunSummary>;

export const RunListPage = Type.Object(
  { runs: Type.Array(RunSummary), next_cursor: NextCursor },
  { $id: 'RunList', additionalProperties: false },
);
