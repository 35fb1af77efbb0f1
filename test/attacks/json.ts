import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { ErrorCode } from '../../src/errors/error-kinds.ts';
import { adapterForm } from '../e2e/client.ts';
import { checkedAnswer } from '../fuzz/contract/check-answer.ts';
import type { Contract, Operation, Schema } from '../fuzz/contract/contract.ts';
import { tinyAdapter } from '../http/tiny-adapter.ts';
import type { AttackTarget } from './attack-target.ts';

const nested = (open: string, levels: number, close: string): string =>
  open.repeat(levels) + close.repeat(levels);
const objects = (levels: number): string => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;

/** JSON that no operation accepts, whatever its schema. */
const HOSTILE: Readonly<
  Record<string, readonly [text: string | Uint8Array, code: ErrorCode, where: RegExp]>
> = {
  '65 lists': [nested('[', 65, ']'), 'REQUEST_TOO_DEEP', /more than 64 levels deep at character 64/],
  '5,000 lists': [nested('[', 5000, ']'), 'REQUEST_TOO_DEEP', /more than 64 levels deep/],
  '30,000 lists without an end': ['['.repeat(30_000), 'REQUEST_TOO_DEEP', /more than 64 levels deep/],
  '10,000 objects': [
    objects(10_000),
    'REQUEST_TOO_DEEP',
    /at a\.a\.a.*more than 64 levels deep at character 320/,
  ],
  'lists deep inside': [
    `{"labels":{"x":${nested('[', 9000, ']')}}}`,
    'REQUEST_TOO_DEEP',
    /at labels\.x\[0\]/,
  ],
  'a key twice': [
    '{"targets":[{"rank":8,"rank":4}]}',
    'REQUEST_DUPLICATE_KEY',
    /at targets\[0\]\.rank, the key "rank" appears twice at character 28/,
  ],
  'a key twice, with equal values': ['{"a":1,"a":1}', 'REQUEST_DUPLICATE_KEY', /at a, the key/],
  'a key twice, once escaped': ['{"a":1,"\\u0061":2}', 'REQUEST_DUPLICATE_KEY', /at a, the key/],
  __proto__: ['{"options":{"__proto__":{"rank":8}}}', 'REQUEST_FORBIDDEN_KEY', /at options\.__proto__/],
  '__proto__, escaped': ['{"\\u005f_proto__":{"rank":8}}', 'REQUEST_FORBIDDEN_KEY', /__proto__/],
  'an integer that a double rounds': [
    '{"ttl_seconds":9007199254740993}',
    'REQUEST_NUMBER',
    /at ttl_seconds, the integer 9007199254740993 is beyond ±9007199254740991/,
  ],
  'an integer of 60,000 digits': ['9'.repeat(60_000), 'REQUEST_NUMBER', /60000 digits/],
  'a number beyond all doubles': ['[1e999]', 'REQUEST_NUMBER', /at \[0\]/],
  'bytes that are not UTF-8': [Buffer.from('{"a":"\xff"}', 'latin1'), 'REQUEST_JSON', /UTF-8 at character 6/],
  'half a surrogate pair': ['{"a":"\\ud800"}', 'REQUEST_JSON', /surrogate/],
  NaN: ['{"a":NaN}', 'REQUEST_JSON', /character 5/],
  'nothing but a bracket': ['{', 'REQUEST_JSON', /character 1/],
};

const ONE_OF_EACH_CODE = [...new Map(Object.values(HOSTILE).map(([text, code]) => [code, text])).values()];

/**
 * The fields of a multipart body that are JSON: objects and numbers. The others are texts, digits or words.
 */
const NOT_JSON = new Set(['name', 'step', 'rewind', 'loss']);
function jsonFields(contract: Contract, { bodies }: Operation): string[] {
  const form = bodies['multipart/form-data'];
  if (!form) return [];
  const { properties = {} } = contract.resolve(form.schema) as { properties?: Record<string, Schema> };
  return Object.entries(properties)
    .filter(([name, schema]) => contract.resolve(schema).format !== 'binary' && !NOT_JSON.has(name))
    .map(([name]) => name);
}

