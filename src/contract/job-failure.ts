import { type Static, Type } from 'typebox';

/** Why something failed, as shown in records. */
export const JobFailure = Type.Object(
  {
    code: Type.String(),
    title: Type.String(),
    detail: Type.String(),
    retryable: Type.Boolean(),
    context: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  },
  { $id: 'JobFailure', additionalProperties: false },
);
export type JobFailure = Static<typeof JobFailure>;
