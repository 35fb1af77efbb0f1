import { type RawBuilder, type SqlBool, sql } from 'kysely';
import type { Database } from './database.ts';

/**
 * For queries that the builder cannot express. Interpolated values are bound as parameters, unless they are SQL
 * themselves.
 */
export { sql } from 'kysely';

export type Fragment = RawBuilder<unknown>;
/** A condition on rows. */
export type Condition = RawBuilder<SqlBool>;

/**
 * Whether a time in a column has passed. The time was set at most `longestMs` ahead; if it is further ahead, the clock
 * has been set back since, and the time counts as passed. A statement that waited for the lock of a row may find a time
 * that was set after the statement began, so the current time is read from the clock, not taken from the statement.
 */
export const isPast = (
  { now, clock }: Pick<Database, 'now' | 'clock'>,
  column: string,
  longestMs: number,
): Condition => sql`(${sql.ref(column)} <= ${now} or ${sql.ref(column)} > ${clock} + ${sql.lit(longestMs)})`;
