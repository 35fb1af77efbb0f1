import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { UploadList, UploadRecord } from '../../contract/upload.ts';
import { errorsOf } from '../../errors/error-kinds.ts';
import { wholeList } from '../../http/paging.ts';
import { asComponent, LOCATION, problems, reference, response } from '../../http/schemas.ts';
import { workspaceOf } from '../own-workspace.ts';
import type { UploadsDependencies } from './adapter-from-uploads.ts';
import { putUpload } from './put-upload.ts';
import { tusRoutes } from './tus-routes.ts';
import { takeBodiesAsTheyAre } from './upload-bodies.ts';
import { uploadFilename } from './upload-filename.ts';
import { AnyUploadPath, PutHeaders, PutQuery, UploadPath } from './upload-schemas.ts';

/** Files that come on their own, before an adapter is made of them: whole by PUT, in pieces by the tus protocol. */
export const uploadRoutes: FastifyPluginAsyncTypebox<{ deps: UploadsDependencies }> = async (
  app,
  { deps },
) => {
  for (const schema of [UploadRecord, UploadList]) app.addSchema(asComponent(schema));
  takeBodiesAsTheyAre(app);
  await app.register(tusRoutes, { deps });

  app.put(
    '/v1/uploads/:id',
    {
      config: { accepts: ['application/octet-stream', ''] },
      schema: {
        operationId: 'putUpload',
        tags: ['uploads'],
        summary: 'Upload a file whole',
        description:
          'The body is the file (`curl -T file`); an upload of that id is replaced when all of it is there. It is ' +
          'checked while it arrives. Which file of an adapter it is says `filename` or the header Upload-Filename.',
        params: UploadPath,
        querystring: PutQuery,
        headers: PutHeaders,
        bytes: 'application/octet-stream',
        response: {
          200: response('Replaced', reference(UploadRecord), { headers: LOCATION }),
          201: response('Stored', reference(UploadRecord), { headers: LOCATION }),
          ...problems(
            ...errorsOf('content'),
            'VALIDATION_FAILED',
            'UNKNOWN_OPTION',
            'UPLOAD_FILENAME',
            'UPLOAD_LOCKED',
            'QUOTA_UPLOADS',
          ),
        },
      },
    },
    async (request, reply) => {
      const name = request.query.filename ?? request.headers['upload-filename'];
      const filename = uploadFilename(name, 'the query, as filename, or in the header Upload-Filename');
      const { record, created } = await putUpload(request, request.params.id, filename, deps);
      return reply
        .code(created ? 201 : 200)
        .header('location', `/v1/uploads/${record.id}`)
        .send(record);
    },
  );

  app.get(
    '/v1/uploads/:id',
    {
      // tus has a HEAD of its own.
      exposeHeadRoute: false,
      schema: {
        operationId: 'getUpload',
        tags: ['uploads'],
        summary: 'An upload',
        params: AnyUploadPath,
        response: {
          200: response('The upload', reference(UploadRecord)),
          ...problems('UPLOAD_NOT_FOUND', 'UPLOAD_EXPIRED', 'STORAGE_FAILED'),
        },
      },
    },
    async (request, reply) => {
      const uploads = deps.uploads.of(workspaceOf(request));
      const upload = await uploads.get(request.params.id);
      return reply.header('cache-control', 'no-store').send(uploads.describe(upload));
    },
  );

  app.get(
    '/v1/uploads',
    {
      schema: {
        operationId: 'listUploads',
        tags: ['uploads'],
        summary: 'All uploads that no adapter was made of yet, in the order of their ids',
        response: {
          200: response('The uploads', reference(UploadList)),
          ...problems('STORAGE_FAILED'),
        },
      },
    },
    async (request, reply) => {
      const uploads = deps.uploads.of(workspaceOf(request));
      const all = (await uploads.list()).map((upload) => uploads.describe(upload));
      return reply.header('cache-control', 'no-store').send(wholeList(all));
    },
  );
};
