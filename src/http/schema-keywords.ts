import { AT_LEAST_ONE, AT_MOST_ONE, ONLY_WITH } from '../contract/rules.ts';

/** What of Ajv is needed here. */
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
 * Has Ajv look at the one branch of a union that its tag means. Ajv does, but refuses the names that OpenAPI has for the
 * branches; nothing is lost without them, as each branch has its tag.
 */
export function tellBranchesApart(ajv: Ajv): void {
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

/** What Ajv has to know of the keywords of the contract that JSON Schema does not have; validation-message.ts words them. */
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

/** Those of some names that an object has. */
export const presentNames = (names: readonly string[], data: Data): string[] =>
  names.filter((name) => Object.hasOwn(data, name));

/** The properties of an object that lack what they go with. */
export const misplaced = (rules: OnlyWith, data: Data): string[] =>
  Object.keys(rules).filter(
    (name) => Object.hasOwn(data, name) && presentNames(rules[name]!, data).length === 0,
  );
