import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { MAX_BATCH_ITEMS } from '../../contract/batch.ts';
import { BatchItemList } from '../../contract/batch-item.ts';
import { BatchItemQuery } from '../../contract/list.ts';
import { LINK, pageRequestOf, readListQuery, sendPage } from '../../http/paging.ts';
import { asComponent, problems, reference, response } from '../../http/schemas.ts';
import { workspaceOf } from '../own-workspace.ts';
import { BatchPath } from './batch-responses.ts';
import { BATCH_ITEMS_EXAMPLE } from './examples.ts';
import { BATCH_ERRORS } from './service.ts';

/** The place of an item in a list, written as an id, because cursors contain ids. */
const PLACE = 'item';
const placeOf = (position: number): string => `${PLACE}_${position.toString(16).padStart(32, '0')}`;
/** A position after all others if the cursor, which comes from the client, does not name an item. */
const positionOf = (place: string): number =>
  Math.min(Number.parseInt(place.slice(PLACE.length + 1), 16), MAX_BATCH_ITEMS);

/** Routes for the items of batches. */
export const batchItemRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.addSchema({ ...asComponent(BatchItemList), examples: [BATCH_ITEMS_EXAMPLE] });

  app.get(
    '/v1/batches/:id/items',
    {
      preValidation: readListQuery,
      schema: {
        operationId: 'listBatchItems',
        tags: ['batches'],
        summary: 'List the items of a batch in the order of the request',
        description: 'Each item has its outcome, including those that could not be tried and have no job.',
        params: BatchPath,
        querystring: BatchItemQuery,
        response: {
          200: response('A page of items', reference(BatchItemList), { headers: LINK }),
          ...problems('VALIDATION_FAILED', 'UNKNOWN_OPTION', ...BATCH_ERRORS.items),
        },
      },
    },
    async (request, reply) => {
      const { state: states, ...paging } = request.query;
      const { limit, after } = pageRequestOf(paging, PLACE);
      const { batches } = workspaceOf(request);
      const { items, next } = await batches.items(request.params.id, {
        ...{ states, limit },
        after: after === undefined ? undefined : positionOf(after),
      });
      return sendPage(request, reply, { items, next: next === null ? null : placeOf(next) });
    },
  );
};
