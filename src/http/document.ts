import { STATUS_CODES } from 'node:http';
import type { FastifySchema } from 'fastify';
import { ERROR_KINDS, type ErrorCode } from '../errors/error-kinds.ts';
import { codesIn } from './schemas.ts';

/**
 * The field of an operation that lists the codes of its problems, besides those of all operations, which the document
 * itself lists.
 */
export const ERROR_CODES = 'x-error-codes';

/** Adds to the schema of a route the codes of its problems, in the order of their table. */
export function withErrorCodes(schema: FastifySchema): FastifySchema {
  const codes = new Set(codesIn(schema.response ?? {}));
  const all = (Object.keys(ERROR_KINDS) as ErrorCode[]).filter((code) => codes.has(code));
  return { ...schema, [ERROR_CODES]: all } as FastifySchema;
}

interface Parameter {
  readonly name: string;
  readonly in: string;
}
interface Response {
  readonly headers?: Readonly<Record<string, object>>;
  readonly content?: object;
}
interface Operation {
  readonly parameters?: readonly Parameter[];
  readonly responses: Readonly<Record<string, Response>>;
  readonly [ERROR_CODES]?: readonly string[];
}
interface Document {
  readonly paths?: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components?: { readonly schemas?: object };
}

const pascal = (name: string): string =>
  name.replace(/(?:^|[^A-Za-z0-9])([A-Za-z0-9])/g, (_all, letter: string) => letter.toUpperCase());

const singular = (name: string): string =>
  name.replace(/(?:(ch|sh)es|(ie)s|s)$/, (_all, kept = '', y = '') => kept + (y && 'y'));

/**
 * The name of a shared parameter: "JobId" for {id} of /v1/jobs/{id}, or "Limit" if it has the same meaning
 * everywhere. If there is a schema "Tenant", the parameter is called "TenantQuery", because some client generators
 * make a type of each.
 */
function nameOf(parameter: Parameter, path: string, schemas: object = {}): string {
  const name = pascal(parameter.name);
  if (parameter.in !== 'path') return Object.hasOwn(schemas, name) ? `${name}${pascal(parameter.in)}` : name;
  const segments = path.split('/');
  const resource = singular(segments[segments.indexOf(`{${parameter.name}}`) - 1]!);
  return pascal(parameter.name === resource ? `${resource}-id` : `${resource}-${parameter.name}`);
}

/**
 * Collects parts of one kind. Those that occur twice get a name; if several would have the same name, the most
 * frequent one gets it.
 */
class Repeated {
  private readonly kind: string;
  private readonly counts = new Map<string, Map<string, number>>();

  constructor(kind: string) {
    this.kind = kind;
  }

  /** Counts a part. @param times how often it occurs */
  count(name: string, part: object, times = 1): void {
    const counts = this.counts.get(name) ?? new Map<string, number>();
    const json = JSON.stringify(part);
    this.counts.set(name, counts.set(json, (counts.get(json) ?? 0) + times));
  }

  private chosen(name: string): string | undefined {
    const [[json, count] = ['', 0]] = [...(this.counts.get(name) ?? [])].sort(([, x], [, y]) => y - x);
    return count > 1 ? json : undefined;
  }

  /** A reference to the part if it has a name, otherwise the part itself. */
  referenceTo<T extends object>(name: string, part: T): T {
    const isShared = this.chosen(name) === JSON.stringify(part);
    return isShared ? ({ $ref: `#/components/${this.kind}/${name}` } as unknown as T) : part;
  }

  get all(): Record<string, object> {
    const names = [...this.counts.keys()].filter((name) => this.chosen(name) !== undefined).sort();
    return Object.fromEntries(names.map((name) => [name, JSON.parse(this.chosen(name)!) as object]));
  }
}

/**
 * Describes parameters, headers and responses that several operations share only once in an OpenAPI document;
 * @fastify/swagger does this for schemas only. Responses are shared if they are the same for all operations:
 * problems, and those without content.
 */
export function extractRepeatedParts<T extends object>(document: T): T {
  const { paths = {}, components } = document as Document;
  const { schemas } = components ?? {};
  const parameters = new Repeated('parameters');
  const headers = new Repeated('headers');
  const responses = new Repeated('responses');
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.values(methods).map((operation) => [path, operation] as const),
  );
  for (const [path, operation] of operations) {
    for (const one of operation.parameters ?? []) parameters.count(nameOf(one, path, schemas), one);
    for (const response of Object.values(operation.responses))
      for (const [name, header] of Object.entries(response.headers ?? {}))
        headers.count(pascal(name), header);
  }
  const withHeaders = (response: Response): Response =>
    response.headers
      ? {
          ...response,
          headers: mapped(response.headers, (one, name) => headers.referenceTo(pascal(name), one)),
        }
      : response;
  const answerName = (status: string): string => pascal(STATUS_CODES[status] ?? status);
  // A problem is always a reference, so that readers handle all of them in one way.
  for (const [, operation] of operations)
    for (const [status, response] of Object.entries(operation.responses))
      if (isCommon(status, response))
        responses.count(answerName(status), withHeaders(response), isProblem(status) ? 2 : 1);
  const shared = (operation: Operation, path: string): Operation => ({
    ...operation,
    ...(operation.parameters && {
      parameters: operation.parameters.map((one) => parameters.referenceTo(nameOf(one, path, schemas), one)),
    }),
    responses: mapped(operation.responses, (response, status) => {
      const one = withHeaders(response);
      return isCommon(status, response) ? responses.referenceTo(answerName(status), one) : one;
    }),
  });
  const everywhere = commonCodes(operations.map(([, operation]) => operation));
  const own = (operation: Operation): Operation => ({
    ...operation,
    ...(operation[ERROR_CODES] && {
      [ERROR_CODES]: operation[ERROR_CODES].filter((code) => !everywhere.includes(code)),
    }),
  });
  return {
    ...document,
    [ERROR_CODES]: everywhere,
    components: {
      ...components,
      parameters: parameters.all,
      headers: headers.all,
      responses: responses.all,
    },
    paths: mapped(paths, (methods, path) => mapped(methods, (operation) => own(shared(operation, path)))),
  };
}

/** The codes that every operation may answer with. */
const commonCodes = ([first, ...others]: readonly Operation[]): readonly string[] =>
  (first?.[ERROR_CODES] ?? []).filter((code) => others.every((one) => one[ERROR_CODES]?.includes(code)));

const isProblem = (status: string): boolean => status >= '400';
const isCommon = (status: string, { content }: Response): boolean =>
  isProblem(status) || content === undefined;

const mapped = <T>(
  record: Readonly<Record<string, T>>,
  change: (value: T, key: string) => T,
): Record<string, T> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value, key)]));
