import { type Static, type TSchema, type TUnsafe, Type } from 'typebox';

interface Described<T> {
  /** Name of a schema in the contract; named schemas are described only once. */
  readonly $id?: string;
  readonly description?: string;
  readonly default?: T;
}

/** One of several strings, as JSON Schema's `enum`: client generators turn it into a single type. */
export const choice = <const T extends string>(
  values: readonly T[],
  options: Described<T> = {},
): TUnsafe<T> => Type.Unsafe<T>({ type: 'string', enum: [...values], ...options });

/**
 * Allows whatever `schema` allows, or null. Objects and components become branches of their own, so that each is
 * described only once.
 */
export function nullable<T extends TSchema>(
  schema: T,
  options: Described<Static<T> | null> = {},
): TUnsafe<Static<T> | null> {
  const { $id, type, enum: values } = schema as { $id?: string; type?: unknown; enum?: readonly unknown[] };
  if ($id !== undefined || typeof type !== 'string' || type === 'object')
    return Type.Unsafe<Static<T> | null>({ ...Type.Union([schema, Type.Null()]), ...options });
  return Type.Unsafe<Static<T> | null>({
    ...schema,
    type: [type, 'null'],
    ...(values && { enum: [...values, null] }),
    ...options,
  });
}

/** A branch of a union of objects, identified by a property whose values no other branch has. */
interface Branch extends TSchema {
  readonly $id?: string;
  readonly properties: Readonly<
    Record<string, TSchema & { readonly const?: string; readonly enum?: readonly string[] }>
  >;
}

/**
 * One of several types of objects with a discriminator, as in OpenAPI.
 * @param branches components of the contract: each has an `$id`
 */
export function oneOf<const T extends readonly TSchema[]>(
  tag: string,
  branches: T,
  options: Described<Static<T[number]>> = {},
): TUnsafe<Static<T[number]>> {
  const mapping = (branches as readonly unknown[] as readonly Branch[]).flatMap(({ $id, properties }) => {
    const { const: only, enum: values = [only!] } = properties[tag]!;
    return values.map((value) => [value, `#/components/schemas/${$id}`]);
  });
  return Type.Unsafe<Static<T[number]>>({
    ...options,
    type: 'object',
    oneOf: branches,
    discriminator: { propertyName: tag, mapping: Object.fromEntries(mapping) },
  });
}
