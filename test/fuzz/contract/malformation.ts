import { createHash } from 'node:crypto';
import fc from '../../fast-check.ts';
import type { Operation } from './contract.ts';

/** Placeholders in a path for the id of a record that exists, or no longer does. */
export const EXISTING_ID = '@here';
export const EXPIRED_ID = '@expired';

/** What is odd about a request beyond its content: no schema describes it, but clients do it nevertheless. */
export interface Malformation {
  /** Instead of the fitting content type; '': none. undefined: unchanged. */
  readonly type: string | undefined;
  /** Instead of the body, even if an operation has none. undefined: unchanged. */
  readonly body: string | undefined;
  readonly headers: readonly (readonly [string, string])[];
  /** What a JSON body names as adapters. */
  readonly adapters: 'as they are' | typeof EXISTING_ID | typeof EXPIRED_ID;
  /** What the path contains as ids. */
  readonly path: 'as it is' | typeof EXPIRED_ID;
}

const types = fc.constantFrom(
  '',
  'application/json',
  'application/json; charset=utf-16',
  'APPLICATION/JSON',
  'application/problem+json',
  'text/plain',
  'text/plain;;;',
  'application/x-www-form-urlencoded',
  'application/octet-stream',
  'application/offset+octet-stream',
  'multipart/form-data',
  'multipart/form-data; boundary=x',
  'nonsense',
  '/',
);

const bodies = fc.constantFrom(
  '',
  '{}',
  'null',
  '[]',
  '{',
  '"x"',
  'plain text',
  '--x--\r\n',
  '--x\r\nContent-Disposition: form-data; name="step"\r\n\r\n1\r\n--x--\r\n',
  '\u{FEFF}{}',
  ' '.repeat(100_000),
);

const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64');
const digests = fc.constantFrom(
  '',
  'sha-256',
  'sha-256=',
  'sha-256=:AAAA:',
  'sha-256=:!!!!:',
  `sha-256=:${sha256('something else')}:`,
  `sha-256=:${sha256('{}')}:`,
  `sha-256=:${sha256('{}')}:, sha-512=:x:`,
  'md5=:AAAA:',
  'unixsum=30637',
);

const named = (name: string, values: fc.Arbitrary<string>): fc.Arbitrary<readonly [string, string]> =>
  values.map((value) => [name, value]);

const headers = fc.oneof(
  named('content-digest', digests),
  named('repr-digest', digests),
  named('content-encoding', fc.constantFrom('', 'gzip', 'identity', 'IDENTITY', 'br, gzip')),
  named('idempotency-key', fc.constantFrom('', 'one', 'one', '"one"', '"', 'x'.repeat(300), 'ä', '\\')),
  named('accept', fc.constantFrom('', '*/*', 'image/png', 'text/plain', 'nonsense', 'text/html;q=0')),
  named('range', fc.constantFrom('bytes=0-1', 'bytes=999999999-', 'bytes=-0', 'bytes=2-1', 'lines=1-2')),
  named('if-none-match', fc.constantFrom('*', '"x"', 'W/"x"', 'x')),
  named('prefer', fc.constantFrom('wait=0', 'wait=x', 'respond-async', 'return=minimal')),
  named('last-event-id', fc.constantFrom('1.99.0', '1.2', 'x')),
  named('tus-resumable', fc.constantFrom('1.0.0', '0.2.2')),
  named('upload-length', fc.constantFrom('0', '-1', '1e3', '99999999999')),
  named('upload-offset', fc.constantFrom('0', '1', 'x')),
  named('content-range', fc.constantFrom('bytes 0-1/2', 'x')),
);

export const malformations: fc.Arbitrary<Malformation> = fc.record({
  type: fc.option(types, { nil: undefined, freq: 2 }),
  body: fc.option(bodies, { nil: undefined, freq: 2 }),
  headers: fc.uniqueArray(headers, { maxLength: 3, selector: ([name]) => name }),
  adapters: fc.constantFrom('as they are' as const, EXISTING_ID, EXPIRED_ID),
  path: fc.oneof(
    { weight: 3, arbitrary: fc.constant('as it is' as const) },
    { weight: 1, arbitrary: fc.constant(EXPIRED_ID) },
  ),
});

/** A request with its oddity. */
export function malformed(
  { method }: Operation,
  init: RequestInit,
  { type, body, headers }: Malformation,
): RequestInit {
  const all = new Headers(init.headers);
  for (const [name, value] of headers) all.set(name, value);
  // fetch allows no body for these methods.
  if (method === 'GET' || method === 'HEAD') return { ...init, headers: all };
  if (type === '') all.delete('content-type');
  else if (type !== undefined) all.set('content-type', type);
  const bytes = body === undefined ? init.body : new Blob([body]);
  return { ...init, headers: all, ...(bytes !== undefined && { body: bytes }) };
}

/** A body with another id wherever it names adapters. */
export function withAdapters(body: unknown, id: string): unknown {
  if (Array.isArray(body)) return body.map((item) => withAdapters(item, id));
  if (typeof body !== 'object' || body === null) return body;
  return Object.fromEntries(
    Object.entries(body).map(([key, value]) => {
      if (key === 'adapter_id' && typeof value === 'string') return [key, id];
      if (key === 'adapter_ids' && Array.isArray(value)) return [key, value.slice(0, 1).map(() => id)];
      return [key, withAdapters(value, id)];
    }),
  );
}
