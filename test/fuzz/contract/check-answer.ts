import assert from 'node:assert/strict';
import type { Contract, Operation } from './contract.ts';

/** Headers of every response, or of HTTP, which the contract declares once or not at all. */
const USUAL = new Set([
  'connection',
  'keep-alive',
  'date',
  'content-type',
  'content-length',
  'content-disposition',
  'transfer-encoding',
  'cache-control',
  'last-modified',
  'vary',
  'x-request-id',
  'x-content-type-options',
  'x-frame-options',
  'referrer-policy',
  'content-security-policy',
  'cross-origin-resource-policy',
  'cross-origin-opener-policy',
  'strict-transport-security',
  'permissions-policy',
  'www-authenticate',
  'allow',
  'retry-after',
  // The upload protocol requires one on every response, the other on every 412 (tus 1.0.0, headers).
  'tus-resumable',
  'tus-version',
  // For proxies, which must not buffer a stream.
  'x-accel-buffering',
]);

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The `code` of a problem document. */
  readonly code: string | undefined;
}

/** Checks a response against the contract of the operation. */
export async function checkedAnswer(
  contract: Contract,
  { name, method, answers, codes }: Operation,
  response: Response,
): Promise<Answered> {
  const { status, headers } = response;
  const answer = answers[status];
  const type = headers.get('content-type')?.split(';')[0] ?? '';
  const isStream = type === 'text/event-stream';
  const text = isStream ? '' : await response.text();
  if (isStream) await response.body?.cancel();
  const where = `${name}: ${status} ${type} ${text.slice(0, 600)}`;
  assert.ok(answer, `undocumented status: ${where}`);
  assert.ok(status < 500, `a failure of the service: ${where}`);
  assert.ok(headers.get('x-request-id'), where);
  for (const [header] of headers)
    assert.ok(
      USUAL.has(header) || header in (answer.headers ?? {}),
      `undocumented header ${header}: ${where}`,
    );
  const types = Object.keys(answer.content ?? {});
  if (text === '' && !isStream) return { status, headers, text, code: undefined };
  assert.ok(method !== 'HEAD' && types.includes(type), `undocumented content type: ${where}`);
  if (!type.endsWith('json')) return { status, headers, text, code: undefined };
  const body = JSON.parse(text) as { code?: string };
  const { schema } = answer.content![type]!;
  const fault = schema && contract.faultOf(schema, body);
  assert.equal(fault, undefined, where);
  if (status >= 400) {
    // No stack trace, whose lines begin like this in JSON, and no path of this machine.
    assert.doesNotMatch(text, /node_modules|\\n\s+at .+:\d+:\d+|\/tmp\//, where);
    assert.ok(codes.includes(body.code ?? ''), `undocumented code: ${where}`);
  }
  return { status, headers, text, code: body.code };
}
