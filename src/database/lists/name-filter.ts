import type { Database } from '../database.ts';
import { sql } from '../sql.ts';
import { FEW, type ListFilter } from './listed.ts';

/**
 * What tells in a list which names begin in a way. An index has names in their order and another one has what is new before
 * what is old: it depends on how many there are which is of use.
 * @param prefix in the form in which names are in the table
 * @throws AppError DATABASE_UNAVAILABLE
 */
export async function nameBegins(
  { reader }: Pick<Database, 'reader'>,
  table: 'adapter' | 'run',
  tenant: string,
  prefix: string,
): Promise<Pick<ListFilter, 'ids' | 'where'>> {
  // No name has that, and PostgreSQL takes no text with it.
  if (prefix.includes('\0')) return { ids: [] };
  const name = sql.ref(`${table}.name`);
  const end = behind(prefix);
  const below = end === undefined ? sql`` : sql`and ${name} < ${end}`;
  // In the order of the index, or PostgreSQL may gather all that match before it takes some.
  const { rows } = await sql<{ id: string }>`
    select id from ${sql.table(table)} where tenant = ${tenant} and ${name} >= ${prefix} ${below}
    order by ${name} limit ${FEW + 1}`.execute(reader);
  if (rows.length <= FEW) return { ids: rows.map(({ id }) => id) };
  // Not a range, which would have SQLite find all by their names and sort them; nor an equality, of which PostgreSQL thinks that
  // it is rare, and would read all. A comparison of a number that is not known is true of a third, it thinks, and walks.
  const matches = sql`substr(${name}, 1, ${[...prefix].length}) = ${prefix}`;
  return { where: [sql`case when ${matches} then 1 else 0 end > 0`] };
}

/** The first text that is behind all that begin with this one, by its code points; undefined: there is none. */
function behind(prefix: string): string | undefined {
  const points = [...prefix].map((point) => point.codePointAt(0)!);
  while (points.at(-1) === 0x10ffff) points.pop();
  const last = points.pop();
  if (last === undefined) return undefined;
  // Surrogates are no characters of their own.
  return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1);
}
