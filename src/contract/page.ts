import { type Static, type TProperties, type TSchema, Type } from 'typebox';
import { nullable } from './choice.ts';

export const DEFAULT_LIMIT = 50;
export const MAX_LIMIT = 200;

/** What a list is asked for that has pages. */
export const PageQuery = Type.Object({
  limit: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: MAX_LIMIT,
      default: DEFAULT_LIMIT,
      description: 'Most items of the page',
    }),
  ),
  cursor: Type.Optional(
    Type.String({
      maxLength: 256,
      description: '`next_cursor` of the page before; that page’s other parameters belong to it',
    }),
  ),
});
export type PageQuery = Static<typeof PageQuery>;

const NextCursor = nullable(Type.String(), {
  description: 'Where the next page begins; null: there is none, and always where the list takes no `cursor`',
});

/** A list as every one is answered, with what is said beside it, if anything. */
export const listOf = <Item extends TSchema, More extends TProperties = Record<never, never>>(
  $id: string,
  item: Item,
  more: More = {} as More,
) =>
  Type.Object(
    { data: Type.Array(item), ...more, next_cursor: NextCursor },
    { $id, additionalProperties: false },
  );
