import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Static, type TSchema, Type } from 'typebox';
import { Report } from '../../contract/report.ts';
import { digestTag, matchesNone, reprDigestOfTag } from '../../http/entity-tag.ts';
import { BINARY, JobPath, problems, reference, textHeader } from '../../http/schemas.ts';
import { REVALIDATED } from '../../http/send-file.ts';
import { FIGURES } from '../../report/report-input.ts';
import { workspaceOf } from '../own-workspace.ts';
import { type RenderedReports, reportFileName } from './rendered-reports.ts';
import { JOB_ERRORS } from './service.ts';

const FigureQuery = Type.Object(
  {
    figure: Type.Optional(
      Type.Unsafe<(typeof FIGURES)[number]>(
        Type.Union(
          FIGURES.map((name) => Type.Literal(name)),
          {
            default: FIGURES[0],
            description:
              'The figure; `difference` shows in which of the first two results each module has the lower error',
          },
        ),
      ),
    ),
  },
  { additionalProperties: false },
);
const ReportHeaders = Type.Object({
  'if-none-match': Type.Optional(Type.String({ description: "ETag of the client's copy of the report" })),
});

type ReportRequest = FastifyRequest<{
  Params: Static<typeof JobPath>;
  Headers: Static<typeof ReportHeaders>;
}>;

/** The image formats of a figure: the ending, the operation, the media type and its schema. */
const PICTURES = [
  ['svg', 'getJobReportSvg', 'image/svg+xml', Type.String({ description: 'One figure, 1200 pixels wide' })],
  ['png', 'getJobReportPng', 'image/png', BINARY],
] as const;

/** GET /v1/jobs/{id}/report as JSON; the page and the figures have addresses of their own. */
export const jobReportRoutes: FastifyPluginAsyncTypebox<{ reports: RenderedReports }> = async (
  app,
  { reports },
) => {
  app.get(
    '/v1/jobs/:id/report',
    {
      schema: {
        operationId: 'getJobReport',
        summary: 'Get the report of a job: spectrum and error of every module',
        ...reportCall('application/json', reference(Report)),
      },
    },
    async (request, reply) => {
      // Sent as it is stored: parsing and serialising a long report would block other requests.
      const workspace = workspaceOf(request);
      const { bytes, job } = await workspace.jobs.storedReport(request.params.id);
      reply.header('content-disposition', inlineAs(await reportFileName(workspace, job), 'report.json'));
      const type = 'application/json; charset=utf-8';
      return send(request, reply, { bytes: Buffer.from(bytes), etag: digestTag(bytes), type });
    },
  );

  app.get(
    '/v1/jobs/:id/report.html',
    {
      schema: {
        operationId: 'getJobReportHtml',
        summary: 'Get the report of a job as a page or picture',
        ...reportCall('text/html', Type.String({ description: 'One HTML file that loads no other files' })),
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const { policy, fileName, ...page } = await reports.get(workspaceOf(request), id, {
        as: 'html',
        isServed: true,
      });
      if (policy !== undefined) reply.header('content-security-policy', policy);
      reply.header('content-disposition', inlineAs(fileName, 'report.html'));
      return send(request, reply, { ...page, type: 'text/html; charset=utf-8' });
    },
  );

  for (const [format, operationId, mediaType, schema] of PICTURES) {
    app.get(
      `/v1/jobs/:id/report.${format}` as const,
      {
        schema: {
          operationId,
          summary: `One figure of the report of a job, as ${format.toUpperCase()}`,
          ...reportCall(mediaType, schema),
          querystring: FigureQuery,
        },
      },
      async (request, reply) => {
        const { id } = request.params;
        const { figure = FIGURES[0] } = request.query;
        const { fileName, ...picture } = await reports.get(workspaceOf(request), id, { as: format, figure });
        reply.header('content-disposition', inlineAs(fileName, `${figure}.${format}`));
        const type = format === 'png' ? mediaType : `${mediaType}; charset=utf-8`;
        return send(request, reply, { ...picture, type });
      },
    );
  }
};

/** The header that makes a browser show the report, and save it under this name. */
const inlineAs = (fileName: string, what: string): string => `inline; filename="${fileName}-${what}"`;

/** What the schemas of these calls have in common. */
const reportCall = (mediaType: string, schema: TSchema) => ({
  tags: ['results'],
  params: JobPath,
  headers: ReportHeaders,
  response: {
    // Loosely typed, because the responses are bytes that were rendered elsewhere.
    200: {
      description: 'The report',
      content: { [mediaType]: { schema } },
      headers: {
        etag: textHeader('ETag of this form of the report'),
        'repr-digest': textHeader('SHA-256 of this form of the report (RFC 9530)'),
      },
    } as Readonly<Record<string, unknown>>,
    304: { description: "The client's copy is current", type: 'null' },
    ...problems('VALIDATION_FAILED', 'UNKNOWN_OPTION', ...JOB_ERRORS.storedReport),
  },
});

function send(
  request: ReportRequest,
  reply: FastifyReply,
  { bytes, etag, type }: { bytes: Buffer; etag: string; type: string },
): FastifyReply {
  reply.headers({ etag, 'cache-control': REVALIDATED });
  if (matchesNone(request.headers['if-none-match'], etag)) return reply.code(304).send();
  return reply.headers({ 'content-type': type, 'repr-digest': reprDigestOfTag(etag) }).send(bytes);
}
