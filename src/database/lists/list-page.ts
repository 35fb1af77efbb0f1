import type { Database } from '../database.ts';
import { smallestIdAt } from '../ids.ts';
import { type Condition, type Fragment, sql } from '../sql.ts';
import type { Tables } from '../tables.ts';
import type { PageRequest } from './page.ts';

/** The tables of which there are lists, with the prefix of their ids. */
const ID_KINDS = {
  ...{ adapter: 'ad', batch: 'batch', connection: 'conn', delivery: 'msg', job: 'job', run: 'run' },
} as const;
type Listed = keyof typeof ID_KINDS;

/** Up to this many ids, looking rows up is faster than finding them while scanning others. */
const MAX_LOOKUPS = 1000;

type Texts = Readonly<Record<string, string | undefined>>;

/** Rows that refer to rows of the list: by the column with the name of its table, and by `tenant`. */
export interface Link {
  readonly from: Fragment;
  readonly where: Texts;
}

/** Conditions on rows. Absent ones match everything. */
export interface ListFilter {
  /** Links that must all exist. The query starts with the first one, unless another condition matches fewer rows. */
  readonly links?: readonly Link[];
  /** Columns that must have these values. */
  readonly equal?: Texts;
  /** The same for columns whose values occur in few rows. */
  readonly rare?: Texts;
  /** Only rows with these ids. */
  readonly ids?: readonly string[] | undefined;
  readonly where?: readonly Condition[];
}

interface ListQuery<T extends Listed, Column extends keyof Tables[T] & string> extends ListFilter {
  readonly table: T;
  readonly tenant: string;
  readonly columns: readonly Column[];
  /** Alternatives that exclude each other. Each of them is a query of its own, so that it can use its index. */
  readonly oneOf?: readonly Condition[] | undefined;
}

/**
 * A page of rows, the newest first. Times are compared with those in the ids.
 * @throws AppError DATABASE_UNAVAILABLE
 */
export async function listPage<T extends Listed, Column extends keyof Tables[T] & string>(
  { reader }: Pick<Database, 'reader'>,
  { table, tenant, columns, oneOf: wanted, ...filter }: ListQuery<T, Column>,
  { limit, ...place }: PageRequest,
): Promise<{ rows: Pick<Tables[T], Column>[]; next: string | null }> {
  type Row = Pick<Tables[T], Column> & { readonly id: string };
  const { equal = {}, rare = {}, links = [] } = filter;
  const texts = [equal, rare, ...links.map(({ where }) => where)].flatMap(Object.values);
  // No record contains U+0000, and PostgreSQL does not accept it in text.
  const cannotMatch = texts.some((text?: string) => text?.includes('\0'));
  if (cannotMatch || wanted?.length === 0) return { rows: [], next: null };
  const ids = filter.ids ?? (await fewIds(reader, table, tenant, filter, wanted));
  if (ids?.length === 0) return { rows: [], next: null };
  const oneOf = wanted ?? [sql`1 = 1`];
  const shown = sql.join(columns.map((column) => sql.ref(`${table}.${column}`)));
  const maximum = sql`limit ${limit + 1}`;
  const parts = oneOf.map((one) => {
    const from = newestFirst(table, tenant, { ...filter, ids, where: [...(filter.where ?? []), one] }, place);
    return sql<Row>`select ${shown} ${from} ${maximum}`;
  });
  const all = parts.map((part, index) => sql`select * from (${part}) as ${sql.ref(`part_${index}`)}`);
  const merged = sql<Row>`${sql.join(all, sql` union all `)} order by id desc ${maximum}`;
  const { rows } = await (parts.length === 1 ? parts[0]! : merged).execute(reader);
  return { rows: rows.slice(0, limit), next: rows.length > limit ? rows[limit - 1]!.id : null };
}

/**
 * If there are several conditions, the rows that match one of them, provided that they are few; otherwise the
 * duration of an unsuccessful search would depend on the first condition. undefined if there is only one condition,
 * or if none matches few rows.
 */
async function fewIds(
  reader: Pick<Database, 'reader'>['reader'],
  table: Listed,
  tenant: string,
  { links = [], equal = {}, rare = {} }: ListFilter,
  oneOf: readonly Condition[] = [],
): Promise<string[] | undefined> {
  const own = (condition: Fragment) =>
    sql`select id from ${sql.table(table)} where tenant = ${tenant} and ${condition} limit ${MAX_LOOKUPS + 1}`;
  const parts = oneOf.map((one, index) => sql`select * from (${own(one)}) as ${sql.ref(`few_${index}`)}`);
  const conditions = [
    ...links.map(
      (link) =>
        sql`select ${sql.ref(`lead.${table}`)} as id from ${link.from} as lead where ${linkIs('lead', link, tenant)} limit ${MAX_LOOKUPS + 1}`,
    ),
    ...(parts.length === 0 ? [] : [sql.join(parts, sql` union all `)]),
    ...Object.entries(equal).flatMap(([column, text]) =>
      text === undefined ? [] : [own(sql`${sql.ref(`${table}.${column}`)} = ${text}`)],
    ),
  ];
  const isRare = Object.values(rare).some((text) => text !== undefined);
  if (isRare || conditions.length < 2) return undefined;
  for (const condition of conditions) {
    const { rows } = await sql<{ id: string }>`${condition}`.execute(reader);
    if (rows.length <= MAX_LOOKUPS) return rows.map(({ id }) => id);
  }
  return undefined;
}

