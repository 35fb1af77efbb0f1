import { type Static, type TProperties, type TSchema, Type } from 'typebox';
import { nullable } from './choice.ts';

export const DEFAULT_LIMIT = 50;
export const MAX_LIMIT = 200;

/** The query parameters of a list with pages. */
export const PageQuery = Type.Object({
  limit: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: MAX_LIMIT,
      default: DEFAULT_LIMIT,
      description: 'Largest number of items in the page',
    }),
  ),
  cursor: Type.Optional(
    Type.String({
      maxLength: 256,
      description: '`next_cursor` of the previous page; repeat the other parameters of that page with it',
    }),
  ),
});
export type PageQuery = Static<typeof PageQuery>;

const NextCursor = nullable(Type.String(), {
  description: '`cursor` of the next page; null if there is none',
});

/** The answer of a list, optionally with further fields. */
export const listOf = <Item extends TSchema, More extends TProperties = Record<never, never>>(
  $id: string,
  item: Item,
  more: More = {} as More,
) =>
  Type.Object(
    { data: Type.Array(item), ...more, next_cursor: NextCursor },
    { $id, additionalProperties: false },
  );
