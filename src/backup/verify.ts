import type { Database } from '../database/database.ts';
import { mapConcurrently } from '../database/map-concurrently.ts';
import { AppError } from '../errors/app-error.ts';
import { counted } from '../errors/counted.ts';
import { CONTENT_PREFIX, contentKey } from '../resources/contents/content-files.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import { type BackupWork, CONTENTS_AT_ONCE, currentMigrations } from './backup-work.ts';
import { type Digested, digestOf } from './digested.ts';
import { type VerifyProblem, wrongRows } from './wrong-rows.ts';

export const VERIFY_STEPS: readonly string[] = ['verify'];

/** Number of rows that are checked before the next ones are read. */
const PAGE_ROWS = 200;

/** Number of keys that are looked up at once. */
const PAGE_KEYS = 1_000;

/** Largest number of adapters, jobs and runs, each, that are named for a content. */
const MAX_USERS = 5;

export interface VerificationResult {
  readonly contents: number;
  readonly bytes: number;
  readonly problems: number;
  /** Number of objects in the storage that the database does not know. They do no harm. */
  readonly unknown: number;
}

export interface VerifyWork extends BackupWork {
  /** If true, only sizes are compared and nothing is read. */
  readonly isQuick: boolean;
  readonly onProblem: (problem: VerifyProblem) => void;
  /** @param key of an object that the database does not know */
  readonly onUnknown: (key: string) => void;
}

/**
 * Checks that the database and the storage agree, with or without a running service. It changes nothing.
 * @throws BackupError DATABASE_VERSION; AppError DATABASE_UNAVAILABLE, STORAGE_FAILED if nothing can be read; the
 *   signal's reason
 */
export async function verify(work: VerifyWork): Promise<VerificationResult> {
  const { database, store, signal, onProblem, onUnknown } = work;
  await currentMigrations(database);
  // If the storage is unavailable, fail now instead of reporting all content as lost.
  await store.checkReads();
  let problems = 0;
  const report = (problem: VerifyProblem): void => {
    problems++;
    onProblem(problem);
  };
  for await (const problem of wrongRows(database)) report(problem);
  const sums = await verifyContents(work, report);
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
  report: (problem: VerifyProblem) => void,
): Promise<Pick<VerificationResult, 'contents' | 'bytes'>> {
  const { database, signal, onProgress } = work;
  const sums = { contents: 0, bytes: 0 };
  const total = await countOf(database);
  for (let after = ''; ; ) {
    const rows: readonly ContentRow[] = await storedContents(database, after);
    await mapConcurrently(rows, CONTENTS_AT_ONCE, async (row) => {
      signal.throwIfAborted();
      onProgress({ step: 'verify', done: sums.contents, total });
      sums.contents++;
      sums.bytes += row.bytes;
      const wrong = await wrongContent(work, row);
      // The content may have been deleted in the meantime.
      if (wrong && (await isStored(database, row.id)))
        report({ ...wrong, id: row.id, used_by: await usersOf(database, row.id) });
    });
    if (rows.length < PAGE_ROWS) return sums;
    after = rows.at(-1)!.id;
  }
}

async function wrongContent(
  { store, isQuick, signal }: VerifyWork,
  { id, sha256, bytes, inline }: ContentRow,
): Promise<Pick<VerifyProblem, 'problem' | 'detail'> | undefined> {
  let found: Partial<Digested> | undefined;
  try {
    found = inline
      ? await digestOf(singleChunk(inline), signal)
      : await contentOf(store, id, isQuick, signal);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    await store.checkReads();
    return { problem: 'CONTENT_UNREADABLE', detail: error.message };
  }
  if (!found) return { problem: 'CONTENT_MISSING', detail: `${contentKey(id)} is not in the storage.` };
  if (found.bytes !== bytes)
    return {
      problem: 'CONTENT_SIZE',
      detail: `The content has ${counted(found.bytes!, 'byte')} instead of ${bytes}.`,
    };
  if (found.sha256 !== undefined && found.sha256 !== sha256)
    return {
      problem: 'CONTENT_DIGEST',
      detail: `The SHA-256 of the content is ${found.sha256} instead of ${sha256}.`,
    };
  return undefined;
}

/** @returns undefined if there is no such object */
async function contentOf(
  store: BlobStore,
  id: string,
  isQuick: boolean,
  signal: AbortSignal,
): Promise<Partial<Digested> | undefined> {
  const key = contentKey(id);
  const found = await store.stat(key);
  return found === undefined || isQuick ? found : digestOf(await store.read(key), signal);
}

async function* singleChunk(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
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

/**
 * Keys of content in the storage that the database does not know, neither as content nor as a write in progress.
 * @throws AppError DATABASE_UNAVAILABLE, STORAGE_FAILED
 */
async function* unknownObjects(database: Database, store: BlobStore): AsyncGenerator<string> {
  for (let after = CONTENT_PREFIX; ; ) {
    const keys = await store.list(CONTENT_PREFIX, { after, limit: PAGE_KEYS });
    // Read after the list, because a write is recorded in the database before its first byte is stored.
    const known = await knownIds(database, keys.map(idOf));
    for (const key of keys) {
      if (known.has(idOf(key)) || known.has(writeOf(idOf(key)))) continue;
      // An object that was just being deleted is gone by now.
      if (await store.stat(key)) yield key;
    }
    if (keys.length < PAGE_KEYS) return;
    after = keys.at(-1)!;
  }
}

const idOf = (key: string): string => key.slice(key.lastIndexOf('/') + 1);
/** The id of the write that stored a content. */
const writeOf = (id: string): string => id.split('-', 1)[0]!;

async function knownIds({ reader }: Database, ids: readonly string[]): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set();
  const writes = [...new Set(ids.map(writeOf))];
  const [contents, open] = await Promise.all([
    reader.selectFrom('content').select('id').where('id', 'in', ids).execute(),
    reader.selectFrom('content_write').select('id').where('id', 'in', writes).execute(),
  ]);
  return new Set([...contents, ...open].map(({ id }) => id));
}

/** Ids of some adapters, jobs and runs that refer to a content. @throws AppError DATABASE_UNAVAILABLE */
async function usersOf({ reader }: Database, content: string): Promise<string[]> {
  const [adapters, jobs, runs] = await Promise.all([
    reader
      .selectFrom('adapter_file')
      .select('adapter as id')
      .distinct()
      .where('content', '=', content)
      .orderBy('adapter')
      .limit(MAX_USERS)
      .execute(),
    reader
      .selectFrom('job_file')
      .select('job as id')
      .distinct()
      .where('content', '=', content)
      .orderBy('job')
      .limit(MAX_USERS)
      .execute(),
    reader
      .selectFrom('checkpoint')
      .select('run as id')
      .distinct()
      .where('modules_content', '=', content)
      .orderBy('run')
      .limit(MAX_USERS)
      .execute(),
  ]);
  return [...adapters, ...jobs, ...runs].map(({ id }) => id);
}
