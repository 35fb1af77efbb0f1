import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { asFileName } from '../../adapter/file-names.ts';
import { BINARY, problems, response } from '../../http/schemas.ts';
import { zipArchive } from '../../http/zip-archive.ts';
import { workspaceOf } from '../own-workspace.ts';
import { archiveEntries } from './archive.ts';
import { BatchPath } from './batch-responses.ts';
import { BATCH_ERRORS } from './service.ts';

/** GET /v1/batches/{id}/archive. */
export const batchArchiveRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/v1/batches/:id/archive',
    {
      exposeHeadRoute: false,
      schema: {
        operationId: 'downloadBatchArchive',
        tags: ['batches'],
        summary: 'Download all results of a batch as a zip',
        description:
          'The files of each result, stored uncompressed, in `<item>/<target>/`: a safe form of the name of the ' +
          'item, and the folder name of the target as in deliveries, such as `r16`. The last file, ' +
          '`results.ndjson`, has the lines of `GET /v1/batches/{id}/results`, each with its `folder`, which is null ' +
          'if nothing succeeded or if the result was removed or has expired. The archive is created while it is ' +
          'sent, so it has neither a length nor an `ETag`, and an interrupted one is not a valid zip. While the ' +
          'batch runs, the archive has the results so far.',
        params: BatchPath,
        response: {
          200: response('The archive', BINARY, { mediaType: 'application/zip' }),
          ...problems(...BATCH_ERRORS.get),
        },
      },
    },
    async (request, reply) => {
      const workspace = workspaceOf(request);
      const { id, name, progress } = await workspace.batches.get(request.params.id);
      return reply
        .headers({
          'cache-control': 'no-store',
          'content-type': 'application/zip',
          'content-disposition': `attachment; filename="${asFileName(name ?? id)}.zip"`,
        })
        .send(zipArchive(archiveEntries(workspace, { id, total: progress.total })));
    },
  );
};
