import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import { buildSafetensors, parseSafetensors } from '../oracle/safetensors.ts';
import { problemIn, startServer, type TestServer } from './server.ts';
import { CONFIG, tinyAdapter, WEIGHTS } from './tiny-adapter.ts';
import { create, idOf, makeAdapter, patch, put } from './uploads-tools.ts';

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

describe('an adapter whose weights are sharded', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer({ maxUploadBytes: LIMIT });
  });
  after(() => server.close());
  afterEach(() => server.assertNoLeftovers());

  /** All parts are named "files", as in a form that sends several of them. */
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

  it('is stored with its weights joined', async () => {
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

  /** Sends a file by tus in two requests. @returns its id */
  async function upload([name, bytes]: readonly [string, Uint8Array]): Promise<string> {
    const path = await create(server, bytes.length, name);
    for (const [from, to] of [
      [0, 100],
      [100, bytes.length],
    ] as const)
      assert.equal((await patch(server, path, from, bytes.subarray(from, to))).status, 204);
    return idOf(path);
  }

  it('may be sent one by one by tus, in any order, and uses the uploads up', async () => {
    const ids = [await upload([...SHARDS][1]!), await upload([...SHARDS][0]!)];
    const record = await created(await makeAdapter(server, ids, JSON.parse(config.toString())));
    assert.deepEqual([record.name, record.modules], ['my-lora', 2]);
    const whole = await created(await send(SHARDS));
    assert.equal(whole.content_known, true, 'the same as the files in one body');
    for (const id of ids) await problemIn(await server.fetch(`/v1/uploads/${id}`), 404, 'UPLOAD_NOT_FOUND');
  });

  it('by tus is refused if a shard is missing, duplicate or not a shard, and the uploads stay', async () => {
    const [one, two] = [await upload([...SHARDS][0]!), await upload([...SHARDS][1]!)];
    const other = await upload([WEIGHTS, weights]);
    const twin = await upload([...SHARDS][0]!);
    for (const [ids, status, code, message] of [
      [one, 422, 'FILE_MISSING', /2 files, and these are missing: "my-lora-00002-of-00002\.safetensors"/],
      [[two], 422, 'FILE_MISSING', /"my-lora-00001-of-00002\.safetensors"/],
      [[one, two, other], 422, 'SHARDS_MISMATCH', /"adapter_model\.safetensors" is not a part of weights/],
      [[one, twin, two], 422, 'SHARDS_MISMATCH', /have the same number/],
      [[one, one], 400, 'VALIDATION_FAILED', /names the same upload twice/],
      [[], 400, 'VALIDATION_FAILED', /weights|files/],
    ] as const) {
      const { detail } = await problemIn(
        await makeAdapter(server, ids, JSON.parse(config.toString())),
        status,
        code,
      );
      assert.match(detail, message);
    }
    const large = await put(
      server,
      'the-index',
      INDEX,
      indexOf(() => nameOf(1)),
    );
    const { detail } = await problemIn(large, 422, 'UPLOAD_FILENAME');
    assert.match(detail, /index.*not needed/);
    await created(await makeAdapter(server, [one, two], JSON.parse(config.toString())));
    for (const id of [other, twin]) await server.fetch(`/v1/uploads/${id}`, { method: 'DELETE' });
  });

  it('by tus may not be larger in total than one file', async () => {
    const big = (number: number): readonly [string, Uint8Array] => [
      `big-0000${number}-of-00002.safetensors`,
      buildSafetensors({
        [`x${number}`]: { dtype: 'U8', shape: [LIMIT * 0.6], bytes: new Uint8Array(LIMIT * 0.6) },
      }),
    ];
    const ids = [await upload(big(1)), await upload(big(2))];
    const { detail } = await problemIn(await makeAdapter(server, ids, {}), 413, 'UPLOAD_TOO_LARGE');
    assert.match(detail, /in 2 files; together they may have at most 20000/);
    for (const id of ids) await server.fetch(`/v1/uploads/${id}`, { method: 'DELETE' });
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
      /without the shards/,
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
    it(`is refused if ${what}`, async () => {
      const { detail } = await problemIn(await send(parts), status, code);
      assert.match(detail, message);
    });
  }

  it('may have an index beside weights that are not sharded', async () => {
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
