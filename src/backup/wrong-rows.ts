import type { Database, Snapshot } from '../database/database.ts';
import { counted } from '../errors/counted.ts';

/** A problem that verification found. */
export interface VerifyProblem {
  readonly problem:
    | 'CONTENT_MISSING'
    | 'CONTENT_SIZE'
    | 'CONTENT_DIGEST'
    | 'CONTENT_UNREADABLE'
    | 'REFERENCE_BROKEN'
    | 'ADAPTER_BYTES'
    | 'USAGE_WRONG';
  /** Id of a content, an adapter, a job or a run; of a tenant if its usage is wrong. */
  readonly id: string;
  readonly detail: string;
  /** Ids of some adapters, jobs and runs that refer to a content. */
  readonly used_by?: readonly string[];
}

/** Contradictions between rows, as of one moment. @throws AppError DATABASE_UNAVAILABLE */
export async function* wrongRows(database: Database): AsyncGenerator<VerifyProblem> {
  yield* await database.snapshot(async (reader) => [
    ...(await brokenFiles(reader)),
    ...(await brokenJobFiles(reader)),
    ...(await brokenCheckpoints(reader)),
    ...(await wrongBytes(reader)),
    ...(await wrongUsage(reader)),
  ]);
}

const broken = (id: string, what: string, content: string): VerifyProblem => ({
  problem: 'REFERENCE_BROKEN',
  id,
  detail: `Its ${what} refers to the content ${content}, which is not stored or has another digest.`,
});

async function brokenFiles(reader: Snapshot): Promise<VerifyProblem[]> {
  const rows = await reader
    .selectFrom('adapter_file')
    .leftJoin('content', (join) =>
      join.onRef('content.id', '=', 'adapter_file.content').on('content.state', '=', 'stored'),
    )
    .select(['adapter_file.adapter', 'adapter_file.name', 'adapter_file.content'])
    .where('content.id', 'is', null)
    .orderBy('adapter_file.adapter')
    .execute();
  return rows.map(({ adapter, name, content }) => broken(adapter, `file ${name}`, content));
}

async function brokenJobFiles(reader: Snapshot): Promise<VerifyProblem[]> {
  const rows = await reader
    .selectFrom('job_file')
    .leftJoin('content', (join) =>
      join
        .onRef('content.id', '=', 'job_file.content')
        .onRef('content.sha256', '=', 'job_file.sha256')
        .on('content.state', '=', 'stored'),
    )
    .select(['job_file.job', 'job_file.role', 'job_file.content'])
    .where('content.id', 'is', null)
    .orderBy('job_file.job')
    .execute();
  return rows.map(({ job, role, content }) => broken(job, `file of role ${role}`, content));
}

async function brokenCheckpoints(reader: Snapshot): Promise<VerifyProblem[]> {
  const rows = await reader
    .selectFrom('checkpoint')
    .leftJoin('content', (join) =>
      join
        .onRef('content.id', '=', 'checkpoint.modules_content')
        .onRef('content.sha256', '=', 'checkpoint.modules_sha256')
        .on('content.state', '=', 'stored'),
    )
    .select(['checkpoint.run', 'checkpoint.sequence', 'checkpoint.modules_content'])
    .where('content.id', 'is', null)
    .orderBy('checkpoint.run')
    .execute();
  return rows.map(({ run, sequence, modules_content }) =>
    broken(run, `list of modules of checkpoint ${sequence}`, modules_content),
  );
}

/** Adapters that lack files, or whose files differ from what their rows say. */
async function wrongBytes(reader: Snapshot): Promise<VerifyProblem[]> {
  const rows = await reader
    .selectFrom('adapter')
    .leftJoin('adapter_file', 'adapter_file.adapter', 'adapter.id')
    .leftJoin('content', 'content.id', 'adapter_file.content')
    .select(({ fn, val }) => [
      'adapter.id',
      'adapter.bytes',
      fn.coalesce(fn.sum<number>('content.bytes'), val(0)).as('found'),
    ])
    .groupBy(['adapter.id', 'adapter.bytes'])
    .having(({ eb, fn, ref, val }) =>
      eb(fn.coalesce(fn.sum<number>('content.bytes'), val(0)), '<>', ref('adapter.bytes')),
    )
    .orderBy('adapter.id')
    .execute();
  return rows.map(({ id, bytes, found }) => ({
    problem: 'ADAPTER_BYTES',
    id,
    detail: `The files of the adapter have ${found} bytes together, but its record states ${bytes}.`,
  }));
}

async function wrongUsage(reader: Snapshot): Promise<VerifyProblem[]> {
  const recordedUsage = await reader.selectFrom('usage').selectAll().execute();
  const adapters = await reader
    .selectFrom('adapter')
    .select(({ fn }) => ['tenant', fn.countAll<number>().as('count'), fn.sum<number>('bytes').as('bytes')])
    .groupBy('tenant')
    .execute();
  const jobs = await reader
    .selectFrom('job')
    .select(({ fn }) => ['tenant', fn.countAll<number>().as('count')])
    .groupBy('tenant')
    .execute();
  const of = <R extends { readonly tenant: string }>(rows: readonly R[], tenant: string): R | undefined =>
    rows.find((row) => row.tenant === tenant);
  const words = (count: number, bytes: number, jobCount: number): string =>
    `${counted(count, 'adapter')} with ${counted(bytes, 'byte')} and ${counted(jobCount, 'job')}`;
  const tenants = new Set([...recordedUsage, ...adapters, ...jobs].map(({ tenant }) => tenant));
  return [...tenants].sort().flatMap((tenant): VerifyProblem[] => {
    const says = of(recordedUsage, tenant);
    const has = of(adapters, tenant);
    const recorded = words(says?.adapters ?? 0, says?.bytes ?? 0, says?.jobs ?? 0);
    const found = words(
      Number(has?.count ?? 0),
      Number(has?.bytes ?? 0),
      Number(of(jobs, tenant)?.count ?? 0),
    );
    if (recorded === found) return [];
    return [
      {
        problem: 'USAGE_WRONG',
        id: tenant,
        detail: `The record of the tenant states ${recorded}, but the tenant has ${found}.`,
      },
    ];
  });
}
