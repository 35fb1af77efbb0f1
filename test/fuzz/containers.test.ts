import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from '../fast-check.ts';
import { keyValuesOf, pair } from '../formats/gguf/build.ts';
import { buildGguf, GGML, TYPE } from '../gguf/gguf-file.ts';
import { assembleSafetensors } from '../oracle/safetensors.ts';
import { damaged, damages } from './damage.ts';
import { assertGguf, assertNoPollution, assertSafetensors, orRefused } from './invariants.ts';
import { ggufOf, safetensorsOf } from './read-bytes.ts';
import { runsOf } from './runs.ts';

const FIXTURES = join(import.meta.dirname, '../fixtures');
const small = (folder: string): Buffer[] =>
  readdirSync(join(FIXTURES, folder))
    .map((name) => readFileSync(join(FIXTURES, folder, name)))
    .filter(({ length }) => length < 4_000);
const SAFETENSORS = [...small('attacks/safetensors'), ...small('attacks/lora')];

/**
 * The headers of trained adapters, with a limited amount of data: the sizes are then wrong, while the
 * description of tensors is not.
 */
const REAL = ['peft-mountain/adapter_model.safetensors', 'mlx-qwen25-05b-r8/adapters.safetensors'].map(
  (name) => readFileSync(join(FIXTURES, 'adapters', name)).subarray(0, 30_000),
);

const json = fc.oneof(
  fc.json({ maxDepth: 4 }),
  fc.constantFrom(
    '{}',
    '{"__proto__":{"polluted":1}}',
    '{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}',
  ),
);
/** Tensors that are nearly right: each field is possible, or any JSON. */
const nearly = fc.dictionary(
  fc.oneof(fc.string({ maxLength: 12 }), fc.constantFrom('__metadata__', 'constructor', 'a.lora_A.weight')),
  fc.oneof(
    fc.record(
      {
        dtype: fc.oneof(
          fc.constantFrom('F32', 'BF16', 'F8_E4M3', 'F4', 'U64', 'hasOwnProperty'),
          fc.jsonValue(),
        ),
        shape: fc.oneof(
          fc.array(fc.oneof(fc.nat(4), fc.integer(), fc.maxSafeInteger()), { maxLength: 4 }),
          fc.jsonValue(),
        ),
        data_offsets: fc.oneof(fc.tuple(fc.nat(64), fc.nat(64)), fc.array(fc.integer()), fc.jsonValue()),
        more: fc.jsonValue(),
      },
      { requiredKeys: ['dtype', 'shape', 'data_offsets'] },
    ),
    fc.jsonValue(),
  ),
  { maxKeys: 4 },
);

const readSafetensors = (bytes: Buffer): boolean => {
  const header = orRefused(() => safetensorsOf(bytes));
  if (header) assertSafetensors(header, bytes.length);
  return header !== undefined;
};
const readGguf = (bytes: Buffer): boolean => {
  const header = orRefused(() => ggufOf(bytes));
  if (header) assertGguf(header, bytes.length);
  return header !== undefined;
};

describe('safetensors files of any bytes', () => {
  it('are refused, or have a place for every byte', (t) => {
    const file = fc
      .tuple(
        fc.oneof(
          json,
          nearly.map((value) => JSON.stringify(value)),
        ),
        fc.uint8Array({ maxLength: 64 }),
      )
      .map(([header, data]) => assembleSafetensors(header, data));
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((some) => Buffer.from(some)),
      file,
      fc.tuple(file, damages()).map(([whole, list]) => damaged(whole, list)),
    );
    fc.assert(
      fc.property(bytes, (some) => void readSafetensors(some)),
      runsOf(t, 8_000),
    );
    assertNoPollution();
  });

  it('that were valid or hostile before they were damaged are handled', (t) => {
    let accepted = 0;
    const bytes = fc
      .tuple(fc.constantFrom(...SAFETENSORS), damages())
      .map(([whole, list]) => damaged(whole, list));
    fc.assert(
      fc.property(bytes, (some) => {
        accepted += Number(readSafetensors(some));
      }),
      runsOf(t, 8_000),
    );
    t.diagnostic(`${accepted} accepted`);
    assert.ok(accepted > 0);
    assertNoPollution();
  });

  it('that were trained adapters with one changed byte in their header are handled', (t) => {
    const bytes = fc.tuple(fc.constantFrom(...REAL), damages(1)).map(([whole, list]) => damaged(whole, list));
    fc.assert(
      fc.property(bytes, (some) => void readSafetensors(some)),
      runsOf(t, 1_000),
    );
    assertNoPollution();
  });

  it('are judged alike however they are split into chunks', (t) => {
    const cut = fc.tuple(fc.constantFrom(...SAFETENSORS), damages(), fc.integer({ min: 1, max: 50 }));
    fc.assert(
      fc.property(cut, ([whole, list, step]) => {
        const bytes = damaged(whole, list);
        assert.equal(
          outcome(() => safetensorsOf(bytes, step)),
          outcome(() => safetensorsOf(bytes)),
        );
      }),
      runsOf(t, 1_500),
    );
  });
});

