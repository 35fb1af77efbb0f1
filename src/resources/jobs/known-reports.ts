import type { ModuleSpectrum, Report } from '../../contract/report.ts';
import type { Database } from '../../database/database.ts';
import type { BlobStore } from '../../storage/blob-store.ts';
import { readContent } from '../contents/content-files.ts';
import type { JobStore } from './store.ts';

/**
 * The kinds of jobs whose reports contain the spectra of an adapter, in the order of preference: an analysis has all
 * of them.
 */
const KINDS = ['analyze', 'checkpoint', 'squeeze'];
/** Largest number of jobs that are considered, and of reports that are read. */
const MAX_JOBS = 32;
const MAX_REPORTS = 4;
/** A larger report would block other work while it is parsed. */
const MAX_REPORT_BYTES = 16 * 1024 * 1024;

/**
 * The modules in the reports of earlier jobs on an adapter of the same content: analyses first, then the newest.
 * @param digest of the adapter, by describeAdapter
 * @throws AppError DATABASE_UNAVAILABLE, STORAGE_*
 */
export async function* knownReports(
  {
    database,
    blobs,
    jobStore,
  }: {
    readonly database: Pick<Database, 'reader'>;
    readonly blobs: BlobStore;
    readonly jobStore: Pick<JobStore, 'file'>;
  },
  tenant: string,
  digest: string,
): AsyncGenerator<readonly ModuleSpectrum[]> {
  const rows = await database.reader
    .selectFrom('adapter')
    .innerJoin('job_source', (join) =>
      join.onRef('job_source.adapter', '=', 'adapter.id').onRef('job_source.tenant', '=', 'adapter.tenant'),
    )
    .innerJoin('job', 'job.id', 'job_source.job')
    .innerJoin('job_file', 'job_file.job', 'job.id')
    .select(['job.id', 'job_file.sha256'])
    .where('adapter.tenant', '=', tenant)
    .where('adapter.digest', '=', digest)
    .where('job.kind', 'in', KINDS)
    .where('job_file.role', '=', 'report')
    .where('job.finished_at', 'is not', null)
    .orderBy('job.kind')
    .orderBy('job.id', 'desc')
    .limit(MAX_JOBS)
    .execute();
  // Jobs of equal requests share one report.
  const jobs = [...new Map(rows.map(({ id, sha256 }) => [sha256, id])).values()].slice(0, MAX_REPORTS);
  for (const id of jobs) {
    const file = await jobStore.file(id, 'report');
    if (!file || file.bytes > MAX_REPORT_BYTES) continue;
    const report = JSON.parse(Buffer.from(await readContent(blobs, file)).toString('utf8')) as Report;
    yield report.modules;
  }
}
