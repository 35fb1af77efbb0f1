import { type Static, Type } from 'typebox';
import { choice, nullable } from './choice.ts';
import { listOf } from './page.ts';

/** A process that runs jobs, in the state in which it was last seen. */
export const WorkerRecord = Type.Object(
  {
    id: Type.String({ description: 'A new one after each start' }),
    host: Type.String({ description: 'Name of its machine' }),
    provider: Type.String({ description: 'Execution provider' }),
    slots: Type.Integer({ minimum: 0, description: 'Number of executions that it can run at once' }),
    running: Type.Integer({ minimum: 0, description: 'Number of executions that it runs' }),
    ms_per_mib: nullable(Type.Integer({ minimum: 0 }), {
      description: 'Time that it needs for one MiB of weights; null: it has not run anything yet',
    }),
    state: choice(['active', 'draining', 'drained'], {
      description:
        '`draining`: it starts nothing more, and running executions continue; `drained`: nothing runs any more, ' +
        'and a process with ROLE=worker ends',
    }),
    draining_at: nullable(Type.String({ format: 'date-time' })),
    seen_at: Type.String({
      format: 'date-time',
      description: 'Time of its last report; workers report every 5 seconds',
    }),
  },
  { $id: 'Worker', additionalProperties: false },
);
export type WorkerRecord = Static<typeof WorkerRecord>;

export const WorkerList = listOf('WorkerList', WorkerRecord);
