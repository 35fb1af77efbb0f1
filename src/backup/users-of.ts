import type { Database } from '../database/database.ts';

/** Of each kind. */
const MOST_USERS = 5;

/** Ids of some adapters, jobs and runs that refer to a content. @throws AppError DATABASE_UNAVAILABLE */
export async function usersOf({ reader }: Database, content: string): Promise<string[]> {
  const [adapters, jobs, runs] = await Promise.all([
    reader
      .selectFrom('adapter_file')
      .select('adapter as id')
      .distinct()
      .where('content', '=', content)
      .orderBy('adapter')
      .limit(MOST_USERS)
      .execute(),
    reader
      .selectFrom('job_file')
      .select('job as id')
      .distinct()
      .where('content', '=', content)
      .orderBy('job')
      .limit(MOST_USERS)
      .execute(),
    reader
      .selectFrom('checkpoint')
      .select('run as id')
      .distinct()
      .where('modules_content', '=', content)
      .orderBy('run')
      .limit(MOST_USERS)
      .execute(),
  ]);
  return [...adapters, ...jobs, ...runs].map(({ id }) => id);
}
