import type { Option } from './command.ts';
import { type Arguments, textOption } from './command.ts';
import { type FieldSchema, fieldValue } from './field-value.ts';
import type { ServerClient } from './server-client.ts';

const LIMIT: FieldSchema = { type: 'integer', minimum: 1, maximum: 100_000 };
const MAX_PER_PAGE = 100;
const DEFAULT_LIMIT = 20;

/** The options of every list. */
export const LIST_OPTIONS: readonly Option[] = [
  {
    name: 'state',
    value: 'STATE',
    multiple: true,
    help: 'Only records in this state; repeat the option for several states.',
  },
  {
    name: 'label',
    value: 'NAME=VALUE',
    multiple: true,
    help: 'Only records with this label; repeat the option to require several labels.',
  },
  { name: 'name', value: 'TEXT', help: 'Only records whose name begins with this.' },
  {
    name: 'created-after',
    value: 'TIME',
    help: 'Only records created after this time: a date such as 2026-12-01, or a date with a time.',
  },
  {
    name: 'limit',
    value: 'N',
    help: `At most this many, the newest first; default ${DEFAULT_LIMIT}.`,
    schema: LIMIT,
  },
];

/**
 * The query for LIST_OPTIONS and other options.
 * @throws UsageError
 */
export function listQuery(
  args: Arguments,
  more: Readonly<Record<string, string | undefined>> = {},
): URLSearchParams {
  const query = new URLSearchParams();
  const several = (name: string) => (args.values[name] as readonly string[] | undefined) ?? [];
  for (const state of several('state')) query.append('state', state);
  for (const label of several('label')) query.append('label', label.replace('=', ':'));
  const createdAfter = textOption(args, 'created-after');
  const filters = { ...more, name: textOption(args, 'name'), created_after: createdAfter };
  for (const [name, value] of Object.entries(filters)) if (value !== undefined) query.append(name, value);
  return query;
}

/** @throws UsageError */
export const readLimit = (args: Arguments): number => {
  const given = textOption(args, 'limit');
  return given === undefined ? DEFAULT_LIMIT : (fieldValue('--limit', given, LIMIT) as number);
};

/** A list page by page, up to a limit. @throws CommandError */
export async function* pages<T>(
  client: ServerClient,
  path: string,
  query: URLSearchParams,
  limit: number,
): AsyncGenerator<T> {
  let left = limit;
  for (let cursor: string | null = ''; cursor !== null && left > 0; ) {
    const search = new URLSearchParams(query);
    search.set('limit', String(Math.min(left, MAX_PER_PAGE)));
    if (cursor !== '') search.set('cursor', cursor);
    const page: { data: T[]; next_cursor: string | null } = await client.json(`${path}?${search}`);
    yield* page.data;
    left -= page.data.length;
    cursor = page.next_cursor;
  }
}
