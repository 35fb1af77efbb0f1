import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import { CONFIG_FILE, roleOf, WEIGHTS_FILE } from '../../adapter/file-names.ts';
import { type UploadFilename, UploadList, UploadRecord } from '../../contract/upload.ts';
import { AppError } from '../../errors/app-error.ts';
import { codesOfGroups } from '../../errors/error-kinds.ts';
import { convertError } from '../../http/convert-error.ts';
import { announcedLength, IncomingBody } from '../../http/multipart/incoming-body.ts';
import { UploadHeaders } from '../../http/multipart/multipart-schema.ts';
import { singlePage } from '../../http/paging.ts';
import { acceptRawBodies } from '../../http/raw-bodies.ts';
import { asComponent, LOCATION, problems, reference, response } from '../../http/schemas.ts';
import { removeScratch } from '../../storage/scratch.ts';
import { saveFile } from '../adapters/upload/save-file.ts';
import { workspaceOf } from '../own-workspace.ts';
import type { UploadsDependencies } from './adapter-from-uploads.ts';
import { UPLOAD_ERRORS } from './tenant-uploads.ts';
import { tusRoutes } from './tus-routes.ts';
import { UploadInspector } from './upload-inspector.ts';
import { FILENAME_ERRORS, tooLarge, uploadFilename } from './upload-limits.ts';
import { AnyUploadPath, PutQuery, UploadPath } from './upload-schemas.ts';

/**
 * Routes for files that are uploaded before an adapter is created from them: whole by PUT, or in parts by the tus
 * protocol.
 */
export const uploadRoutes: FastifyPluginAsyncTypebox<{ deps: UploadsDependencies }> = async (
  app,
  { deps },
) => {
  for (const schema of [UploadRecord, UploadList]) app.addSchema(asComponent(schema));
  acceptRawBodies(app);
  await app.register(tusRoutes, { deps });

  app.put(
    '/v1/uploads/:id',
    {
      config: { accepts: ['application/octet-stream', ''] },
      schema: {
        operationId: 'putUpload',
        tags: ['uploads'],
        summary: 'Upload a whole file',
        description:
          'The body is the file (`curl -T file`). It replaces an upload with the same id once it is complete, and ' +
          'is checked while it arrives. `filename` names the file of the adapter.',
        params: UploadPath,
        querystring: PutQuery,
        headers: UploadHeaders,
        bytes: 'application/octet-stream',
        response: {
          200: response('Replaced', reference(UploadRecord), { headers: LOCATION }),
          201: response('Stored', reference(UploadRecord), { headers: LOCATION }),
          ...problems(
            ...codesOfGroups('content'),
            'VALIDATION_FAILED',
            'UNKNOWN_OPTION',
            ...FILENAME_ERRORS,
            ...UPLOAD_ERRORS.replace,
          ),
        },
      },
    },
    async (request, reply) => {
      const filename = uploadFilename(request.query.filename, 'the query, as filename');
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
        summary: 'Get an upload',
        params: AnyUploadPath,
        response: {
          200: response('The upload', reference(UploadRecord)),
          ...problems(...UPLOAD_ERRORS.get),
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
        summary: 'List uploads that do not belong to an adapter, in the order of their ids',
        response: {
          200: response('The uploads', reference(UploadList)),
          ...problems(...UPLOAD_ERRORS.list),
        },
      },
    },
    async (request, reply) => {
      const uploads = deps.uploads.of(workspaceOf(request));
      const all = (await uploads.list()).map((upload) => uploads.describe(upload));
      return reply.header('cache-control', 'no-store').send(singlePage(all));
    },
  );
};

/**
 * Receives a whole file as the body of one request. An existing upload with this id stays as it is until the new one
 * is complete.
 * @throws AppError DIGEST_*, UPLOAD_TOO_LARGE, CONFIG_TOO_LARGE, UPLOAD_TOO_SLOW, UPLOAD_ABORTED, QUOTA_UPLOADS,
 *   UPLOAD_LOCKED, the errors of the validator, STORAGE_*
 */
async function putUpload(
  request: FastifyRequest,
  id: string,
  filename: UploadFilename,
  { uploads: service, store, limits, metrics }: UploadsDependencies,
): Promise<{ record: UploadRecord; created: boolean }> {
  const workspace = workspaceOf(request);
  const uploads = service.of(workspace);
  const maxBytes = uploads.limitOf(filename);
  const length = announcedLength(request.raw);
  if (length !== null && length > maxBytes) throw tooLarge(filename, maxBytes, length);
  if (request.headers['content-range'] !== undefined)
    throw new AppError(
      'BAD_REQUEST',
      'A PUT with a Content-Range is not accepted: send the whole file, or send parts with PATCH (docs/uploads.md).',
    );

  const isConfig = roleOf(filename) === 'config';
  const watch = UploadInspector.unhashed(isConfig ? undefined : workspace.adapters.newValidator());
  const folder = await store.makeScratch();
  let body: IncomingBody | undefined;
  try {
    const incoming = new IncomingBody(request.raw, limits.uploadIdleTimeoutMs);
    body = incoming;
    // Saved under a fixed name, because the name that the client sent must not be used as a path.
    const file = await saveFile(isConfig ? CONFIG_FILE : WEIGHTS_FILE, incoming.stream, {
      folder,
      maxBytes,
      tooLarge: tooLarge(filename, maxBytes).code,
      signal: incoming.signal,
      validator: {
        push: (chunk) => watch.push(chunk, length),
        finish(totalBytes) {
          incoming.verify();
          watch.finish(totalBytes);
        },
      },
    });
    const { created } = await uploads.replace(id, filename, file);
    metrics.uploadEnded('received', incoming.bytes);
    return { record: uploads.describe(await uploads.get(id)), created };
  } catch (error) {
    metrics.uploadEnded(convertError(error).code, body?.bytes ?? 0);
    throw error;
  } finally {
    body?.close();
    await removeScratch(folder);
  }
}
