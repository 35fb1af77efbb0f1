/**
 * Writes the records of the contract as types for Python: `npm run client`, or `tsx scripts/write-python-contract.ts [FILE]`.
 * Every component that is an object becomes a TypedDict, others a name for their type.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly items?: Schema;
  readonly format?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
}

const ROOT = join(import.meta.dirname, '..');
const CONTRACT = join(ROOT, 'openapi.yaml');
const PYTHON_TYPES = join(ROOT, 'clients/python/src/lora_squeeze/contract.py');
/** Names of Python that cannot be fields of a class. */
const KEYWORDS = new Set([
  'class',
  'def',
  'del',
  'for',
  'from',
  'global',
  'import',
  'in',
  'is',
  'lambda',
  'not',
  'pass',
]);
const SCALARS: Readonly<Record<string, string>> = {
  string: 'str',
  integer: 'int',
  number: 'float',
  boolean: 'bool',
  null: 'None',
};

const HEADER = `# Written from openapi.yaml by \`npm run client\`.
# ruff: noqa: E501
"""The records of the contract: plain dicts as they come over the wire, with types for tools that check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Literal, TypedDict, Union

if TYPE_CHECKING:
    from typing_extensions import NotRequired
`;

function union(types: readonly string[]): string {
  const unique = [...new Set(types)];
  return unique.length === 1 ? unique[0]! : `Union[${unique.join(', ')}]`;
}

/** A value in Python. */
const inPython = (value: unknown) =>
  typeof value === 'boolean' ? (value ? 'True' : 'False') : JSON.stringify(value);
const literal = (value: unknown) => (value === null ? 'None' : `Literal[${inPython(value)}]`);

function typeOf(schema: Schema, name: (ref: string) => string): string {
  const inner = (each: Schema) => typeOf(each, name);
  if (schema.$ref !== undefined) return name(schema.$ref.split('/').at(-1)!);
  if (schema.const !== undefined) return literal(schema.const);
  if (schema.enum !== undefined) return enumeration(schema.enum);
  const branches = schema.anyOf ?? schema.oneOf ?? (schema.allOf?.length === 1 ? schema.allOf : undefined);
  if (branches !== undefined) return union(branches.map(inner));
  if (schema.type === undefined) return 'Any';
  return union([schema.type].flat().map((type) => ofType(type, schema, inner)));
}

function enumeration(values: readonly unknown[]): string {
  const texts = values.filter((value) => value !== null).map(inPython);
  return union([
    ...(texts.length > 0 ? [`Literal[${texts.join(', ')}]`] : []),
    ...(values.includes(null) ? ['None'] : []),
  ]);
}

function ofType(type: string, schema: Schema, inner: (schema: Schema) => string): string {
  if (type === 'string' && schema.format === 'binary') return 'bytes';
  if (type === 'array') return `List[${schema.items === undefined ? 'Any' : inner(schema.items)}]`;
  if (type !== 'object') return SCALARS[type] ?? 'Any';
  const { properties, additionalProperties: more } = schema;
  const isMap = properties === undefined && typeof more === 'object' && Object.keys(more).length > 0;
  return `Dict[str, ${isMap ? inner(more) : 'Any'}]`;
}

const isRecord = ({ properties, anyOf, oneOf, allOf }: Schema) =>
  properties !== undefined && (anyOf ?? oneOf ?? allOf) === undefined;
const isField = (name: string) => /^[A-Za-z]\w*$/.test(name) && !KEYWORDS.has(name);

function docstring(text: string | undefined): string[] {
  if (text === undefined) return [];
  const words = text.replaceAll('\\', '\\\\').replaceAll('"""', "'''").split(/\s+/);
  const lines = [''];
  for (const word of words) {
    if (lines.at(-1)!.length + word.length > 110) lines.push(word);
    else lines[lines.length - 1] = `${lines.at(-1)} ${word}`.trimStart();
  }
  const end = /["\\]$/.test(lines.at(-1)!) ? ' """' : '"""';
  return [`    """${lines.join('\n    ')}${end}`, ''];
}

function record(name: string, schema: Schema): string {
  const properties = Object.entries(schema.properties!);
  // A class cannot have such fields, and the other way to write it could not name later classes.
  if (!properties.every(([field]) => isField(field))) return `${name} = Dict[str, Any]\n`;
  const fields = properties.map(([field, each]) => {
    const type = typeOf(each, (other) => other);
    return `    ${field}: ${schema.required?.includes(field) ? type : `NotRequired[${type}]`}`;
  });
  const body = [...docstring(schema.description), ...fields];
  return `\n\nclass ${name}(TypedDict):\n${(fields.length > 0 ? body : [...body, '    pass']).join('\n')}\n`;
}

function pythonTypes(contract: string): string {
  const { components } = parse(contract) as { components: { schemas: Record<string, Schema> } };
  const schemas = Object.entries(components.schemas).sort(([a], [b]) => (a < b ? -1 : 1));
  // Names of types are read when the module is, so what they name may only come later as text.
  const names = schemas.filter(([, schema]) => !isRecord(schema));
  const aliases = names.map(([name, schema]) => `${name} = ${typeOf(schema, (other) => `"${other}"`)}\n`);
  const records = schemas
    .filter(([, schema]) => isRecord(schema))
    .map(([name, schema]) => record(name, schema));
  const all = schemas.map(([name]) => `    "${name}",\n`).join('');
  return `${HEADER}\n__all__ = [\n${all}]\n\n${aliases.join('')}${records.join('')}`;
}

const [out = PYTHON_TYPES] = process.argv.slice(2);
writeFileSync(out, pythonTypes(readFileSync(CONTRACT, 'utf8')));
