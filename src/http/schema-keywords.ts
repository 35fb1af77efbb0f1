import { AT_LEAST_ONE, AT_MOST_ONE, ONLY_WITH } from '../contract/rules.ts';

/** The part of Ajv's interface that is used here. */
interface Ajv {
  getKeyword(name: string): unknown;
  removeKeyword(name: string): unknown;
  addKeyword(definition: object): unknown;
}
interface DiscriminatorContext {
  schema: { readonly propertyName: string; readonly mapping?: object };
}
interface DiscriminatorKeyword {
  readonly code: (context: DiscriminatorContext) => void;
}

/**
 * Makes Ajv validate only the branch of a union that the tag selects. Ajv supports this, but refuses the names that
 * OpenAPI's mapping gives to the branches. Nothing is lost without the names, because each branch contains its tag.
 */
export function selectBranchByTag(ajv: Ajv): void {
  const known = ajv.getKeyword(DISCRIMINATOR) as DiscriminatorKeyword;
  ajv.removeKeyword(DISCRIMINATOR);
  ajv.addKeyword({
    ...known,
    code(context: DiscriminatorContext) {
      context.schema = { propertyName: context.schema.propertyName };
      known.code(context);
    },
  });
}

type Data = Readonly<Record<string, unknown>>;

export const DISCRIMINATOR = 'discriminator';

/** Definitions for Ajv of the contract's own keywords; validation-message.ts words their errors. */
export const SCHEMA_KEYWORDS = [
  {
    keyword: AT_MOST_ONE,
    type: 'object',
    schemaType: 'array',
    errors: false,
    validate: (names: readonly string[], data: Data) => presentNames(names, data).length <= 1,
  },
  {
    keyword: AT_LEAST_ONE,
    type: 'object',
    schemaType: 'array',
    errors: false,
    validate: (names: readonly string[], data: Data) => presentNames(names, data).length > 0,
  },
  {
    keyword: ONLY_WITH,
    type: 'object',
    schemaType: 'object',
    errors: false,
    validate: (rules: OnlyWith, data: Data) => misplaced(rules, data).length === 0,
  },
] as const;

export type OnlyWith = Readonly<Record<string, readonly string[]>>;

/** The given names that are properties of the object. */
export const presentNames = (names: readonly string[], data: Data): string[] =>
  names.filter((name) => Object.hasOwn(data, name));

/** The properties of an object that lack a property they can only be used with. */
export const misplaced = (rules: OnlyWith, data: Data): string[] =>
  Object.keys(rules).filter(
    (name) => Object.hasOwn(data, name) && presentNames(rules[name]!, data).length === 0,
  );
