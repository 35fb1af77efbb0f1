import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { AdapterPath, problems } from '../../http/schemas.ts';
import { FILE_RESPONSES, FileHeaders, sendFile } from '../../http/send-file.ts';
import { workspaceOf } from '../own-workspace.ts';
import { fileOf } from './files.ts';

const FilePath = Type.Object({
  ...AdapterPath.properties,
  name: Type.String({
    description: 'Name of a file of the adapter',
    examples: ['adapter_model.safetensors'],
  }),
});
type FileRequest = FastifyRequest<{ Params: Static<typeof FilePath>; Headers: Static<typeof FileHeaders> }>;

/** GET and HEAD /v1/adapters/{id}/files/{name}. */
export const adapterFileRoutes: FastifyPluginAsyncTypebox = async (app) => {
  const url = '/v1/adapters/:id/files/:name';
  const schema = {
    operationId: 'downloadAdapterFile',
    tags: ['adapters'],
    summary: 'A file of an adapter',
    params: FilePath,
    headers: FileHeaders,
    response: {
      ...FILE_RESPONSES,
      ...problems(
        'ADAPTER_NOT_FOUND',
        'ADAPTER_EXPIRED',
        'FILE_NOT_FOUND',
        'RANGE_NOT_SATISFIABLE',
        'STORAGE_FAILED',
      ),
    },
  };

  async function handle(request: FileRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { id, name } = request.params;
    const { adapters } = workspaceOf(request);
    const file = fileOf(await adapters.get(id), name);
    const open = async (range?: { start: number; end: number }) =>
      (await adapters.readFile(id, name, range)).stream;
    return sendFile(request, reply, file, open);
  }

  app.get(url, { exposeHeadRoute: false, schema }, handle);
  app.head(url, { schema: { params: FilePath, headers: FileHeaders, hide: true } }, handle);
};
