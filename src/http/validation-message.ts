import { AT_LEAST_ONE, AT_MOST_ONE, ONLY_WITH } from '../contract/rules.ts';
import { counted } from '../errors/counted.ts';
import { labelFilterFault, labelNameFault, nameTemplateFault } from './pattern-faults.ts';
import { DISCRIMINATOR, misplaced, type OnlyWith, presentNames } from './schema-keywords.ts';

/** An Ajv error, with the fields that `verbose` adds. */
export interface SchemaError {
  readonly keyword: string;
  readonly instancePath: string;
  readonly schemaPath: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly message?: string;
  /** The keyword's value in the schema. */
  readonly schema?: unknown;
  readonly parentSchema?: unknown;
  readonly data?: unknown;
}

interface Branch {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly format?: string;
  readonly const?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, Branch>>;
  readonly patternProperties?: Readonly<Record<string, unknown>>;
}

export interface Fault {
  readonly pointer: string;
  readonly detail: string;
  /** Whether the fault is a property that does not exist, rather than a wrong value. */
  readonly unknownOption: boolean;
  /** If the body consists of lines: the number of the line that has the fault, counted from 1. */
  readonly line?: number;
}

const MAX_SHOWN = 60;
/** The patterns of texts that only must not contain control characters. */
const CONTROLS = /^\^\[\^\\u0000-\\u001f\\u007f\][+*]\$$/;
const WITH_ARTICLE: Readonly<Record<string, string>> = {
  integer: 'an integer',
  number: 'a number',
  string: 'a string',
  boolean: 'true or false',
  object: 'an object',
  array: 'a list',
  null: 'null',
};
const FORMATS: Readonly<Record<string, string>> = {
  'date-time': 'a date and time with a time zone',
  date: 'a date',
};

/**
 * Describes each fault and its place, unknown options first. Violations of a union are explained by the intended
 * branch. If a value has the wrong type, only that is reported, and not the limits that it breaks as well.
 */
export function explain(errors: readonly SchemaError[]): Fault[] {
  const all = errors.filter(({ keyword }) => keyword === 'anyOf').map(unionOf);
  const unions = all.filter(({ error }) => !all.some((other) => isWithin(error, other)));
  const inside = new Map<Union, SchemaError[]>(unions.map((union) => [union, []]));
  const plain: SchemaError[] = [];
  for (const error of errors) {
    let isPlain = true;
    for (const [union, inner] of inside) {
      const isInner = isWithin(error, union);
      if (isInner) inner.push(error);
      if (isInner || union.error === error) isPlain = false;
    }
    if (isPlain) plain.push(error);
  }
  const mistyped = new Set(
    plain.filter(({ keyword }) => keyword === 'type').map(({ instancePath }) => instancePath),
  );
  const faults = [
    ...plain
      .filter(({ keyword, instancePath }) => keyword === 'type' || !mistyped.has(instancePath))
      .flatMap((error) => explainTogether(error) ?? explainOne(error)),
    ...[...inside]
      // The paths of faults inside a tagged branch do not show that they belong to the union.
      .filter(([union]) => !plain.some(({ instancePath }) => instancePath.startsWith(union.instancePrefix)))
      .flatMap(([{ error }, inner]) => explainUnion(error, inner)),
  ];
  // A schema to which several branches refer reports its errors once for each of them.
  const once = new Map(faults.map((fault) => [`${fault.pointer} ${fault.detail}`, fault]));
  return [...once.values()].sort((x, y) => Number(y.unknownOption) - Number(x.unknownOption));
}

/** A union that failed, with the beginnings of the paths of all errors within it, of which there may be 100,000. */
interface Union {
  readonly error: SchemaError;
  readonly schemaPrefix: string;
  /** The path of the schema that contains the union, and possibly other keywords. */
  readonly parentPrefix: string;
  readonly instancePrefix: string;
}

const unionOf = (error: SchemaError): Union => ({
  error,
  schemaPrefix: `${error.schemaPath}/`,
  parentPrefix: error.schemaPath.slice(0, -'anyOf'.length),
  instancePrefix: `${error.instancePath}/`,
});

/**
 * Whether an error lies within a union. If a branch is a shared component, schema paths within it start at the root of
 * the component, so they do not begin with the path of the property that has the union.
 */
const isWithin = ({ schemaPath, instancePath }: SchemaError, union: Union): boolean =>
  (instancePath === union.error.instancePath || instancePath.startsWith(union.instancePrefix)) &&
  (schemaPath.startsWith(union.schemaPrefix) || !schemaPath.startsWith(union.parentPrefix));

