import fc from '../../fast-check.ts';

/**
 * One change of a JSON value: at the place that `at` selects, another value, an unknown field, or a removal.
 */
export interface Mutation {
  readonly kind: 'replace' | 'add' | 'remove';
  readonly at: number;
  readonly value: unknown;
}

const odd = fc.oneof(
  fc.jsonValue({ maxDepth: 1 }),
  fc.constantFrom(
    -1,
    0,
    1e308,
    2 ** 53,
    1.5,
    '',
    'x'.repeat(3000),
    [],
    {},
    null,
    true,
    '../../etc/passwd',
    '\u0000',
    '%00',
  ),
);
export const mutations: fc.Arbitrary<Mutation[]> = fc.array(
  fc.record({ kind: fc.constantFrom('replace', 'add', 'remove'), at: fc.nat(60), value: odd }),
  { minLength: 1, maxLength: 2 },
);

/** A copy with the changes. */
export function mutated(value: unknown, list: readonly Mutation[]): unknown {
  return list.reduce((body, { kind, at, value: other }) => {
    const root = { body: structuredClone(body) };
    const places: [holder: Record<string, unknown>, key: string][] = [];
    const walk = (holder: Record<string, unknown>): void => {
      for (const key of Object.keys(holder)) {
        places.push([holder, key]);
        if (typeof holder[key] === 'object' && holder[key] !== null)
          walk(holder[key] as Record<string, unknown>);
      }
    };
    walk(root);
    const [holder, key] = places[at % places.length]!;
    const here = holder[key];
    if (kind === 'replace') holder[key] = other;
    else if (kind === 'remove' && holder !== root) {
      if (Array.isArray(holder)) holder.splice(Number(key), 1);
      else delete holder[key];
    } else if (typeof here === 'object' && here !== null && !Array.isArray(here))
      (here as Record<string, unknown>).no_such_field = other;
    return root.body;
  }, value);
}
