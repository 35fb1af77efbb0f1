import { Readable } from 'node:stream';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { asFileName } from '../../adapter/file-names.ts';
import { AppError } from '../../errors/app-error.ts';
import { entityTag, matchesNone } from '../../http/entity-tag.ts';
import { AdapterPath, BINARY, problems, response } from '../../http/schemas.ts';
import { FILE_RESPONSES, FileHeaders, REVALIDATED, sendFile } from '../../http/send-file.ts';
import { type SizedZipEntry, zipArchive, zipBytes } from '../../http/zip-archive.ts';
import { workspaceOf } from '../own-workspace.ts';
import { fileOf } from './files.ts';
import { ADAPTER_ERRORS } from './service.ts';

/** The name of the report in the archive. */
const REPORT_FILE = 'report.html';

const ETAG = {
  etag: { type: 'string', description: 'ETag of the archive' },
} as const;

interface ArchivedReport {
  readonly bytes: Buffer;
  readonly etag: string;
}

export interface ArchiveRoutesOptions {
  /**
   * The report of a job as HTML for an archive. @throws AppError JOB_NOT_FOUND, REPORT_NOT_READY, STORAGE_*, INTERNAL
   */
  readonly reportOf: (request: FastifyRequest, jobId: string) => Promise<ArchivedReport>;
}

/** GET and HEAD /v1/adapters/{id}/archive. */
export const adapterArchiveRoutes: FastifyPluginAsyncTypebox<ArchiveRoutesOptions> = async (
  app,
  { reportOf },
) => {
  const url = '/v1/adapters/:id/archive';
  const schema = {
    operationId: 'downloadAdapterArchive',
    tags: ['results'],
    summary: 'Download all files of an adapter as a zip',
    description:
      'The files are stored uncompressed under their names. The archive of a result also has the report of its ' +
      'job as `report.html`, while the job exists. The same adapter with the same report gives the same bytes. ' +
      'There is no `Repr-Digest`, because the archive is created while it is sent; the adapter has the SHA-256 ' +
      'of each of its files.',
    params: AdapterPath,
    response: {
      200: response('The archive', BINARY, { mediaType: 'application/zip', headers: ETAG }),
      304: { description: "The client's copy is current", type: 'null', headers: ETAG },
      ...problems(...ADAPTER_ERRORS.get),
    },
  };

  async function handle(
    request: FastifyRequest<{ Params: Static<typeof AdapterPath> }>,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    const workspace = workspaceOf(request);
    const { adapters } = workspace;
    const { id, name: called, files, job_id: jobId } = await adapters.get(request.params.id);
    const report =
      jobId === null ? undefined : await presentReport(reportOf(request, jobId), jobId, request.log);
    const tag = report ? entityTag(`${id}-${report.etag.slice(1, -1)}`) : entityTag(id);
    reply.headers({
      etag: tag,
      // The adapter may be renamed later, although its bytes stay the same.
      'cache-control': REVALIDATED,
      'content-disposition': `attachment; filename="${asFileName(called)}.zip"`,
    });
    if (matchesNone(request.headers['if-none-match'], tag)) return reply.code(304).send();

    const entries: SizedZipEntry[] = files.map(({ name, bytes }) => ({
      name,
      bytes,
      open: async () => (await adapters.readFile(id, name)).stream,
    }));
    if (report) entries.push(entryOf(report));
    reply.headers({
      'content-type': 'application/zip',
      'content-length': zipBytes(entries),
    });
    return request.method === 'GET' ? reply.send(zipArchive(entries)) : reply.send();
  }

  app.get(url, { exposeHeadRoute: false, schema }, handle);
  app.head(url, { schema: { params: AdapterPath, hide: true } }, handle);
};

/**
 * The report of the job that made an adapter, if it still exists. The adapter can be downloaded even if the report cannot be rendered.
 * @throws AppError STORAGE_*
 */
async function presentReport(
  rendered: Promise<ArchivedReport>,
  jobId: string,
  log: FastifyBaseLogger,
): Promise<ArchivedReport | undefined> {
  try {
    return await rendered;
  } catch (error) {
    if (error instanceof AppError && GONE.includes(error.code)) return undefined;
    if (error instanceof AppError && error.code !== 'INTERNAL') throw error;
    log.error({ err: error, job_id: jobId }, 'the page of a report cannot be rendered');
    return undefined;
  }
}

const GONE = ['JOB_NOT_FOUND', 'REPORT_NOT_READY'];

const entryOf = ({ bytes }: ArchivedReport): SizedZipEntry => ({
  name: REPORT_FILE,
  bytes: bytes.length,
  open: async () => Readable.from([bytes]),
});

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
    tags: ['results'],
    summary: 'Download a file of an adapter',
    params: FilePath,
    headers: FileHeaders,
    response: {
      ...FILE_RESPONSES,
      ...problems(...ADAPTER_ERRORS.readFile, 'RANGE_NOT_SATISFIABLE'),
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
