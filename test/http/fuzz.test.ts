import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Problem } from '../../src/http/problem.ts';
import fc from '../fast-check.ts';
import { multipartOf, part, postHead, rawRequest } from './raw-request.ts';
import { checkedProblem, startServer, type TestServer } from './server.ts';
import { CONFIG, tinyAdapter, WEIGHTS } from './tiny-adapter.ts';

const { weights, config } = tinyAdapter(1, { rank: 2, m: 4, n: 4 });
const GOOD = multipartOf(part(CONFIG, config), part(WEIGHTS, weights));

/** One change of a body. */
const damage = fc.oneof(
  fc.record({
    kind: fc.constant('flip' as const),
    at: fc.nat(GOOD.length - 1),
    with: fc.integer({ min: 1, max: 255 }),
  }),
  fc.record({ kind: fc.constant('cut' as const), at: fc.nat(GOOD.length - 1), with: fc.nat(300) }),
  fc.record({ kind: fc.constant('repeat' as const), at: fc.nat(GOOD.length - 1), with: fc.nat(300) }),
  fc.record({ kind: fc.constant('end' as const), at: fc.nat(GOOD.length - 1), with: fc.constant(0) }),
);

function damaged(
  body: Buffer,
  { kind, at, with: amount }: { kind: string; at: number; with: number },
): Buffer {
  const here = Math.min(at, Math.max(body.length - 1, 0));
  if (kind === 'end') return body.subarray(0, here);
  if (kind === 'cut') return Buffer.concat([body.subarray(0, here), body.subarray(here + amount)]);
  if (kind === 'repeat') {
    return Buffer.concat([body.subarray(0, here + amount), body.subarray(here)]);
  }
  const copy = Buffer.from(body);
  copy[here] = (copy[here] ?? 0) ^ amount;
  return copy;
}

describe('damaged requests', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer({ uploadIdleTimeoutMs: 2000 });
  });
  after(() => server.close());

  it('uploads: accepted, or refused with an error of the client, never an internal one, leaving nothing', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 3 }), async (damages) => {
        const body = damages.reduce(damaged, GOOD);
        const head = postHead('/v1/adapters', [`Content-Length: ${body.length}`, 'Connection: close']);
        const response = await rawRequest(server.port, Buffer.concat([Buffer.from(head), body]), true);
        if (response.status === 200 || response.status === 201) return;
        assert.ok(response.status >= 400 && response.status < 500, `${response.status} ${response.body}`);
        const problem = JSON.parse(response.body) as Problem;
        checkedProblem(problem, response.status, problem.code);
      }),
      { numRuns: 100 },
    );
    await server.assertNoLeftovers();
  });

  it('jobs: any JSON is refused with existing places and words, never with an internal error', async () => {
    const options = fc.record(
      {
        method: fc.oneof(fc.constantFrom('rsvd', 'exact'), fc.jsonValue()),
        oversampling: fc.oneof(fc.integer(), fc.jsonValue()),
        power_iterations: fc.oneof(fc.constant('auto'), fc.integer(), fc.jsonValue()),
        seed: fc.oneof(fc.integer(), fc.jsonValue()),
        other: fc.jsonValue(),
      },
      { requiredKeys: [] },
    );
    const target = fc.oneof(
      fc.jsonValue(),
      fc.record(
        {
          rank: fc.oneof(fc.integer(), fc.jsonValue()),
          energy: fc.oneof(fc.double({ noNaN: true }), fc.jsonValue()),
          scale: fc.oneof(fc.constant('fold'), fc.jsonValue()),
          dtype: fc.oneof(fc.constant('match'), fc.jsonValue()),
          'odd/key~': fc.jsonValue(),
        },
        { requiredKeys: [] },
      ),
    );
    const nearly = fc.record(
      {
        kind: fc.oneof(fc.constant('squeeze'), fc.jsonValue()),
        adapter_id: fc.oneof(fc.string(), fc.jsonValue()),
        targets: fc.oneof(fc.array(target, { maxLength: 20 }), fc.jsonValue()),
        options: fc.oneof(options, fc.jsonValue()),
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.jsonValue(), nearly), async (body) => {
        const headers = { 'content-type': 'application/json' };
        const response = await server.fetch('/v1/jobs', {
          method: 'POST',
          headers,
          body: JSON.stringify(body),
        });
        const problem = (await response.json()) as Problem;
        // A random text is never the id of an adapter.
        assert.ok([400, 404].includes(response.status), JSON.stringify(problem));
        checkedProblem(problem, response.status, problem.code);
        assert.ok(problem.detail.length < 600, problem.detail);
        assert.ok(
          !/anyOf|oneOf|undefined|must match/.test(problem.detail.replace(/"(\\.|[^"\\])*"/g, '')),
          problem.detail,
        );
      }),
      { numRuns: 150 },
    );
  });
});
