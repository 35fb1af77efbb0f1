import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { RunListPage, RunListQuery } from '../../contract/list.ts';
import { RunPatch, RunRecord, RunRequest } from '../../contract/run.ts';
import { codesOfGroups } from '../../errors/error-kinds.ts';
import { listOptions, pageRequestOf, sendPage } from '../../http/paging.ts';
import { asComponent, LOCATION, problems, REMOVED, reference, response } from '../../http/schemas.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import { workspaceOf } from '../own-workspace.ts';
import { RUN_EXAMPLE, RUN_PAGE_EXAMPLE, RUN_REQUEST_EXAMPLES } from './examples.ts';
import { REMOVE_RUN_ERRORS, removeRun } from './remove-run.ts';
import { RUN_ERRORS } from './service.ts';

/** A schedule may list 4096 shapes of modules, as for POST /v1/schedules. */
const MAX_BODY_BYTES = 512 * 1024;

export const RunPath = Type.Object({
  id: Type.String({ description: 'Id of a run', examples: [RUN_EXAMPLE.id] }),
});

/** Routes to start, list, read, rename and remove annealing runs. Those for their checkpoints are in checkpoint-routes.ts. */
export const runRoutes: FastifyPluginAsyncTypebox<{
  deps: { readonly metrics: Pick<Metrics, 'runCreated'> };
}> = async (app, { deps }) => {
  app.addSchema({ ...asComponent(RunRequest), examples: RUN_REQUEST_EXAMPLES });
  app.addSchema({ ...asComponent(RunRecord), examples: [RUN_EXAMPLE] });
  app.addSchema({ ...asComponent(RunPatch), examples: [{ name: 'support-chat, second try' }] });
  app.addSchema({ ...asComponent(RunListPage), examples: [RUN_PAGE_EXAMPLE] });

  app.post(
    '/v1/runs',
    {
      config: { accepts: 'application/json' },
      bodyLimit: MAX_BODY_BYTES,
      schema: {
        operationId: 'createRun',
        tags: ['annealing'],
        summary: 'Create an annealing run',
        description:
          'The rank falls according to a schedule, or adapts to the spectrum. The trainer sends checkpoints and ' +
          'continues with the adapters that are returned. `dry_run: true` starts nothing and returns the ' +
          'plan: ranks, steps, learning rates, sizes.',
        body: reference(RunRequest),
        response: {
          200: response('A dry run: the run as it would be', reference(RunRecord)),
          201: response('The run', reference(RunRecord), { headers: LOCATION }),
          ...problems(...codesOfGroups('json', 'json-body'), ...RUN_ERRORS.create),
        },
      },
    },
    async (request, reply) => {
      const { runs } = workspaceOf(request);
      if (request.body.dry_run)
        return reply.header('cache-control', 'no-store').send(runs.dryRun(request.body));
      const run = await runs.create(request.body, request.idempotent?.idOf('run'));
      deps.metrics.runCreated(run.mode);
      return reply.code(201).header('location', `/v1/runs/${run.id}`).send(run);
    },
  );

  app.get(
    '/v1/runs/:id',
    {
      schema: {
        operationId: 'getRun',
        tags: ['annealing'],
        summary: 'Get a run with its state and checkpoints',
        params: RunPath,
        response: {
          200: response('The run', reference(RunRecord)),
          ...problems(...RUN_ERRORS.get),
        },
      },
    },
    async (request, reply) =>
      reply.header('cache-control', 'no-store').send(await workspaceOf(request).runs.get(request.params.id)),
  );

  app.get(
    '/v1/runs',
    listOptions(RunListQuery, RunListPage, {
      operationId: 'listRuns',
      tags: ['annealing'],
      summary: 'List annealing runs, the newest first',
      description:
        'The runs in the list have no checkpoints; a single run has them. A run is listed if it meets all ' +
        'conditions. Pages work as in the list of jobs.',
    }),
    async (request, reply) => {
      const { mode, base_model: baseModel, name, ...paging } = request.query;
      const filter = { mode, baseModel, name };
      const page = await workspaceOf(request).runs.page(filter, pageRequestOf(paging, 'run'));
      return sendPage(request, reply, page);
    },
  );

  app.patch(
    '/v1/runs/:id',
    {
      config: { accepts: 'application/json' },
      schema: {
        operationId: 'updateRun',
        tags: ['annealing'],
        summary: 'Change the name of a run',
        description:
          'A run can be changed at any time. Its `request` stays as it was sent, and its results keep ' +
          'their names.',
        params: RunPath,
        body: reference(RunPatch),
        response: {
          200: response('The run', reference(RunRecord)),
          ...problems(...codesOfGroups('json', 'json-body'), ...RUN_ERRORS.change),
        },
      },
    },
    async (request, reply) =>
      reply.send(await workspaceOf(request).runs.change(request.params.id, request.body)),
  );

  app.delete(
    '/v1/runs/:id',
    {
      schema: {
        operationId: 'deleteRun',
        tags: ['annealing'],
        summary: 'Delete a run with its checkpoints and their jobs',
        description:
          'Refused while a checkpoint is being squeezed. Adapters stay; projections and optimizer state are deleted ' +
          'with the jobs.',
        params: RunPath,
        response: {
          204: REMOVED,
          ...problems(...REMOVE_RUN_ERRORS),
        },
      },
    },
    async (request, reply) => {
      await removeRun(workspaceOf(request), request.params.id);
      return reply.code(204).send(null);
    },
  );
};