function explainUnion(union: SchemaError, inner: readonly SchemaError[]): Fault[] {
  const branches = union.schema as readonly Branch[];
  const { data, instancePath } = union;
  // If the value is an object, the faults inside it are reported; branches of other types would only report the type.
  const within = inner.filter((error) => error.keyword !== 'type' || error.instancePath !== instancePath);
  if (isObject(data) && within.length > 0) return explain(within);
  // If exactly one branch has the type of the value, the faults by that branch are reported.
  const [fitting, ...others] = [...branches.keys()].filter((index) => branches[index]!.type === typeOf(data));
  if (fitting !== undefined && others.length === 0) {
    const prefix = `${union.schemaPath}/${fitting}/`;
    const faults = explain(inner.filter(({ schemaPath }) => schemaPath.startsWith(prefix)));
    if (faults.length > 0) return faults;
  }
  const options = choices(branches.map(describe));
  return [wrong(instancePath, `${fieldText(instancePath)} is ${show(data)} but must be ${options}`)];
}

const typeOf = (data: unknown): string =>
  data === null ? 'null' : Array.isArray(data) ? 'array' : typeof data;

const isObject = (data: unknown): boolean => typeOf(data) === 'object';

/** Describes what is wrong with the tag of a union of objects. */
function explainTag({ schema, data, instancePath }: SchemaError): Fault {
  const { propertyName: tag, mapping = {} } = schema as { propertyName: string; mapping?: object };
  const list = choices(Object.keys(mapping).map(quote));
  const value = (data as Readonly<Record<string, unknown>>)[tag];
  if (value === undefined)
    return wrong(instancePath, `${fieldText(instancePath)} must have ${quote(tag)}: ${list}`);
  const pointer = `${instancePath}/${tag}`;
  return wrong(pointer, `${fieldText(pointer)} is ${show(value)} but must be ${list}`);
}

/** Describes properties that exclude or need each other; undefined if the error is of another kind. */
function explainTogether({ keyword, schema, data, instancePath }: SchemaError): Fault[] | undefined {
  const object = data as Readonly<Record<string, unknown>>;
  const where = fieldText(instancePath);
  switch (keyword) {
    case AT_MOST_ONE: {
      const there = presentNames(schema as readonly string[], object);
      return [wrong(instancePath, `${where} may have only one of ${there.join(', ')}`)];
    }
    case AT_LEAST_ONE:
      return [
        wrong(instancePath, `${where} must have at least one of ${(schema as readonly string[]).join(', ')}`),
      ];
    case ONLY_WITH: {
      const rules = schema as OnlyWith;
      return misplaced(rules, object).map((name) => {
        const pointer = `${instancePath}/${name}`;
        const detail = `${fieldText(pointer)} can only be used with ${choices(rules[name]!)}`;
        return { pointer, detail, unknownOption: true };
      });
    }
    default:
      return undefined;
  }
}

