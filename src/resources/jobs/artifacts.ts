import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { Artifact } from '../../contract/artifact.ts';
import type { JobRecord } from '../../contract/job.ts';
import { AppError } from '../../errors/app-error.ts';
import type { ErrorCode } from '../../errors/error-kinds.ts';
import { IMMUTABLE, REVALIDATED, type SentFile } from '../../http/send-file.ts';
import type { ByteRange } from '../../storage/blob-store.ts';
import type { AdapterService } from '../adapters/service.ts';
import { hasReport } from './job-end.ts';
import type { RenderedReports } from './rendered-reports.ts';
import type { JobService } from './service.ts';
import { isFinal } from './store.ts';

const BINARY = 'application/octet-stream';
const PAGE = 'report.html';
/** Media types by the endings of names. */
const MEDIA_TYPES: Readonly<Record<string, string>> = {
  json: 'application/json',
  html: 'text/html; charset=utf-8',
  md: 'text/markdown; charset=utf-8',
};

/** The sources of a job's artifacts. */
export interface ArtifactSources {
  readonly tenant: string;
  readonly jobs: JobService;
  readonly adapters: AdapterService;
}

/** A file and a function that reads it. */
interface Found extends Omit<Artifact, 'href'> {
  /** A stream of the file, or of a range inside it. */
  readonly open: (range?: ByteRange) => Promise<Readable>;
}

/** An artifact as it is sent. */
export interface OpenedArtifact {
  readonly file: SentFile;
  readonly open: Found['open'];
}

/** The errors of the functions; the routes derive the codes of their responses from them. */
export const ARTIFACT_ERRORS = {
  list: ['JOB_NOT_FOUND', 'STORAGE_FAILED'],
  open: [
    'JOB_NOT_FOUND',
    'FILE_NOT_FOUND',
    'REPORT_NOT_READY',
    'ADAPTER_NOT_FOUND',
    'ADAPTER_EXPIRED',
    'STORAGE_FAILED',
  ],
} as const satisfies Record<string, readonly ErrorCode[]>;

/**
 * Everything that a job created and that still exists, as one tree.
 * @throws AppError JOB_NOT_FOUND, STORAGE_*, DATABASE_UNAVAILABLE
 */
export async function listArtifacts(sources: ArtifactSources, jobId: string): Promise<Artifact[]> {
  const found = await findAll(sources, await sources.jobs.recorded(jobId));
  return found.map(({ open: _way, ...artifact }) => ({
    ...artifact,
    href: `/v1/jobs/${jobId}/artifacts/${artifact.path.split('/').map(encodeURIComponent).join('/')}`,
  }));
}

/**
 * The artifact with this path.
 * @param reports renders the page
 * @throws AppError JOB_NOT_FOUND, FILE_NOT_FOUND; if its adapter or its job is removed at this moment, the error for
 *   that
 */
export async function artifactAt(
  sources: ArtifactSources,
  reports: RenderedReports,
  jobId: string,
  path: string,
): Promise<OpenedArtifact> {
  const job = await sources.jobs.recorded(jobId);
  const part = partsOf(sources, job).find(({ prefix }) => path.startsWith(prefix))!;
  const artifact = (await part.read()).find((candidate) => candidate.path === path);
  if (!artifact) throw notFound(job, path, await findAll(sources, job));
  const name = path.split('/').at(-1)!;
  const { media_type: mediaType, open } = artifact;
  if (path === PAGE) {
    const page = await reports.get(sources, jobId, { as: 'html', isServed: false });
    const bytes = page.bytes;
    const file = { name, bytes: bytes.length, sha256: sha256Of(bytes), mediaType, keep: REVALIDATED };
    return { file, open: async (range) => streamOfBytes(bytes, range) };
  }
  const { bytes, sha256 } = artifact;
  return { file: { name, bytes: bytes!, sha256: sha256!, mediaType, keep: IMMUTABLE }, open };
}

/** A part of the tree, which is read only if it is needed: a report may have megabytes. */
interface Part {
  /** How the paths in it begin. */
  readonly prefix: string;
  readonly read: () => Promise<Found[]> | Found[];
}

/** In the order in which they are listed. A path belongs to the first part whose prefix it has. */
function partsOf({ jobs, adapters }: ArtifactSources, job: JobRecord): Part[] {
  const folders = job.results.flatMap((result, index): [string, string][] =>
    result.state === 'succeeded' ? [[`results/${index}/`, result.adapter_id]] : [],
  );
  if (job.imported) folders.unshift(['imported/', job.imported.adapter_id]);
  return [
    { prefix: 'report.', read: () => reportFiles(jobs, job) },
    ...folders.map(([prefix, id]) => ({ prefix, read: () => adapterFiles(adapters, prefix, id) })),
    { prefix: '', read: () => trainingFiles(jobs, job) },
  ];
}

async function findAll(sources: ArtifactSources, job: JobRecord): Promise<Found[]> {
  const found: Found[] = [];
  for (const { read } of partsOf(sources, job)) found.push(...(await read()));
  return found;
}

async function reportFiles(jobs: JobService, job: JobRecord): Promise<Found[]> {
  const bytes = await reportOf(jobs, job);
  if (!bytes) return [];
  const open = async (range?: ByteRange) => streamOfBytes(bytes, range);
  return [
    { ...entryOf('report.json', bytes.length, sha256Of(bytes)), open },
    { ...entryOf(PAGE, null, null), open: notDrawn },
  ];
}

async function adapterFiles(adapters: AdapterService, prefix: string, id: string): Promise<Found[]> {
  // Adapters expire independently of their jobs, so this one may be gone.
  const adapter = await adapters.find(id);
  return (adapter?.files ?? []).map(({ name, bytes, sha256 }) => ({
    ...entryOf(prefix + name, bytes, sha256),
    open: async (range) => (await adapters.readFile(id, name, range)).stream,
  }));
}

const trainingFiles = (jobs: JobService, { id, results }: JobRecord): Found[] =>
  results.flatMap((result) =>
    ((result.state === 'succeeded' && result.training?.files) || []).map((file) => ({
      ...entryOf(file.name, file.bytes, file.sha256),
      open: (range?: ByteRange) => jobs.readFile(id, file, range),
    })),
  );

/** The report of a job; jobs that only fetch or deliver adapters have none. */
async function reportOf(jobs: JobService, job: JobRecord): Promise<Uint8Array | undefined> {
  if (!hasReport(job)) return undefined;
  try {
    return (await jobs.storedReport(job.id)).bytes;
  } catch (error) {
    if (error instanceof AppError && error.code === 'REPORT_NOT_READY') return undefined;
    throw error;
  }
}

const entryOf = (path: string, bytes: number | null, sha256: string | null): Omit<Artifact, 'href'> => ({
  ...{ path, bytes, sha256 },
  media_type: MEDIA_TYPES[path.slice(path.lastIndexOf('.') + 1)] ?? BINARY,
});

const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const streamOfBytes = (bytes: Uint8Array, range?: ByteRange): Readable =>
  Readable.from([range ? bytes.subarray(range.start, range.end + 1) : bytes], { objectMode: false });

const notDrawn = (): never => {
  throw new TypeError('The page of a report must be rendered before it is opened');
};

function notFound(job: JobRecord, path: string, found: readonly Found[]): AppError {
  const known = found.map((one) => one.path);
  const has = known.length > 0 ? known.join(', ') : isFinal(job) ? 'none' : 'none before it has finished';
  return new AppError(
    'FILE_NOT_FOUND',
    `Job ${job.id} has no artifact ${JSON.stringify(path)}; it has ${has}.`,
    { job_id: job.id, path, known },
  );
}
