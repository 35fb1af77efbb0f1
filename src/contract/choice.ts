import { type Static, type TSchema, type TUnsafe, Type } from 'typebox';

interface Described<T> {
  readonly description?: string;
  readonly default?: T;
}

/** One of several texts, as JSON Schema's `enum`: generators of clients make one type of it. */
export const choice = <const T extends string>(
  values: readonly T[],
  options: Described<T> = {},
): TUnsafe<T> => Type.Unsafe<T>({ type: 'string', enum: [...values], ...options });

/** What `schema` allows, or null. Objects are branches of their own, so that each can be described once. */
export function nullable<T extends TSchema>(
  schema: T,
  options: Described<Static<T> | null> = {},
): TUnsafe<Static<T> | null> {
  const { type, enum: values } = schema as { type?: unknown; enum?: readonly unknown[] };
  if (typeof type !== 'string' || type === 'object')
    return Type.Unsafe<Static<T> | null>({ ...Type.Union([schema, Type.Null()]), ...options });
  return Type.Unsafe<Static<T> | null>({
    ...schema,
    type: [type, 'null'],
    ...(values && { enum: [...values, null] }),
    ...options,
  });
}