function newestFirst(
  table: Listed,
  tenant: string,
  { links = [], equal = {}, rare = {}, ids, where = [] }: ListFilter,
  { after, createdAfterMs, createdBeforeMs }: Omit<PageRequest, 'limit'>,
): Fragment {
  const own = (column: string) => sql.ref(`${table}.${column}`);
  const isRare = ids !== undefined || Object.values(rare).some((text) => text !== undefined);
  const lead = isRare ? undefined : links[0];
  // The id of whichever of the two tables has an index in the order of the list.
  const id = lead ? sql.ref(`lead.${table}`) : own('id');
  const from = (ms: number) => smallestIdAt(ID_KINDS[table], ms);
  const conditions = [
    lead ? sql`${own('id')} = ${id} and ${linkIs('lead', lead, tenant)}` : sql`${own('tenant')} = ${tenant}`,
    ...(lead ? links.slice(1) : links).map((link) => {
      const isOwn = sql`${sql.ref(`link.${table}`)} = ${own('id')}`;
      return sql`exists (select 1 from ${link.from} as link where ${isOwn} and ${linkIs('link', link, tenant)})`;
    }),
    ...Object.entries({ ...equal, ...rare }).flatMap(([column, text]) =>
      text === undefined ? [] : sql`${own(column)} = ${text}`,
    ),
    ...(ids ? [sql`${id} in (${sql.join(ids)})`] : []),
    ...where,
    ...(after === undefined ? [] : [sql`${id} < ${after}`]),
    ...(createdBeforeMs === undefined ? [] : [sql`${id} < ${from(createdBeforeMs)}`]),
    ...(createdAfterMs === undefined ? [] : [sql`${id} >= ${from(createdAfterMs + 1)}`]),
  ];
  // SQLite does not reorder the tables of a cross join.
  const joined = lead ? sql`${lead.from} as lead cross join ${sql.table(table)}` : sql.table(table);
  return sql`from ${joined} where ${sql.join(conditions, sql` and `)} order by ${id} desc`;
}

const linkIs = (alias: string, { where }: Link, tenant: string): Fragment =>
  sql.join(
    Object.entries({ tenant, ...where }).map(
      ([column, text]) => sql`${sql.ref(`${alias}.${column}`)} = ${text}`,
    ),
    sql` and `,
  );

/**
 * Finds the names with a prefix in a list. One index is ordered by name, and another has the newest rows first; which
 * of them is better depends on how many rows match.
 * @param prefix in the form in which names are stored
 * @throws AppError DATABASE_UNAVAILABLE
 */
export async function nameBegins(
  { reader }: Pick<Database, 'reader'>,
  table: 'adapter' | 'batch' | 'job' | 'run',
  tenant: string,
  prefix: string,
): Promise<Pick<ListFilter, 'ids' | 'where'>> {
  // No name contains it, and PostgreSQL does not accept it in text.
  if (prefix.includes('\0')) return { ids: [] };
  const name = sql.ref(`${table}.name`);
  const end = behind(prefix);
  const below = end === undefined ? sql`` : sql`and ${name} < ${end}`;
  // In the order of the index; otherwise PostgreSQL may collect all matches before it returns some.
  const { rows } = await sql<{ id: string }>`
    select id from ${sql.table(table)} where tenant = ${tenant} and ${name} >= ${prefix} ${below}
    order by ${name} limit ${MAX_LOOKUPS + 1}`.execute(reader);
  if (rows.length <= MAX_LOOKUPS) return { ids: rows.map(({ id }) => id) };
  // Not a range, for which SQLite would find all rows by name and sort them; nor an equality, which PostgreSQL would
  // assume to be rare and read all rows. For a comparison with an unknown number it assumes that a third of the rows
  // match, and scans them in order.
  const matches = sql`substr(${name}, 1, ${[...prefix].length}) = ${prefix}`;
  return { where: [sql`case when ${matches} then 1 else 0 end > 0`] };
}

/** The first text after all texts with this prefix, in the order of code points; undefined if there is none. */
function behind(prefix: string): string | undefined {
  const points = [...prefix].map((point) => point.codePointAt(0)!);
  while (points.at(-1) === 0x10ffff) points.pop();
  const last = points.pop();
  if (last === undefined) return undefined;
  // Surrogates are not characters, so they are skipped.
  return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1);
}
