import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import { openapiDocument } from '../../../src/app/openapi-document.ts';
import type { Scope } from '../../../src/contract/key.ts';

export type Schema = Readonly<Record<string, unknown>>;
export interface Parameter {
  readonly in: 'path' | 'query' | 'header';
  readonly name: string;
  readonly required?: boolean;
  readonly schema: Schema;
}
interface Answer {
  readonly content?: Readonly<Record<string, { readonly schema?: Schema }>>;
  readonly headers?: Readonly<Record<string, unknown>>;
}
export interface Operation {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  /** null: no key is required. */
  readonly scope: Scope | null;
  readonly parameters: readonly Parameter[];
  readonly bodies: Readonly<Record<string, { readonly schema: Schema }>>;
  readonly answers: Readonly<Record<string, Answer>>;
  /** The values of `code` in its problem documents. */
  readonly codes: readonly string[];
}
interface Written {
  readonly operationId: string;
  readonly 'x-scope'?: Operation['scope'];
  readonly 'x-error-codes': readonly string[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Operation['bodies'] };
  readonly responses: Operation['answers'];
}
interface Document {
  readonly 'x-error-codes': readonly string[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Written>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

const COMPONENT = '#/components/schemas/';
const METHODS = ['get', 'put', 'post', 'patch', 'delete', 'head', 'options'];

/** The contract as the service generates it, and validators of responses. */
export class Contract {
  readonly operations: readonly Operation[];
  readonly #document: Document;
  readonly #ajv: Ajv2020;
  readonly #compiled = new Map<Schema | string, ValidateFunction>();

  private constructor(document: Document) {
    this.#document = document;
    this.#ajv = new Ajv2020({
      strict: false,
      allErrors: false,
      validateFormats: false,
      logger: false,
      // It takes longer than it saves, as in the service.
      code: { optimize: false },
    });
    // Each schema separately: a part of one large schema would be compiled again for each reference.
    for (const [name, schema] of Object.entries(document.components.schemas))
      this.#ajv.addSchema({ ...(byName(schema) as Schema), $id: name });
    this.operations = Object.entries(document.paths).flatMap(([path, item]) =>
      METHODS.flatMap((method) => {
        const written = item[method];
        if (!written) return [];
        return {
          name: written.operationId,
          method: method.toUpperCase(),
          path,
          scope: written['x-scope'] ?? null,
          parameters: (written.parameters ?? []).map((one) => this.resolve(one)),
          bodies: written.requestBody ? this.resolve(written.requestBody).content : {},
          answers: Object.fromEntries(
            Object.entries(written.responses).map(([status, one]) => [status, this.resolve(one)]),
          ),
          codes: [...document['x-error-codes'], ...written['x-error-codes']],
        };
      }),
    );
  }

  static async read(): Promise<Contract> {
    return new Contract(parse(await openapiDocument('9.9.9')) as Document);
  }

  /** The target of a reference; anything else unchanged. */
  resolve<T extends object>(value: T): T {
    const { $ref } = value as { $ref?: string };
    if ($ref === undefined) return value;
    const found = $ref
      .slice(2)
      .split('/')
      .reduce<unknown>(
        (at, key) => (at as Record<string, unknown>)[key.replaceAll('~1', '/').replaceAll('~0', '~')],
        this.#document,
      );
    return this.resolve(found as T);
  }

  /** Why a value does not fit a schema; undefined if it fits. */
  faultOf(schema: Schema, value: unknown): string | undefined {
    const key = typeof schema.$ref === 'string' ? schema.$ref : schema;
    let validate = this.#compiled.get(key);
    if (!validate) {
      validate = this.#ajv.compile(byName(schema) as Schema);
      this.#compiled.set(key, validate);
    }
    return validate(value) ? undefined : this.#ajv.errorsText(validate.errors);
  }
}

/** References to components as references to separate schemas. */
function byName(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(byName);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      key === '$ref' && typeof item === 'string' && item.startsWith(COMPONENT)
        ? item.slice(COMPONENT.length)
        : byName(item),
    ]),
  );
}
