import { type Static, Type } from 'typebox';
import { choice, nullable } from './choice.ts';
import { listOf } from './page.ts';

/** A process that runs jobs, in the state in which it was last seen. */
export const WorkerRecord = Type.Object(
  {
    id: Type.String({ description: 'Id of the worker; a new one after each start' }),
    host: Type.String({ description: 'Name of the machine' }),
    provider: Type.String({ description: 'Execution provider' }),
    slots: Type.Integer({
      minimum: 0,
      description: 'Number of executions that the worker can run at the same time',
    }),
    running: Type.Integer({ minimum: 0, description: 'Number of executions that it is running' }),
    ms_per_mib: nullable(Type.Integer({ minimum: 0 }), {
      description: 'Time that the worker needs for one MiB of weights; null: it has not run anything yet',
    }),
    state: choice(['active', 'draining', 'drained'], {
      description:
        '`draining`: the worker starts no more executions, and those that are running continue; ' +
        '`drained`: nothing is running any longer, and a process with ROLE=worker ends',
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
