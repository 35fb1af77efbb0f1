import { type RawBuilder, type SqlBool, sql } from 'kysely';
import type { Database } from './database.ts';

/** For what the builder has no words for. Whatever is put into it is bound as a value, unless it is SQL itself. */
export { sql } from 'kysely';

export type Fragment = RawBuilder<unknown>;
/** Something that rows have to be. */
export type Condition = RawBuilder<SqlBool>;

/**
 * Whether a time in a column has come. It was set at most `longestMs` ahead; if it is further ahead, the clock was
 * set back since, and it counts as past.
 */
export const hasCome = (
  { now, after }: Pick<Database, 'now' | 'after'>,
  column: string,
  longestMs: number,
): Condition => sql`(${sql.ref(column)} <= ${now} or ${sql.ref(column)} > ${after(longestMs)})`;
