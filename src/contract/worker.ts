import { type Static, Type } from 'typebox';
import { choice, nullable } from './choice.ts';
import { listOf } from './page.ts';

/** A process that does jobs, as it was when it was seen last. */
export const WorkerRecord = Type.Object(
  {
    id: Type.String({ description: 'Another one after each start' }),
    host: Type.String({ description: 'Name of its machine' }),
    provider: Type.String({ description: 'What it computes on' }),
    slots: Type.Integer({ minimum: 0, description: 'Executions that it runs at once' }),
    running: Type.Integer({ minimum: 0, description: 'Executions that it runs' }),
    ms_per_mib: nullable(Type.Integer({ minimum: 0 }), {
      description: 'How long it takes for a MiB of weights; null: it has not done anything yet',
    }),
    state: choice(['active', 'draining', 'drained'], {
      description:
        '`draining`: it begins nothing more, and what runs goes on to its end; `drained`: nothing runs any more, and a ' +
        'process with ROLE=worker ends',
    }),
    draining_at: nullable(Type.String({ format: 'date-time' })),
    seen_at: Type.String({ format: 'date-time', description: 'Workers tell of themselves every 5 seconds' }),
  },
  { $id: 'Worker', additionalProperties: false },
);
export type WorkerRecord = Static<typeof WorkerRecord>;

export const WorkerList = listOf('WorkerList', WorkerRecord);
