import fc from '../../fast-check.ts';
import { formOf, tinyAdapter } from '../../http/tiny-adapter.ts';
import { arbitraryOf } from './arbitrary-of.ts';
import type { Contract, Operation, Parameter } from './contract.ts';
import { mutated, mutations } from './mutation.ts';

/** A request to an operation; the values of `{…}` in its path are chosen when it is sent. */
export interface GeneratedRequest {
  readonly path: readonly (string | null)[];
  readonly query: readonly (readonly [string, string])[];
  readonly headers: readonly (readonly [string, string])[];
  /** JSON; undefined: none. */
  readonly body: unknown;
  readonly type: string | undefined;
  /** Instead of a JSON body, for multipart and bytes. */
  readonly bytes: 'form' | 'octets' | undefined;
}

/** What a path may contain instead of the expected value. */
const odd = fc.oneof(
  fc.string({ minLength: 1, maxLength: 40 }).filter((text) => text !== '.' && text !== '..'),
  fc.constantFrom(
    '0',
    '-1',
    '%00',
    '../x',
    'a:b',
    '__proto__',
    'constructor',
    'x'.repeat(300),
    'ad_0',
    '日本',
  ),
);
const header = fc.stringMatching(/^[!-~]{0,40}$/);

/** @param isValid generate only bodies that fit the schema, without unknown fields */
export function requestsOf(
  contract: Contract,
  operation: Operation,
  isValid: boolean,
): fc.Arbitrary<GeneratedRequest> {
  const names = [...operation.path.matchAll(/\{\w+\}/g)];
  const types = Object.keys(operation.bodies);
  const json = operation.bodies['application/json'];
  const value = json ? arbitraryOf(contract, json.schema) : fc.constant(undefined);
  const body = isValid
    ? value
    : fc.oneof(
        value,
        fc.tuple(value, mutations).map(([good, list]) => mutated(good, list)),
        fc.jsonValue(),
      );
  const bytes = types.includes('multipart/form-data')
    ? 'form'
    : types.length > 0 && !json
      ? 'octets'
      : undefined;
  const type = types.find((one) => one !== 'application/json' && one !== 'multipart/form-data');
  return fc.record({
    path: isValid
      ? fc.constant(names.map(() => null))
      : fc.tuple(...names.map(() => fc.oneof({ weight: 3, arbitrary: fc.constant(null) }, odd))),
    query: queryOf(contract, operation.parameters, isValid),
    headers: isValid ? fc.constant([]) : headersOf(operation.parameters),
    body:
      bytes && json && !isValid
        ? fc.oneof(body, fc.constant(undefined))
        : bytes
          ? fc.constant(json ? undefined : undefined)
          : body,
    type: fc.constant(json && !bytes ? 'application/json' : bytes === 'octets' ? type : undefined),
    bytes: fc.constant(bytes),
  });
}

function queryOf(
  contract: Contract,
  parameters: readonly Parameter[],
  isValid: boolean,
): fc.Arbitrary<(readonly [string, string])[]> {
  const known = parameters
    // A cursor must come from the service, and a tenant must have been created.
    .filter((one) => one.in === 'query' && (!isValid || !['cursor', 'tenant'].includes(one.name)))
    .map(({ name, schema }) => {
      const good = arbitraryOf(contract, schema).map((value) =>
        Array.isArray(value) ? value.join('') : String(value),
      );
      const value = isValid ? good : fc.oneof(good, fc.string({ maxLength: 20 }));
      return fc.option(
        value.map((text): readonly [string, string] => [name, text]),
        { nil: undefined },
      );
    });
  return fc.tuple(...known).map((pairs) => pairs.filter((pair) => pair !== undefined));
}

/** Headers that the contract names, with any content; those of idempotency need Redis. */
function headersOf(parameters: readonly Parameter[]): fc.Arbitrary<(readonly [string, string])[]> {
  const known = parameters
    .filter((one) => one.in === 'header' && !['idempotency-key', 'prefer'].includes(one.name.toLowerCase()))
    .map(({ name }) =>
      fc.option(
        header.map((text): readonly [string, string] => [name, text]),
        { nil: undefined, freq: 1 },
      ),
    );
  return fc.tuple(...known).map((pairs) => pairs.filter((pair) => pair !== undefined));
}

/** The request in the form of fetch. */
export function initOf({ method }: Operation, made: GeneratedRequest, isEmpty = false): RequestInit {
  const headers: Record<string, string> = Object.fromEntries(made.headers);
  if (method === 'GET' || method === 'HEAD' || isEmpty) return { method, headers };
  if (made.bytes === 'form' && made.body === undefined) {
    const form = formOf(tinyAdapter(7));
    if (made.headers.length % 2 === 1) form.append('request', JSON.stringify({ targets: [{ rank: 1 }] }));
    return { method, headers, body: form };
  }
  if (made.bytes === 'octets')
    return { method, headers: { 'content-type': made.type!, ...headers }, body: 'bytes' };
  if (made.body === undefined) return { method, headers };
  return {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(made.body),
  };
}
