import { type RawBuilder, type SqlBool, sql } from 'kysely';
import type { Database } from './database.ts';

/** For what the builder has no words for. Whatever is put into it is bound as a value, unless it is SQL itself. */
export { sql } from 'kysely';

export type Fragment = RawBuilder<unknown>;
/** Something that rows have to be. */
export type Condition = RawBuilder<SqlBool>;

/**
 * Whether a moment in a column has come, which was set to come no more than `longestMs` later: it has, too, where it is further
 * away than that, for the clock was put back since.
 */
export const hasCome = (
  { now, after }: Pick<Database, 'now' | 'after'>,
  column: string,
  longestMs: number,
): Condition => sql`(${sql.ref(column)} <= ${now} or ${sql.ref(column)} > ${after(longestMs)})`;
