import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Schedule, ScheduleRequest } from '../../contract/schedule.ts';
import { codesOfGroups } from '../../errors/error-kinds.ts';
import { problems, reference, response } from '../../http/schemas.ts';
import { planSchedule } from '../../schedule/plan-schedule.ts';

/** 4096 entries of `modules`, each with the largest numbers it may have, are 300 kB. */
const MAX_BODY_BYTES = 512 * 1024;

/** POST /v1/schedules. */
export const scheduleRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.post(
    '/v1/schedules',
    {
      config: { accepts: 'application/json' },
      bodyLimit: MAX_BODY_BYTES,
      schema: {
        operationId: 'planSchedule',
        tags: ['annealing'],
        summary: 'Plan an annealing: ranks and steps of its stages',
        description:
          'Returns the ranks of the stages, the steps of the squeezes, and the parameters and memory of every ' +
          'stage. Nothing is stored: the same request gives the same schedule.',
        body: reference(ScheduleRequest),
        response: {
          200: response('The schedule', reference(Schedule)),
          ...problems(...codesOfGroups('json', 'json-body'), 'SCHEDULE_INVALID', 'SCHEDULE_TOO_SHORT'),
        },
      },
    },
    async (request, reply) => reply.send(planSchedule(request.body)),
  );
};
