import { type Static, Type } from 'typebox';
import { JobRecord, Progress } from './job.ts';

/** Data of the event `progress`. */
export const JobProgress = Type.Object(
  { ...Progress.properties, attempt: Type.Integer({ minimum: 1, description: 'Attempt that it is about' }) },
  { $id: 'JobProgress', additionalProperties: false },
);
export type JobProgress = Static<typeof JobProgress>;

/** What a stream of events tells of a job, one after another. */
export const JobEvent = Type.Union(
  [
    Type.Object(
      { id: Type.String(), event: Type.Literal('state'), data: JobRecord },
      { additionalProperties: false, description: 'The job was accepted, began an attempt, or ended' },
    ),
    Type.Object(
      { id: Type.String(), event: Type.Literal('progress'), data: JobProgress },
      { additionalProperties: false, description: 'The newest progress; some in between may be left out' },
    ),
  ],
  { $id: 'JobEvent' },
);
export type JobEvent = Static<typeof JobEvent>;