const name = fc.oneof(
  fc.constantFrom('blk.0.attn_q.weight.lora_a', 'x', '__proto__'),
  fc.string({ maxLength: 20 }),
);
const number = fc.oneof(fc.nat(5), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }));
const value = fc.oneof(
  fc.record({ type: fc.constantFrom(...Object.values(TYPE)), value: fc.nat(127) }),
  fc.record({ type: fc.constant(TYPE.str), value: fc.string({ maxLength: 10 }) }),
  fc.record({
    type: fc.constant(TYPE.arr),
    value: fc.record({ type: fc.constant(TYPE.u8), values: fc.array(fc.nat(255), { maxLength: 6 }) }),
  }),
);
const gguf = fc
  .record({
    keyValues: fc.array(fc.tuple(name, value), { maxLength: 4 }),
    tensors: fc.array(
      fc.record({
        name,
        ne: fc.array(number, { maxLength: 5 }),
        type: fc.constantFrom(...(Object.keys(GGML) as (keyof typeof GGML)[])),
        bytes: fc.uint8Array({ maxLength: 64 }),
      }),
      { maxLength: 3 },
    ),
    lies: fc.record(
      {
        tensorCount: fc.oneof(fc.bigInt({ min: 0n, max: 4n }), fc.constant(2n ** 64n - 1n)),
        typeIds: fc.array(fc.nat(40), { maxLength: 3 }),
      },
      { requiredKeys: [] },
    ),
    alignment: fc.constantFrom(8, 32, 32),
  })
  .map(({ keyValues, ...parts }) =>
    buildGguf({
      ...parts,
      keyValues: keyValues.map(([key, { type, value: stored }]) => [key, type, stored] as const),
    }),
  );
const GOOD_GGUF = buildGguf({
  keyValues: keyValuesOf(),
  tensors: [...pair('blk.0.attn_q', 4), ...pair('blk.1.ffn_up', 2)],
});

describe('GGUF files of any bytes', () => {
  it('are refused, or have tensors inside the file', (t) => {
    const bytes = fc.oneof(
      fc
        .uint8Array({ maxLength: 200 })
        .map((some) => Buffer.concat([Buffer.from('GGUF\x03\0\0\0', 'latin1'), some])),
      gguf,
      fc.tuple(gguf, damages()).map(([whole, list]) => damaged(whole, list)),
    );
    fc.assert(
      fc.property(bytes, (some) => void readGguf(some)),
      runsOf(t, 8_000),
    );
    assertNoPollution();
  });

  it('that were an adapter before they were damaged are handled', (t) => {
    assert.ok(readGguf(GOOD_GGUF));
    let accepted = 0;
    const bytes = damages().map((list) => damaged(GOOD_GGUF, list));
    fc.assert(
      fc.property(bytes, (some) => {
        accepted += Number(readGguf(some));
      }),
      runsOf(t, 8_000),
    );
    t.diagnostic(`${accepted} accepted`);
    assert.ok(accepted > 0);
    assertNoPollution();
  });

  it('are judged alike however they are split into chunks', (t) => {
    fc.assert(
      fc.property(damages(), fc.integer({ min: 1, max: 50 }), (list, step) => {
        const bytes = damaged(GOOD_GGUF, list);
        assert.equal(
          outcome(() => ggufOf(bytes, step)),
          outcome(() => ggufOf(bytes)),
        );
      }),
      runsOf(t, 1_500),
    );
  });
});

/** The code of a refusal, or the header as text. */
function outcome(read: () => object): string {
  try {
    return JSON.stringify(read());
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}
