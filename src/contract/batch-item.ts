import { type Static, Type } from 'typebox';
import { nullable } from './choice.ts';
import { JobRecord, JobState } from './job.ts';
import { listOf } from './page.ts';

const ResultLink = Type.Object(
  { adapter_id: Type.String(), href: Type.String({ description: 'Path of the adapter' }) },
  { $id: 'ResultLink', additionalProperties: false },
);

/** One of the things that a batch asks for, and what became of it. */
export const BatchItem = Type.Object(
  {
    index: Type.Integer({ minimum: 0, description: 'Its place in the request' }),
    name: Type.String({
      description:
        'What it is called: its path below the prefix, or the last part of its source, or the name of its adapter. The ' +
        'folder below `deliver` that its results go to',
    }),
    source: nullable(Type.String(), { description: 'Where its adapter is fetched from, without secrets' }),
    adapter_id: nullable(Type.String(), {
      description: 'The adapter; null where it is fetched, and for merge, which has several',
    }),
    job_id: nullable(Type.String(), { description: 'null: it could not be tried, as `error` says' }),
    job_href: nullable(Type.String(), { description: 'Path of the job, with all there is to know of it' }),
    kind: JobRecord.properties.kind,
    state: JobState,
    error: nullable(
      Type.Object(
        { code: Type.String(), detail: Type.String() },
        { $id: 'BatchItemError', additionalProperties: false },
      ),
      { description: 'Why it failed; of a partial item what the first target that failed says' },
    ),
    finished_at: nullable(Type.String({ format: 'date-time' })),
    results: Type.Array(ResultLink, {
      description: 'In the order of the targets; those that failed have none',
    }),
  },
  { $id: 'BatchItem', additionalProperties: false },
);
export type BatchItem = Static<typeof BatchItem>;

export const BatchItemList = listOf('BatchItemList', BatchItem);
export type BatchItemList = Static<typeof BatchItemList>;
