import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { JobArtifactList } from '../../contract/artifact.ts';
import { asComponent, JobPath, problems, reference, response } from '../../http/schemas.ts';
import { FILE_RESPONSES, FileHeaders, sendFile } from '../../http/send-file.ts';
import { workspaceOf } from '../own-workspace.ts';
import { ARTIFACT_ERRORS, artifactAt, listArtifacts } from './artifacts.ts';
import type { RenderedReports } from './rendered-reports.ts';

/** The contract describes this parameter as `path`; see openapi-plugin.ts. */
const ArtifactPath = Type.Object({
  ...JobPath.properties,
  '*': Type.String({
    description: 'Path of an artifact, as in the list; slashes may be written as %2F',
    examples: ['results/0/adapter_model.safetensors'],
  }),
});
type ArtifactRequest = FastifyRequest<{
  Params: Static<typeof ArtifactPath>;
  Headers: Static<typeof FileHeaders>;
}>;

/** GET /v1/jobs/{id}/artifacts, GET and HEAD /v1/jobs/{id}/artifacts/{path}. */
export const jobArtifactRoutes: FastifyPluginAsyncTypebox<{ reports: RenderedReports }> = async (
  app,
  { reports },
) => {
  app.addSchema(asComponent(JobArtifactList));

  app.get(
    '/v1/jobs/:id/artifacts',
    {
      schema: {
        operationId: 'listJobArtifacts',
        tags: ['results'],
        summary: 'List all files that a job produced',
        description:
          '`report.json` and `report.html`; `results/0/…` with the files of the first target’s adapter and so on; ' +
          '`imported/…` with those of a fetched adapter; for further training `projections.safetensors` and ' +
          '`optimizer.safetensors`. Adapters that were removed or have expired are left out. The list is empty ' +
          'until the job has ended.',
        params: JobPath,
        response: {
          200: response('All artifacts', reference(JobArtifactList)),
          ...problems(...ARTIFACT_ERRORS.list),
        },
      },
    },
    async (request, reply) => {
      const data = await listArtifacts(workspaceOf(request), request.params.id);
      return reply.header('cache-control', 'no-store').send({ data, next_cursor: null });
    },
  );

  const url = '/v1/jobs/:id/artifacts/*';
  async function handle(request: ArtifactRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { id, '*': path } = request.params;
    const { file, open } = await artifactAt(workspaceOf(request), reports, id, path);
    return sendFile(request, reply, file, open);
  }
  const schema = {
    operationId: 'downloadJobArtifact',
    tags: ['results'],
    summary: 'Download a file that a job produced',
    params: ArtifactPath,
    headers: FileHeaders,
    response: { ...FILE_RESPONSES, ...problems(...ARTIFACT_ERRORS.open, 'RANGE_NOT_SATISFIABLE') },
  };
  app.get(url, { exposeHeadRoute: false, schema }, handle);
  app.head(url, { schema: { params: ArtifactPath, headers: FileHeaders, hide: true } }, handle);
};
