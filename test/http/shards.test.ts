import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import { buildSafetensors, parseSafetensors } from '../oracle/safetensors.ts';
import { problemIn, startServer, type TestServer } from './server.ts';
import { CONFIG, tinyAdapter, WEIGHTS } from './tiny-adapter.ts';

const { weights, config } = tinyAdapter();
const tensors = [...parseSafetensors(weights).tensors];
const LIMIT = 20_000;

const nameOf = (number: number): string => `my-lora-0000${number}-of-00002.safetensors`;
const SHARDS = new Map(
  [tensors.slice(0, 1), tensors.slice(1)].map((part, index) => [
    nameOf(index + 1),
    buildSafetensors(Object.fromEntries(part)),
  ]),
);
const INDEX = 'my-lora.safetensors.index.json';
const indexOf = (fileOf: (at: number) => string): Buffer =>
  Buffer.from(
    JSON.stringify({ weight_map: Object.fromEntries(tensors.map(([name], at) => [name, fileOf(at)])) }),
  );

describe('an adapter whose weights come in several files', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer({ maxUploadBytes: LIMIT });
  });
  after(() => server.close());
  afterEach(() => server.assertNoLeftovers());

  /** All parts are called "files", as a form sends several of them. */
  function send(parts: Iterable<readonly [string, Uint8Array]>): Promise<Response> {
    const form = new FormData();
    for (const [name, bytes] of [[CONFIG, config] as const, ...parts])
      form.append('files', new Blob([new Uint8Array(bytes)]), name);
    return server.fetch('/v1/adapters', { method: 'POST', body: form });
  }

  async function created(response: Response): Promise<AdapterRecord> {
    const body = await response.text();
    assert.equal(response.status, 201, body);
    return JSON.parse(body);
  }

  it('is stored with its weights in one', async () => {
    const index = indexOf((at) => nameOf(at === 0 ? 1 : 2));
    for (const more of [[], [[INDEX, index] as const]]) {
      const record = await created(await send([...more, ...SHARDS]));
      assert.equal(record.name, 'my-lora');
      assert.deepEqual(
        record.files.map(({ name }) => name),
        [WEIGHTS, CONFIG],
      );
      const stored = await server.fetch(`/v1/adapters/${record.id}/files/${WEIGHTS}`);
      const found = parseSafetensors(new Uint8Array(await stored.arrayBuffer())).tensors;
      assert.deepEqual(
        [...found].map(([name, { bytes }]) => [name, Buffer.from(bytes)]).sort(),
        tensors.map(([name, { bytes }]) => [name, Buffer.from(bytes)]).sort(),
      );
    }
  });

  const [first, second] = [...SHARDS] as [[string, Buffer], [string, Buffer]];
  const refusals: readonly (readonly [
    string,
    readonly (readonly [string, Uint8Array])[],
    number,
    string,
    RegExp,
  ])[] = [
    ['one of them is missing', [first], 422, 'FILE_MISSING', /"my-lora-00002-of-00002\.safetensors"/],
    [
      'the whole weights come too',
      [...SHARDS, [WEIGHTS, weights]],
      400,
      'DUPLICATE_PART',
      /my-lora-00001.*adapter_model/,
    ],
    [
      'they come after the whole',
      [[WEIGHTS, weights], first],
      400,
      'DUPLICATE_PART',
      /adapter_model.*my-lora-00001/,
    ],
    ['one comes twice', [first, first], 400, 'DUPLICATE_PART', /my-lora-00001/],
    [
      'there is nothing but an index',
      [[INDEX, indexOf(() => nameOf(1))]],
      422,
      'FILE_MISSING',
      /without the files/,
    ],
    [
      'the index says otherwise',
      [...SHARDS, [INDEX, indexOf(() => nameOf(1))]],
      422,
      'SHARDS_MISMATCH',
      /but it is in/,
    ],
    [
      'one is no safetensors file',
      [first, [second[0], Buffer.alloc(100)]],
      422,
      'ST_HEADER_JSON',
      /my-lora-00002/,
    ],
    [
      'they are too large together',
      [first, [second[0], Buffer.concat([second[1], Buffer.alloc(LIMIT)])]],
      413,
      'UPLOAD_TOO_LARGE',
      /my-lora-00002-of-00002\.safetensors is larger than/,
    ],
  ];
  for (const [what, parts, status, code, message] of refusals) {
    it(`is refused where ${what}`, async () => {
      const { detail } = await problemIn(await send(parts), status, code);
      assert.match(detail, message);
    });
  }

  it('may have an index beside weights that are whole', async () => {
    const index = indexOf(() => nameOf(1));
    const record = await created(
      await send([
        [WEIGHTS, weights],
        [INDEX, index],
      ]),
    );
    assert.equal(record.modules, 2);
  });
});
