/**
 * Writes the records of the contract as Python types: `npm run client`, or `tsx scripts/write-python-contract.ts
 * [FILE]`.
 * Every component that is an object becomes a TypedDict, any other an alias of its type.
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
/** Python keywords, which cannot be fields of a class. */
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

import sys
from typing import Any, Dict, List, Literal, TypedDict, Union

if sys.version_info >= (3, 11):
    from typing import NotRequired
else:
    from typing_extensions import NotRequired
`;

/**
 * Keyword arguments of the client that correspond to the fields of a record, except for fields that are separate
 * arguments.
 */
const ARGUMENTS = [{ name: 'TargetOptions', of: 'Target', without: ['rank', 'results'] }] as const;

function union(types: readonly string[]): string {
  const unique = [...new Set(types)];
  return unique.length === 1 ? unique[0]! : `Union[${unique.join(', ')}]`;
}

/** A value as Python source. */
const inPython = (value: unknown) =>
  typeof value === 'boolean' ? (value ? 'True' : 'False') : JSON.stringify(value);
const literal = (value: unknown) => (value === null ? 'None' : `Literal[${inPython(value)}]`);

function enumeration(values: readonly unknown[]): string {
  const texts = values.filter((value) => value !== null).map(inPython);
  return union([
    ...(texts.length > 0 ? [`Literal[${texts.join(', ')}]`] : []),
    ...(values.includes(null) ? ['None'] : []),
  ]);
}

const isRecord = ({ properties, anyOf, oneOf, allOf }: Schema) =>
  properties !== undefined && (anyOf ?? oneOf ?? allOf) === undefined;
const isField = (name: string) => /^[A-Za-z]\w*$/.test(name) && !KEYWORDS.has(name);
const inPascalCase = (name: string) =>
  name.replaceAll(/(?:^|[^A-Za-z0-9])([A-Za-z0-9])/g, (_, letter: string) => letter.toUpperCase());

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

/** Collects the types of a contract, each with its name. */
class PythonTypes {
  /** By name; a type that has been written is removed. */
  readonly #schemas: Map<string, Schema>;
  readonly #written = new Map<string, string>();

  constructor(schemas: Readonly<Record<string, Schema>>) {
    this.#schemas = new Map(Object.entries(schemas));
  }

  text(): string {
    // Writing a record may add the objects inside it as further records.
    for (const [name, schema] of this.#schemas)
      this.#written.set(name, isRecord(schema) ? this.#record(name, schema) : this.#alias(name, schema));
    for (const { name, of, without } of ARGUMENTS) {
      const { properties, ...target } = this.#schemas.get(of)!;
      const left = Object.entries(properties!).filter(([field]) => !without.some((other) => other === field));
      this.#written.set(name, this.#record(of, { ...target, properties: Object.fromEntries(left) }, name));
    }
    const names = [...this.#written.keys()].sort();
    const texts = names.map((name) => this.#written.get(name)!);
    // Type aliases are evaluated when the module is imported, so types that are defined later can only be named as
    // strings.
    const ordered = [
      ...texts.filter((text) => !text.startsWith('\n')),
      ...texts.filter((text) => text.startsWith('\n')),
    ];
    const all = names.map((name) => `    "${name}",\n`).join('');
    return `${HEADER}\n__all__ = [\n${all}]\n\n${ordered.join('')}`;
  }

  #alias(name: string, schema: Schema): string {
    return `${name} = ${this.#type(schema, name, true)}\n`;
  }

  /** @param parent prefix for the names of records inside it */
  #record(parent: string, { properties, required = [], description }: Schema, name = parent): string {
    const entries = Object.entries(properties!);
    const typed = (field: string, schema: Schema, isText: boolean): string => {
      const type = this.#type(schema, `${parent}${inPascalCase(field)}`, isText);
      return required.includes(field) ? type : `NotRequired[${type}]`;
    };
    if (!entries.every(([field]) => isField(field))) {
      // A class cannot have fields with these names.
      const fields = entries.map(([field, schema]) => `    "${field}": ${typed(field, schema, true)},\n`);
      return `${name} = TypedDict("${name}", {\n${fields.join('')}})\n`;
    }
    const fields = entries.map(([field, schema]) => `    ${field}: ${typed(field, schema, false)}`);
    const body = [...docstring(description), ...(fields.length > 0 ? fields : ['    pass'])];
    return `\n\nclass ${name}(TypedDict):\n${body.join('\n')}\n`;
  }

  /**
   * @param name what to call a nested record that has no name of its own
   * @param isText whether other types are referred to by strings
   */
  #type(schema: Schema, name: string, isText: boolean): string {
    const named = (other: string) => (isText ? `"${other}"` : other);
    const inner = (each: Schema) => this.#type(each, name, isText);
    if (schema.$ref !== undefined) return named(schema.$ref.split('/').at(-1)!);
    if (schema.const !== undefined) return literal(schema.const);
    if (schema.enum !== undefined) return enumeration(schema.enum);
    const branches = schema.anyOf ?? schema.oneOf ?? (schema.allOf?.length === 1 ? schema.allOf : undefined);
    if (branches !== undefined) return union(branches.map(inner));
    if (schema.type === undefined) return 'Any';
    return union(
      [schema.type].flat().map((type) => {
        if (type === 'string' && schema.format === 'binary') return 'bytes';
        if (type === 'array') return `List[${schema.items === undefined ? 'Any' : inner(schema.items)}]`;
        if (type !== 'object') return SCALARS[type] ?? 'Any';
        if (schema.properties === undefined) return `Dict[str, ${this.#valueOf(schema, inner)}]`;
        if (this.#written.has(name) || this.#schemas.has(name))
          throw new Error(`two types are called ${name}`);
        this.#written.set(name, this.#record(name, schema));
        return named(name);
      }),
    );
  }

  #valueOf({ additionalProperties: more }: Schema, inner: (schema: Schema) => string): string {
    return typeof more === 'object' && Object.keys(more).length > 0 ? inner(more) : 'Any';
  }
}

const [out = PYTHON_TYPES] = process.argv.slice(2);
const { components } = parse(readFileSync(CONTRACT, 'utf8')) as {
  components: { schemas: Record<string, Schema> };
};
writeFileSync(out, new PythonTypes(components.schemas).text());
