import { type Static, Type } from 'typebox';

/** The parts on which a process depends. */
const READINESS_PARTS = ['storage', 'database', 'queue', 'secrets', 'provider'] as const;
export type ReadinessPart = (typeof READINESS_PARTS)[number];

const PartState = (description: string) => Type.Enum(['ok', 'degraded'], { description });

export const Readiness = Type.Object(
  {
    status: Type.Enum(['ready', 'degraded'], {
      description:
        '`ready`: everything works. `degraded`: the process answers requests, but something does not work or is at ' +
        'risk, which `reasons` names. A process that can serve nothing answers 503 instead.',
    }),
    checks: Type.Object(
      {
        storage: PartState('Storage of adapters, jobs and reports'),
        database: PartState('Database of tenants, keys and all other records'),
        queue: PartState('The Redis that holds the queue'),
        secrets: Type.Optional(PartState('Whether stored secrets can be decrypted with `SECRETS_KEYS`')),
        provider: Type.Optional(PartState('The execution provider of a process that runs jobs')),
      },
      { additionalProperties: false },
    ),
    reasons: Type.Array(
      Type.Object(
        {
          part: Type.Enum([...READINESS_PARTS]),
          code: Type.String({
            description:
              'Stable and machine-readable: an error code, or `QUEUE_EVICTS` (Redis may drop queued jobs)',
            examples: ['QUEUE_UNAVAILABLE', 'QUEUE_EVICTS'],
          }),
          detail: Type.String({ description: 'What is wrong, and how to correct it' }),
        },
        { additionalProperties: false },
      ),
      { description: 'All problems of the process; empty when it is `ready`' },
    ),
  },
  { $id: 'Readiness', additionalProperties: false },
);
export type Readiness = Static<typeof Readiness>;
export type ReadinessReason = Readiness['reasons'][number];
