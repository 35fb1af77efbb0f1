import { AT_LEAST_ONE, AT_MOST_ONE, ONLY_WITH } from '../../../src/contract/rules.ts';
import fc from '../../fast-check.ts';
import type { Contract, Schema } from './contract.ts';

const MAX_DEPTH = 6;
const MAX_ITEMS = 3;

/**
 * Cached, because arbitraries of objects are otherwise created for every case, and parsing a pattern takes
 * milliseconds.
 */
const byPattern = new Map<string, fc.Arbitrary<string>>();

function matching(pattern: string): fc.Arbitrary<string> {
  const known = byPattern.get(pattern) ?? fc.stringMatching(new RegExp(pattern, 'u'));
  byPattern.set(pattern, known);
  return known;
}

/** Values that fit a JSON Schema; formats are those that the contract uses. */
export function arbitraryOf(contract: Contract, written: Schema, depth = 0): fc.Arbitrary<unknown> {
  const schema = contract.resolve(written);
  const of = (inner: unknown): fc.Arbitrary<unknown> => arbitraryOf(contract, inner as Schema, depth + 1);
  if ('const' in schema) return fc.constant(schema.const);
  if (Array.isArray(schema.enum)) return fc.constantFrom(...schema.enum);
  if (depth > MAX_DEPTH) return fc.constant(null);
  const alternatives = (schema.anyOf ?? schema.oneOf) as Schema[] | undefined;
  if (alternatives && !schema.properties) return fc.oneof(...alternatives.map(of));
  const examples = Array.isArray(schema.examples) ? schema.examples : [];
  const made = ofType(schema, of);
  return examples.length > 0 && schema.type !== 'object'
    ? fc.oneof(made, fc.constantFrom(...examples))
    : made;
}

function ofType(schema: Schema, of: (inner: unknown) => fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema as Record<
    string,
    number | undefined
  >;
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  switch (type) {
    case 'object':
      return objects(schema, of);
    case 'array':
      return fc.array(of(schema.items ?? {}), {
        minLength: Number(schema.minItems ?? 0),
        maxLength: Math.max(
          Number(schema.minItems ?? 0),
          Math.min(Number(schema.maxItems ?? MAX_ITEMS), MAX_ITEMS),
        ),
      });
    case 'integer': {
      const least = minimum ?? -1000;
      return fc.integer({ min: least, max: Math.max(least, Math.min(maximum ?? least + 1000, 2 ** 31 - 1)) });
    }
    case 'number':
      return fc.double({
        min: minimum ?? exclusiveMinimum ?? -1e6,
        max: maximum ?? exclusiveMaximum ?? 1e6,
        minExcluded: exclusiveMinimum !== undefined,
        maxExcluded: exclusiveMaximum !== undefined,
        noNaN: true,
      });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'string':
      return strings(schema);
    default:
      return fc.jsonValue({ maxDepth: 1 });
  }
}

function strings({ pattern, format, minLength = 0, maxLength = 30 }: Schema): fc.Arbitrary<string> {
  if (format === 'date-time')
    return fc
      .date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) })
      .map((date) => date.toISOString());
  if (typeof pattern === 'string') return matching(pattern);
  const least = Number(minLength);
  return fc.string({ minLength: least, maxLength: Math.max(least, Math.min(Number(maxLength), 40)) });
}

/** Objects whose properties are combined as the rules of the contract require (contract/rules.ts). */
function objects(schema: Schema, of: (inner: unknown) => fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const leads = schema[AT_LEAST_ONE] as string[] | undefined;
  if (!leads) return fields(schema, of);
  const rivals = (schema[AT_MOST_ONE] ?? []) as string[];
  const properties = schema.properties as Record<string, Schema>;
  return fc.constantFrom(...leads).chain((lead) => {
    const rules = (schema[ONLY_WITH] ?? {}) as Record<string, string[]>;
    const fits = (name: string): boolean =>
      name === lead || !(rivals.includes(name) || (rules[name] && !rules[name].includes(lead)));
    const fitting = Object.entries(properties).filter(([name]) => fits(name));
    const required = [...((schema.required ?? []) as string[]), lead];
    return fields({ ...schema, properties: Object.fromEntries(fitting), required }, of);
  });
}

function fields(schema: Schema, of: (inner: unknown) => fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const properties = (schema.properties ?? {}) as Record<string, Schema>;
  const required = (schema.required ?? []) as string[];
  const known = fc.record(
    Object.fromEntries(Object.entries(properties).map(([name, inner]) => [name, of(inner)])),
    { requiredKeys: required },
  );
  const patterns = Object.entries((schema.patternProperties ?? {}) as Record<string, Schema>);
  const [first] = patterns;
  if (!first) return known;
  const others = fc.dictionary(
    matching(first[0]).filter((key) => key !== '__proto__'),
    of(first[1]),
    { maxKeys: 2 },
  );
  return fc.tuple(known, others).map(([one, more]) => ({ ...more, ...(one as object) }));
}
