import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from '../../fast-check.ts';
import { BOUNDARY, part, postHead, rawRequest } from '../../http/raw-request.ts';
import { startServer, type TestServer } from '../../http/server.ts';
import { CONFIG, tinyAdapter, WEIGHTS } from '../../http/tiny-adapter.ts';
import { damaged, damages } from '../damage.ts';
import { runsOf } from '../runs.ts';
import { checkedAnswer } from './check-answer.ts';
import { Contract } from './contract.ts';

const { weights, config } = tinyAdapter(5, { rank: 2, m: 4, n: 4 });
const field = (name: string, value: string): Buffer =>
  Buffer.from(`--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`);

/** Parts that belong into the body of some operation, and others, in any order and number. */
const PARTS = [
  part(WEIGHTS, weights),
  part(CONFIG, config),
  part(WEIGHTS, weights.subarray(0, 90)),
  part('README.md', '# card'),
  part('optimizer.safetensors', weights),
  part('x.zip', 'PK'),
  field('request', '{"targets":[{"rank":1}]}'),
  field('request', '{"__proto__":{}}'),
  field('labels', '{"a":"b"}'),
  field('ttl_seconds', '60'),
  field('step', '100'),
  field('rewind', 'maybe'),
  field('__proto__', 'x'),
  field('request', `{"targets":${'['.repeat(20_000)}`),
  field('request', '{"targets":[{"rank":1,"r\\u0061nk":2}]}'),
  field('labels', `${'{"a":'.repeat(9000)}1${'}'.repeat(9000)}`),
  field('labels', '{"a":"b","a":"b"}'),
  field('ttl_seconds', '9007199254740993'),
];
const END = Buffer.from(`--${BOUNDARY}--\r\n`);
const ends = fc.constantFrom(
  END,
  END,
  END,
  Buffer.alloc(0),
  Buffer.from('--other--\r\n'),
  Buffer.from(`--${BOUNDARY}`),
  Buffer.concat([END, END, Buffer.from('epilogue')]),
);
const order = fc.oneof(
  fc.constantFrom(
    [0, 1],
    [1, 0],
    [0, 1, 6],
    [0, 1, 10],
    [0, 1, 13],
    [0, 1, 14],
    [0, 1, 15],
    [0, 1, 16],
    [0, 1, 17],
  ),
  fc.array(fc.nat(PARTS.length - 1), { maxLength: 7 }),
);
const body = fc
  .tuple(order, ends, fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, damages(2)))
  .map(([list, end, harm]) => damaged(Buffer.concat([...list.map((index) => PARTS[index]!), end]), harm));

describe('multipart bodies, composed at random', async () => {
  const contract = await Contract.read();
  let server: TestServer;
  let run: string;
  before(async () => {
    server = await startServer({ uploadIdleTimeoutMs: 500 });
    const response = await server.fetch('/v1/runs', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"schedule":{"source_rank":8,"target_rank":4,"total_steps":4000}}',
    });
    run = ((await response.json()) as { id: string }).id;
  });
  after(() => server.close());

  for (const operation of contract.operations.filter(({ bodies }) => 'multipart/form-data' in bodies)) {
    it(`${operation.name} accepts them or reports what is wrong, as the contract allows, and leaves nothing`, async (t) => {
      const path = operation.path.replace('{id}', run);
      let taken = 0;
      await fc.assert(
        fc.asyncProperty(body, fc.integer({ min: -20, max: 20 }), async (bytes, lie) => {
          // Now and then the length differs from that of the body; then the client closes its side.
          const length = Math.abs(lie) > 17 ? Math.max(0, bytes.length + lie) : bytes.length;
          const head = postHead(path, [`Content-Length: ${length}`, 'Connection: close']);
          const raw = await rawRequest(
            server.port,
            Buffer.concat([Buffer.from(head), bytes]),
            length <= bytes.length,
          );
          // Bytes after the body end the connection, so that a response that is being sent may be lost.
          if (length < bytes.length && Number.isNaN(raw.status)) return;
          assert.ok(raw.status >= 200, `no answer: ${raw.body}`);
          const text = Buffer.from(raw.body, 'latin1');
          const response = new Response(text, { status: raw.status, headers: [...raw.headers] });
          const { status } = await checkedAnswer(contract, operation, response);
          if (status < 300) taken++;
        }),
        runsOf(t, 150),
      );
      t.diagnostic(`${taken} taken`);
      await server.assertNoLeftovers();
    });
  }
});