/** Sends every text to every operation that expects JSON. */
export function hostileJson(attacked: AttackTarget, contract: Contract, adminKey: string): void {
  const authorized = { authorization: `Bearer ${adminKey}` };

  /**
   * The record that a path names does not exist: the service looks for it only after it has read the body.
   */
  const pathOf = ({ path }: Operation): string => path.replace(/\{\w+\}/g, 'job_0');

  async function ask(operation: Operation, body?: FormData | string | Uint8Array, type?: string) {
    const init: RequestInit = {
      method: operation.method,
      headers: { ...authorized, ...(type !== undefined && { 'content-type': type }) },
      body: (body as FormData | undefined) ?? null,
    };
    const response = await fetch(attacked.url + pathOf(operation), init);
    return checkedAnswer(contract, operation, response);
  }

  async function refused(answer: Awaited<ReturnType<typeof ask>>, what: string): Promise<void> {
    const [, code, where] = HOSTILE[what]!;
    assert.deepEqual([answer.status, answer.code], [400, code], answer.text);
    assert.equal(answer.headers.get('content-type'), 'application/problem+json');
    const { detail } = JSON.parse(answer.text) as { detail: string };
    assert.match(detail, where, what);
    assert.ok(detail.length < 500, detail);
  }

  const doors: string[] = [];
  for (const operation of contract.operations) {
    if (operation.method === 'GET' || operation.method === 'HEAD') continue;
    const title = `${operation.method} ${operation.path}`;
    const types = Object.keys(operation.bodies);
    if (types.includes('application/json')) {
      doors.push(title);
      it(`${title}: is refused as a body`, async () => {
        for (const [what, [text]] of Object.entries(HOSTILE))
          await refused(await ask(operation, text, 'application/json'), what);
      });
    }
    for (const name of jsonFields(contract, operation)) {
      doors.push(`${title} ${name}`);
      it(`${title}: is refused as the part ${name}`, async () => {
        for (const [index, [what, [text]]] of Object.entries(HOSTILE).entries()) {
          // What the part declares about itself makes no difference: each text declares either type, in turn.
          const type = (doors.indexOf(`${title} ${name}`) + index) % 2 ? 'application/json' : '';
          const form = adapterForm(tinyAdapter(1));
          form.append(name, new Blob([text as string], { type }));
          const answer = await ask(operation, form);
          await refused(answer, what);
          assert.match(answer.text, new RegExp(`[Tt]he part \\\\"${name}\\\\"`));
        }
      });
    }
    if (types.length === 0) {
      it(`${title}: is dropped, where no body is expected`, async () => {
        const without = await ask(operation);
        for (const body of ['', '{}', ...ONE_OF_EACH_CODE]) {
          const { status, code } = await ask(operation, body, 'application/json');
          assert.deepEqual([status, code], [without.status, without.code]);
        }
      });
    }
  }

  it('finds operations that accept JSON', () => {
    for (const door of [
      'POST /v1/jobs',
      'PATCH /v1/adapters/{id}',
      'POST /v1/adapters labels',
      'POST /v1/squeeze request',
    ])
      assert.ok(doors.includes(door), `${door} among ${doors.join(', ')}`);
  });

  it('leaves a service that accepts valid input, including labels named like properties of JavaScript objects', async () => {
    const form = adapterForm(tinyAdapter(2));
    form.append('labels', '{"constructor":"x","prototype":"yes"}');
    const response = await fetch(`${attacked.url}/v1/adapters`, {
      method: 'POST',
      headers: authorized,
      body: form,
    });
    assert.equal(response.status, 201, await response.clone().text());
    const { labels } = (await response.json()) as { labels: unknown };
    assert.deepEqual(labels, { constructor: 'x', prototype: 'yes' });
    const found = await fetch(`${attacked.url}/v1/adapters?label=prototype:yes`, { headers: authorized });
    assert.equal(((await found.json()) as { data: unknown[] }).data.length, 1);
  });
}
