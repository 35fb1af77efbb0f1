import type { FastifyReply, FastifyRequest } from 'fastify';
import type { TSchema } from 'typebox';
import type { TimedQuery } from '../contract/list.ts';
import { DEFAULT_LIMIT, type PageQuery } from '../contract/page.ts';
import type { Page, PageRequest } from '../database/lists/page.ts';
import { invalidField } from '../errors/field-errors.ts';
import { problems, reference, response } from './schemas.ts';

const MAX_SHOWN = 60;
const ID_DIGITS = /^[0-9a-f]{32}$/;
const DIGITS = /^\d{1,10}$/;

export const LINK = {
  link: { type: 'string', description: 'The next page, `rel="next"`; absent at the end' },
} as const;

type IdKind = string | ((place: string) => boolean);

interface About {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description: string;
}

/**
 * What all lists have in common: how the query is read, and the form of the response.
 * @param page schema of a page, which is a component of the contract
 */
export const listOptions = <Query extends TSchema>(querystring: Query, page: TSchema, about: About) => ({
  preValidation: readListQuery,
  schema: {
    ...about,
    querystring,
    response: {
      200: response('A page', reference(page), { headers: LINK }),
      ...problems('VALIDATION_FAILED', 'UNKNOWN_OPTION'),
    },
  },
});

/**
 * For `preValidation` of a list. Query values are text, and the validator does not coerce them: numbers are
 * converted, and parameters that may be repeated become lists, before the schema checks them.
 */
export async function readListQuery(request: FastifyRequest): Promise<void> {
  const query = request.query as Record<string, unknown>;
  for (const name of ['limit', 'days'])
    if (DIGITS.test(String(query[name]))) query[name] = Number(query[name]);
  for (const name of ['label', 'state']) if (typeof query[name] === 'string') query[name] = [query[name]];
  if (Array.isArray(query.state)) query.state = query.state.flatMap((states: string) => states.split(','));
}

/**
 * Reads the requested page from a query.
 * @param kind the kind of ids in the list: their prefix, or a test for them
 * @throws AppError VALIDATION_FAILED for an invalid cursor or time
 */
export function pageRequestOf(query: PageQuery & TimedQuery, kind: IdKind): PageRequest {
  return {
    limit: query.limit ?? DEFAULT_LIMIT,
    after: query.cursor === undefined ? undefined : placeOf(query.cursor, kind),
    createdAfterMs: timeOf('created_after', query.created_after),
    createdBeforeMs: timeOf('created_before', query.created_before),
  };
}

/**
 * Answers a page, with the cursor of the next one and a link to it (RFC 8288).
 * @param more fields beside the items
 */
export function sendPage(
  request: FastifyRequest,
  reply: FastifyReply,
  { items, next }: Page<unknown>,
): FastifyReply {
  const cursor = next === null ? null : cursorOf(next);
  if (cursor !== null) reply.header('link', `<${nextPath(request.url, cursor)}>; rel="next"`);
  return reply.header('cache-control', 'no-store').send({ data: items, next_cursor: cursor });
}

/** The body of a list that is always short and has only one page. */
export const singlePage = <T>(data: readonly T[]) => ({ data: [...data], next_cursor: null });

function nextPath(url: string, cursor: string): string {
  const [path, query] = url.split('?', 2);
  const parameters = new URLSearchParams(query);
  parameters.set('cursor', cursor);
  return `${path}?${parameters}`;
}

function timeOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = Date.parse(text);
  if (!Number.isNaN(ms)) return ms;
  // A leap second matches the format, but is not a valid time in JavaScript.
  const detail = `${name} is ${JSON.stringify(text)}, which is not a valid time`;
  throw invalidField(`/${name}`, detail);
}

/**
 * The cursor of a place in a list: opaque to clients, and valid for this list only.
 * @param place id of the last item before the page
 */
const cursorOf = (place: string): string => Buffer.from(place).toString('base64url');

/**
 * The place that a cursor names.
 * @param kind the kind of ids in this list
 * @throws AppError VALIDATION_FAILED
 */
function placeOf(cursor: string, kind: IdKind): string {
  const place = Buffer.from(cursor, 'base64url').toString('latin1');
  const isId =
    typeof kind === 'string'
      ? place.startsWith(`${kind}_`) && ID_DIGITS.test(place.slice(kind.length + 1))
      : kind(place);
  if (isId && cursorOf(place) === cursor) return place;
  const shown = JSON.stringify(cursor.slice(0, MAX_SHOWN));
  const detail = `cursor is ${shown} but must be a next_cursor of this list`;
  throw invalidField('/cursor', detail);
}
