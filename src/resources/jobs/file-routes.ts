import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { JobPath, problems } from '../../http/schemas.ts';
import { FILE_RESPONSES, FileHeaders, sendFile } from '../../http/send-file.ts';
import { workspaceOf } from '../own-workspace.ts';
import { JOB_ERRORS } from './service.ts';

const FilePath = Type.Object({
  ...JobPath.properties,
  name: Type.String({
    description: 'Name of a file of the job',
    examples: ['projections.safetensors'],
  }),
});
type FileRequest = FastifyRequest<{ Params: Static<typeof FilePath>; Headers: Static<typeof FileHeaders> }>;

/** GET and HEAD /v1/jobs/{id}/files/{name}. */
export const jobFileRoutes: FastifyPluginAsyncTypebox = async (app) => {
  const url = '/v1/jobs/:id/files/:name';
  const schema = {
    operationId: 'downloadJobFile',
    tags: ['jobs'],
    summary: 'A file that a job wrote beside its adapters',
    description:
      'For going on with training: `projections.safetensors`, and `optimizer.safetensors` where moments were carried or ' +
      'reset. They are listed in `training.files` of the job’s results.',
    params: FilePath,
    headers: FileHeaders,
    response: {
      ...FILE_RESPONSES,
      ...problems(...JOB_ERRORS.readFile, 'RANGE_NOT_SATISFIABLE'),
    },
  };

  async function handle(request: FileRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { jobs } = workspaceOf(request);
    const file = await jobs.file(request.params.id, request.params.name);
    return sendFile(request, reply, file, (range) => jobs.readFile(request.params.id, file, range));
  }

  app.get(url, { exposeHeadRoute: false, schema }, handle);
  app.head(url, { schema: { params: FilePath, headers: FileHeaders, hide: true } }, handle);
};
