import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import Negotiator from 'negotiator';
import { type Static, Type } from 'typebox';
import { Report } from '../../contract/report.ts';
import { AppError } from '../../errors/app-error.ts';
import { digestTag, matchesNone, reprDigestOfTag } from '../../http/entity-tag.ts';
import { BINARY, JobPath, problems, reference } from '../../http/schemas.ts';
import { FIGURES } from '../../report/report-input.ts';
import { workspaceOf } from '../own-workspace.ts';
import type { RenderedReports } from './rendered-reports.ts';
import { JOB_ERRORS } from './service.ts';

/** By the name that `format` has for it; the first is the default. */
const TYPES = {
  json: 'application/json',
  html: 'text/html',
  svg: 'image/svg+xml',
  png: 'image/png',
} as const;
type FormatName = keyof typeof TYPES;
const FORMATS = Object.keys(TYPES) as FormatName[];
const OFFERED = Object.values(TYPES);

const ReportQuery = Type.Object(
  {
    format: Type.Optional(
      Type.Unsafe<FormatName>(
        Type.Union(
          FORMATS.map((name) => Type.Literal(name)),
          { description: 'In place of `Accept`: for links, and pictures in pages' },
        ),
      ),
    ),
    figure: Type.Optional(
      Type.Unsafe<(typeof FIGURES)[number]>(
        Type.Union(
          FIGURES.map((name) => Type.Literal(name)),
          { default: FIGURES[0], description: 'Which figure, of a picture' },
        ),
      ),
    ),
  },
  { additionalProperties: false },
);
const ReportHeaders = Type.Object({
  accept: Type.Optional(
    Type.String({ description: `Default: ${TYPES.json}. Else ${OFFERED.slice(1).join(', ')}.` }),
  ),
  'if-none-match': Type.Optional(Type.String({ description: 'ETag of the report the client has' })),
});

type ReportRequest = FastifyRequest<{
  Params: Static<typeof JobPath>;
  Querystring: Static<typeof ReportQuery>;
  Headers: Static<typeof ReportHeaders>;
}>;

/** It may be kept, but has to be asked for: its job may be deleted. */
const REVALIDATED = 'private, no-cache';

const text = (description: string) => ({ type: 'string', description });
/** Loosely typed: answers are bytes that were made elsewhere. */
const OK: Readonly<Record<string, unknown>> = {
  description: 'The report, in the media type that was asked for',
  content: {
    [TYPES.json]: { schema: reference(Report) },
    [TYPES.html]: { schema: Type.String({ description: 'One file, which asks for nothing else' }) },
    [TYPES.svg]: { schema: Type.String({ description: 'One figure, 1200 pixels wide' }) },
    [TYPES.png]: { schema: BINARY },
  },
  headers: {
    etag: text('Of this form of the report'),
    'repr-digest': text('SHA-256 of this form of the report (RFC 9530)'),
    vary: text('`accept`'),
  },
};

/** GET /v1/jobs/{id}/report: as JSON, as a page, as a picture. */
export const jobReportRoutes: FastifyPluginAsyncTypebox<{ reports: RenderedReports }> = async (
  app,
  { reports },
) => {
  app.get(
    '/v1/jobs/:id/report',
    {
      schema: {
        operationId: 'getJobReport',
        tags: ['jobs'],
        summary: 'The report of a job: spectra, and how close each result is, module by module',
        description:
          'As JSON, or as `Accept` says: `text/html` is the report as people read it, in one file; `image/svg+xml` and ' +
          '`image/png` are one figure of it.',
        params: JobPath,
        querystring: ReportQuery,
        headers: ReportHeaders,
        response: {
          200: OK,
          304: { description: 'The client has it', type: 'null' },
          ...problems('VALIDATION_FAILED', 'UNKNOWN_OPTION', 'NOT_ACCEPTABLE', ...JOB_ERRORS.storedReport),
        },
      },
    },
    (request, reply) => answer(request, reply.header('vary', 'accept'), reports),
  );
};

async function answer(
  request: ReportRequest,
  reply: FastifyReply,
  reports: RenderedReports,
): Promise<FastifyReply> {
  const { id } = request.params;
  const { format = formatFor(request.headers.accept), figure = FIGURES[0] } = request.query;
  const workspace = workspaceOf(request);
  if (format === 'json') {
    // As it is stored: parsing and writing a long one again would hold up everybody.
    const { bytes } = await workspace.jobs.storedReport(id);
    return send(request, reply, { bytes: Buffer.from(bytes), etag: digestTag(bytes), type: JSON_TYPE });
  }
  const form =
    format === 'html' ? ({ as: 'html', isServed: true } as const) : ({ as: format, figure } as const);
  const { bytes, etag, policy } = await reports.get(workspace, id, form);
  if (policy !== undefined) reply.header('content-security-policy', policy);
  const name = format === 'html' ? `${id}.html` : `${id}-${figure}.${format}`;
  reply.header('content-disposition', `inline; filename="${name}"`);
  const type = format === 'png' ? TYPES.png : `${TYPES[format]}; charset=utf-8`;
  return send(request, reply, { bytes, etag, type });
}

const JSON_TYPE = 'application/json; charset=utf-8';

function send(
  request: ReportRequest,
  reply: FastifyReply,
  { bytes, etag, type }: { bytes: Buffer; etag: string; type: string },
): FastifyReply {
  reply.headers({ etag, 'cache-control': REVALIDATED });
  if (matchesNone(request.headers['if-none-match'], etag)) return reply.code(304).send();
  return reply.headers({ 'content-type': type, 'repr-digest': reprDigestOfTag(etag) }).send(bytes);
}

/** Parameters of media ranges other than the weight, which make no difference here. */
const PARAMETERS = /;\s*(?!q\s*=)[\w!#$%&'*+.^`|~-]+\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^;,"]*)/gi;

/** The media type that an Accept header prefers (RFC 9110, 12.5.1); the default where it says nothing. */
export function preferredType(accept: string | undefined): (typeof OFFERED)[number] | undefined {
  // An empty header says nothing.
  const ranges = accept?.replace(PARAMETERS, '') || undefined;
  const type = new Negotiator({ headers: { accept: ranges } }).mediaType([...OFFERED]);
  return OFFERED.find((offered) => offered === type);
}

/** @throws AppError NOT_ACCEPTABLE */
function formatFor(accept: string | undefined): FormatName {
  const type = preferredType(accept);
  if (type !== undefined) return FORMATS[OFFERED.indexOf(type)]!;
  const asked = JSON.stringify((accept ?? '').slice(0, 200));
  throw new AppError(
    'NOT_ACCEPTABLE',
    `The report is to be had as ${OFFERED.join(', ')}; none of them is in Accept: ${asked}.`,
    { available: OFFERED },
  );
}
