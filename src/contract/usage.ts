import { type Static, Type } from 'typebox';

/** What a tenant has stored. */
export const UsageRecord = Type.Object(
  {
    stored_bytes: Type.Integer({
      minimum: 0,
      description:
        'Bytes of all files of all adapters, uploaded ones and results, each counted in full: what the quota is about',
    }),
    adapters: Type.Integer({ minimum: 0 }),
    jobs: Type.Integer({ minimum: 0, description: 'Jobs that there are records of, ended ones too' }),
  },
  { $id: 'Usage', additionalProperties: false },
);
export type UsageRecord = Static<typeof UsageRecord>;
