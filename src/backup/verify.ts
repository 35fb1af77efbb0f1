import type { Database } from '../database/database.ts';
import { AppError } from '../errors/app-error.ts';
import { eachBounded } from '../resources/contents/bounded.ts';
import { contentKey } from '../resources/contents/content-key.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import type { BackupWork } from './backup-work.ts';
import { currentMigrations } from './current-migrations.ts';
import { type Digested, digested } from './digested.ts';
import { AT_ONCE } from './saved-content.ts';
import { unknownObjects } from './unknown-objects.ts';
import { usersOf } from './users-of.ts';
import { wrongRows } from './wrong-rows.ts';

/** Something that is not as it has to be. */
export interface Problem {
  readonly problem:
    | 'CONTENT_MISSING'
    | 'CONTENT_SIZE'
    | 'CONTENT_DIGEST'
    | 'CONTENT_UNREADABLE'
    | 'REFERENCE_BROKEN'
    | 'ADAPTER_BYTES'
    | 'USAGE_WRONG';
  /** Of a content, an adapter, a job, a run; of a tenant where its usage is wrong. */
  readonly id: string;
  readonly detail: string;
  /** Ids of some who refer to a content. */
  readonly used_by?: readonly string[];
}

export interface Verified {
  readonly contents: number;
  readonly bytes: number;
  readonly problems: number;
  /** Objects in the storage that the database does not know. They do no harm. */
  readonly unknown: number;
}

export interface VerifyWork extends BackupWork {
  /** Sizes only: nothing is read. */
  readonly isQuick: boolean;
  readonly onProblem: (problem: Problem) => void;
  /** @param key of an object that the database does not know */
  readonly onUnknown: (key: string) => void;
}

export const VERIFY_STEPS: readonly string[] = ['verify'];

/** Rows that are looked at before the next ones are read. */
const PAGE_ROWS = 200;

/**
 * Looks whether the database and the storage agree, beside a running service or without one. It changes nothing.
 * @throws BackupError DATABASE_VERSION; AppError DATABASE_UNAVAILABLE, STORAGE_FAILED where nothing can be read; the
 * signal's reason
 */
export async function verify(work: VerifyWork): Promise<Verified> {
  const { database, store, signal, onProblem, onUnknown } = work;
  await currentMigrations(database);
  // A storage that is away has not lost anything.
  await store.checkReads();
  let problems = 0;
  const tell = (problem: Problem): void => {
    problems++;
    onProblem(problem);
  };
  for await (const problem of wrongRows(database)) tell(problem);
  const sums = await verifyContents(work, tell);
  let unknown = 0;
  for await (const key of unknownObjects(database, store)) {
    signal.throwIfAborted();
    unknown++;
    onUnknown(key);
  }
  return { ...sums, problems, unknown };
}

interface ContentRow {
  readonly id: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly inline: Uint8Array | null;
}

async function verifyContents(
  work: VerifyWork,
  tell: (problem: Problem) => void,
): Promise<Pick<Verified, 'contents' | 'bytes'>> {
  const { database, signal, onProgress } = work;
  const sums = { contents: 0, bytes: 0 };
  const total = await countOf(database);
  for (let after = ''; ; ) {
    const rows: readonly ContentRow[] = await storedContents(database, after);
    await eachBounded(rows, AT_ONCE, async (row) => {
      signal.throwIfAborted();
      onProgress({ step: 'verify', done: sums.contents, total });
      sums.contents++;
      sums.bytes += row.bytes;
      const wrong = await wrongContent(work, row);
      // It may have been deleted meanwhile.
      if (wrong && (await isStored(database, row.id)))
        tell({ ...wrong, id: row.id, used_by: await usersOf(database, row.id) });
    });
    if (rows.length < PAGE_ROWS) return sums;
    after = rows.at(-1)!.id;
  }
}

async function wrongContent(
  { store, isQuick, signal }: VerifyWork,
  { id, sha256, bytes, inline }: ContentRow,
): Promise<Pick<Problem, 'problem' | 'detail'> | undefined> {
  let found: Partial<Digested> | undefined;
  try {
    found = inline ? await digested(one(inline), signal) : await contentOf(store, id, isQuick, signal);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    await store.checkReads();
    return { problem: 'CONTENT_UNREADABLE', detail: error.message };
  }
  if (!found) return { problem: 'CONTENT_MISSING', detail: `${contentKey(id)} is not in the storage.` };
  if (found.bytes !== bytes)
    return { problem: 'CONTENT_SIZE', detail: `It has ${found.bytes} bytes instead of ${bytes}.` };
  if (found.sha256 !== undefined && found.sha256 !== sha256)
    return { problem: 'CONTENT_DIGEST', detail: `Its SHA-256 is ${found.sha256} instead of ${sha256}.` };
  return undefined;
}

/** undefined: it is not there. */
async function contentOf(
  store: BlobStore,
  id: string,
  isQuick: boolean,
  signal: AbortSignal,
): Promise<Partial<Digested> | undefined> {
  const key = contentKey(id);
  const found = await store.stat(key);
  return found === undefined || isQuick ? found : digested(await store.read(key), signal);
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

const storedContents = ({ reader }: Database, after: string) =>
  reader
    .selectFrom('content')
    .select(['id', 'sha256', 'bytes', 'inline'])
    .where('state', '=', 'stored')
    .where('id', '>', after)
    .orderBy('id')
    .limit(PAGE_ROWS)
    .execute();

async function countOf({ reader }: Database): Promise<number> {
  const { count } = await reader
    .selectFrom('content')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('state', '=', 'stored')
    .executeTakeFirstOrThrow();
  return Number(count);
}

async function isStored({ reader }: Database, id: string): Promise<boolean> {
  const row = await reader.selectFrom('content').select('state').where('id', '=', id).executeTakeFirst();
  return row?.state === 'stored';
}
