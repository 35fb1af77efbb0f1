import type { Database } from '../database/database.ts';

/** How much there is to do, in executions. */
export interface Backlog extends Readonly<Record<string, number>> {
  /** They can be dispatched, or have been and no worker has begun. */
  readonly waiting: number;
  readonly active: number;
  /** An attempt failed, and the next one is not due yet. */
  readonly delayed: number;
}

/** Of all tenants. @throws AppError DATABASE_UNAVAILABLE */
export async function backlog({ reader, now }: Pick<Database, 'reader' | 'now'>): Promise<Backlog> {
  const count = (state: 'waiting' | 'dispatched') =>
    reader
      .selectFrom('execution')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .where('state', '=', state);
  const [waiting, delayed, dispatched, active] = await Promise.all(
    [
      count('waiting'),
      count('waiting').where('not_before', '>', now),
      count('dispatched'),
      count('dispatched').where('started_at', 'is not', null),
    ].map(async (query) => Number((await query.executeTakeFirstOrThrow()).count)),
  );
  return { waiting: waiting! - delayed! + dispatched! - active!, active: active!, delayed: delayed! };
}
