import { Readable } from 'node:stream';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { BatchResultLine } from '../../contract/batch-result.ts';
import { asComponent, problems, reference, response } from '../../http/schemas.ts';
import { workspaceOf } from '../own-workspace.ts';
import { BatchPath } from './batch-responses.ts';
import { BATCH_RESULT_LINE_EXAMPLE } from './examples.ts';
import { itemSlices, resultLines } from './result-lines.ts';
import { BATCH_ERRORS } from './service.ts';

/** Not every HTTP library distinguishes an interrupted response from a complete one. */
const ITEM_COUNT = {
  'x-item-count': {
    type: 'string',
    description: 'Number of items of the batch; the `index` of the last line is one less',
  },
};

/** GET /v1/batches/{id}/results. */
export const batchResultRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.addSchema({ ...asComponent(BatchResultLine), examples: [BATCH_RESULT_LINE_EXAMPLE] });

  app.get(
    '/v1/batches/:id/results',
    {
      exposeHeadRoute: false,
      schema: {
        operationId: 'listBatchResults',
        tags: ['batches'],
        summary: 'Get the results of a batch, one line of JSON for each item and target',
        description:
          'The lines are in the order of the request. While the batch runs, unfinished items have their ' +
          'current state. An interrupted response is incomplete; a complete one has as many items as ' +
          '`x-item-count` states.',
        params: BatchPath,
        response: {
          200: response('Lines of JSON', reference(BatchResultLine), {
            mediaType: 'application/x-ndjson',
            headers: ITEM_COUNT,
          }),
          ...problems(...BATCH_ERRORS.get),
        },
      },
    },
    async (request, reply) => {
      const { batches, batchResults } = workspaceOf(request);
      const { id, progress } = await batches.get(request.params.id);
      const slices = itemSlices(batchResults, { id, total: progress.total });
      return reply
        .headers({ 'cache-control': 'no-store', 'content-type': 'application/x-ndjson' })
        .header('x-item-count', progress.total)
        .send(Readable.from(linesOf(slices), { objectMode: false, highWaterMark: 1 }));
    },
  );
};

/** The next lines are read when these have been written to the connection. */
async function* linesOf(slices: ReturnType<typeof itemSlices>): AsyncGenerator<string, void, undefined> {
  for await (const items of slices)
    yield items
      .flatMap(resultLines)
      .map((line) => `${JSON.stringify(line)}\n`)
      .join('');
}
