import { type Static, Type } from 'typebox';
import { FormatRecord } from './format.ts';
import { ServingProfile } from './serving.ts';

const count = (description: string) => Type.Integer({ minimum: 0, description });

/** Limits on requests, so that a client can stay within them. */
const Limits = Type.Object(
  {
    upload_bytes: count('Bytes of one upload'),
    targets: count('Targets of one job'),
    merge_sources: count('Adapters of one merge'),
    batch_items: count('Items of one batch'),
    labels: count('Labels of one record'),
    page_items: count('Records on one page of a list'),
    wait_seconds: count('Longest wait in seconds that `Prefer: wait` accepts'),
  },
  { additionalProperties: false, description: 'Limits of requests' },
);

/** What this service can do, in one answer. */
export const Capabilities = Type.Object(
  {
    version: Type.String({ description: 'Version of the service' }),
    formats: Type.Array(FormatRecord),
    architectures: Type.Array(Type.String(), {
      description: 'Accepted values of `format_options.architecture`, for GGUF',
    }),
    profiles: Type.Array(ServingProfile, {
      description: 'Servers whose rules the service knows',
    }),
    limits: Limits,
  },
  { $id: 'Capabilities', additionalProperties: false },
);
export type Capabilities = Static<typeof Capabilities>;