function explainOne(error: SchemaError): Fault {
  const { keyword, params, data, instancePath: pointer } = error;
  const where = fieldText(pointer);
  const is = `${where} is ${show(data)} but must be`;
  switch (keyword) {
    case DISCRIMINATOR:
      return explainTag(error);
    case 'additionalProperties': {
      const { properties = {}, patternProperties } = (error.parentSchema ?? {}) as Branch;
      const unknown = unknownOption(pointer, String(params.additionalProperty), Object.keys(properties));
      const rule = labelNameFault(patternProperties);
      if (rule === undefined) return unknown;
      const name = quote(String(params.additionalProperty).slice(0, MAX_SHOWN));
      return wrong(unknown.pointer, `${where} contains the name ${name}, but ${rule}`);
    }
    case 'required':
      return wrong(pointer, `${where} must have ${quote(params.missingProperty)}`);
    case 'type':
      return wrong(pointer, `${is} ${allowedBy(params.type, error.parentSchema as Branch | undefined)}`);
    case 'const':
      return wrong(pointer, `${is} ${quote(params.allowedValue)}`);
    case 'enum':
      return wrong(pointer, `${is} ${choices((params.allowedValues as unknown[]).map(quote))}`);
    case 'minimum':
      return wrong(pointer, `${is} at least ${params.limit}`);
    case 'maximum':
      return wrong(pointer, `${is} at most ${params.limit}`);
    case 'exclusiveMinimum':
      return wrong(pointer, `${is} greater than ${params.limit}`);
    case 'exclusiveMaximum':
      return wrong(pointer, `${is} less than ${params.limit}`);
    case 'minProperties':
      return wrong(pointer, `${where} must have at least ${counted(params.limit, 'entry', 'entries')}`);
    case 'maxProperties':
      return wrong(
        pointer,
        `${where} has ${Object.keys(data as object).length} entries but may have at most ${params.limit}`,
      );
    case 'minItems':
      return wrong(pointer, `${where} must have at least ${counted(params.limit, 'item')}`);
    case 'maxItems':
      return wrong(
        pointer,
        `${where} has ${(data as unknown[]).length} items but may have at most ${params.limit}`,
      );
    case 'minLength':
      return wrong(pointer, `${where} must have at least ${counted(params.limit, 'character')}`);
    case 'maxLength':
      return wrong(pointer, `${where} may have at most ${params.limit} characters`);
    case 'uniqueItems':
      return wrong(pointer, `${where} contains ${show((data as unknown[])[Number(params.i)])} twice`);
    default: {
      if (keyword !== 'pattern') return wrong(pointer, `${where} ${error.message ?? 'is not valid'}`);
      const label = labelFilterFault(params.pattern);
      if (label !== undefined) return wrong(pointer, `${where} is ${show(data)} but ${label}`);
      const ofName = nameTemplateFault(String(data), params.pattern);
      const controls = CONTROLS.test(String(params.pattern))
        ? 'must not contain control characters'
        : undefined;
      return wrong(
        pointer,
        `${where} ${ofName ?? controls ?? `must have the form of the regular expression ${params.pattern}`}`,
      );
    }
  }
}

const wrong = (pointer: string, detail: string): Fault => ({ pointer, detail, unknownOption: false });

function unknownOption(parent: string, key: string, known: readonly string[]): Fault {
  const name = key.slice(0, MAX_SHOWN);
  return {
    pointer: `${parent}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`,
    detail: `${fieldText(parent)} has no option ${quote(name)}; ${known.length === 0 ? 'it takes none' : `the options are ${known.join(', ')}`}`,
    unknownOption: true,
  };
}

/** The types, or the values, that are allowed in place of a value of the wrong type. @param type one type, or a list of them */
function allowedBy(type: unknown, { enum: values }: Branch = {}): string {
  if (values) return choices(values.map(quote));
  return choices([type].flat().map((one) => WITH_ARTICLE[String(one)] ?? String(one)));
}

function describe(branch: Branch): string {
  if ('const' in branch) return quote(branch.const);
  if ('$ref' in branch) return WITH_ARTICLE.object!;
  const { type, enum: values } = branch;
  if (values) return choices(values.map(quote));
  const name = FORMATS[branch.format ?? ''] ?? (type === undefined ? 'something else' : allowedBy(type));
  const { minimum, maximum } = branch;
  return minimum !== undefined && maximum !== undefined ? `${name} from ${minimum} to ${maximum}` : name;
}

const choices = (items: readonly string[]): string => [...new Set(items)].join(' or ');
const quote = (value: unknown): string => JSON.stringify(value) ?? String(value);

function show(value: unknown): string {
  const json = beginningOf(value, MAX_SHOWN + 1);
  return json.length <= MAX_SHOWN ? json : `${json.slice(0, MAX_SHOWN)}…`;
}

/**
 * The JSON of a value, of which only the first `length` characters are sure to be complete: a refused value may be large
 * and may be shown a thousand times. Each level of nesting takes a character, so at most `length` levels are visited.
 */
function beginningOf(value: unknown, length: number): string {
  if (typeof value === 'string') return quote(value.slice(0, length));
  if (typeof value !== 'object' || value === null) return quote(value);
  const isList = Array.isArray(value);
  let json = isList ? '[' : '{';
  for (const key of Object.keys(value)) {
    if (json.length > 1) json += ',';
    if (!isList) json += `${quote(key.slice(0, length))}:`;
    if (json.length >= length) return json;
    json += beginningOf((value as Record<string, unknown>)[key], length - json.length);
  }
  return json + (isList ? ']' : '}');
}

/** The place of a JSON pointer as text: "/targets/0/rank" is "targets[0].rank", and '' is "the request". */
export function fieldText(pointer: string): string {
  if (pointer === '') return 'the request';
  const parts = pointer
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  return parts
    .map((part, index) => {
      if (/^\d+$/.test(part)) return `[${part}]`;
      if (!/^\w+$/.test(part)) return `[${show(part)}]`;
      return index === 0 ? part : `.${part}`;
    })
    .join('');
}
