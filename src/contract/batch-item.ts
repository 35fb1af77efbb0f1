import { type Static, Type } from 'typebox';
import { nullable } from './choice.ts';
import { JobRecord, JobState } from './job.ts';
import { listOf } from './page.ts';

const ResultLink = Type.Object(
  { adapter_id: Type.String(), href: Type.String({ description: 'Path of the adapter' }) },
  { $id: 'ResultLink', additionalProperties: false },
);

/** An item of a batch, with its outcome. */
export const BatchItem = Type.Object(
  {
    index: Type.Integer({ minimum: 0, description: 'Position in the request, from 0' }),
    name: Type.String({
      description:
        'Name: the path below the prefix, the last part of the source, or the name of the adapter. Its results ' +
        'are delivered to the folder with this name below `deliver`',
    }),
    source: nullable(Type.String(), { description: 'Source of the adapter, without secrets' }),
    adapter_id: nullable(Type.String(), {
      description: 'The adapter of the item; null if it is fetched, and for a merge, which has several',
    }),
    job_id: nullable(Type.String(), {
      description: 'null: the item could not be tried; `error` gives the reason',
    }),
    job_href: nullable(Type.String(), { description: 'Path of the job, which has all details' }),
    kind: JobRecord.properties.kind,
    state: JobState,
    error: nullable(
      Type.Object(
        { code: Type.String(), detail: Type.String() },
        { $id: 'BatchItemError', additionalProperties: false },
      ),
      { description: 'Why it failed; for a partial item, the error of the first failed target' },
    ),
    finished_at: nullable(Type.String({ format: 'date-time' })),
    results: Type.Array(ResultLink, {
      description: 'In the order of the targets; failed targets have none',
    }),
  },
  { $id: 'BatchItem', additionalProperties: false },
);
export type BatchItem = Static<typeof BatchItem>;

export const BatchItemList = listOf('BatchItemList', BatchItem);
export type BatchItemList = Static<typeof BatchItemList>;
