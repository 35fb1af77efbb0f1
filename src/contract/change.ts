import { type Static, Type } from 'typebox';
import { AdapterName } from './adapter.ts';
import { Labels, TtlSeconds } from './labels.ts';

/** PATCH /v1/adapters/{id}. */
export const AdapterPatch = Type.Object(
  {
    name: Type.Optional(AdapterName),
    labels: Type.Optional(Labels),
    ttl_seconds: Type.Optional(
      Type.Union([TtlSeconds, Type.Null()], {
        description: 'The adapter is removed by itself so many seconds from now on; null: it is kept',
      }),
    ),
  },
  {
    $id: 'AdapterPatch',
    additionalProperties: false,
    minProperties: 1,
    description: 'What is left out stays as it is. Labels take the place of all those before.',
  },
);
export type AdapterPatch = Static<typeof AdapterPatch>;
