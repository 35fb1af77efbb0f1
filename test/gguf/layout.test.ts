import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GgufValidator } from '../../src/gguf/gguf-validator.ts';
import type { GgufHeader, GgufTyped } from '../../src/gguf/header.ts';
import { type GgufTensorSpec, layOutGguf } from '../../src/gguf/layout.ts';
import fc from '../fast-check.ts';
import { parseGguf, TYPE } from './gguf-file.ts';

function fileOf(tensors: readonly GgufTensorSpec[], keyValues: ReadonlyMap<string, GgufTyped>): Uint8Array {
  const { headerBytes, totalBytes } = layOutGguf(tensors, keyValues);
  const file = new Uint8Array(totalBytes);
  file.set(headerBytes);
  return file;
}

function headerOf(file: Uint8Array): GgufHeader {
  const validator = new GgufValidator();
  validator.push(file);
  return validator.finish(file.length);
}

const scalar = fc.oneof(
  fc.record({ type: fc.constant(TYPE.u8), value: fc.nat(255) }),
  fc.record({ type: fc.constant(TYPE.i8), value: fc.integer({ min: -128, max: 127 }) }),
  fc.record({ type: fc.constant(TYPE.u16), value: fc.nat(65535) }),
  fc.record({ type: fc.constant(TYPE.i16), value: fc.integer({ min: -32768, max: 32767 }) }),
  fc.record({ type: fc.constant(TYPE.u32), value: fc.nat(2 ** 31 - 1) }),
  fc.record({ type: fc.constant(TYPE.i32), value: fc.integer() }),
  fc.record({ type: fc.constant(TYPE.f32), value: fc.float({ noNaN: true }) }),
  fc.record({ type: fc.constant(TYPE.bool), value: fc.boolean() }),
  fc.record({ type: fc.constant(TYPE.str), value: fc.string({ unit: 'grapheme' }) }),
  fc.record({ type: fc.constant(TYPE.u64), value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) }),
  fc.record({ type: fc.constant(TYPE.i64), value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) }),
  fc.record({ type: fc.constant(TYPE.f64), value: fc.double({ noNaN: true }) }),
);
const list = fc
  .oneof(
    fc.record({ type: fc.constant(TYPE.str), values: fc.array(fc.string()) }),
    fc.record({ type: fc.constant(TYPE.u32), values: fc.array(fc.nat(2 ** 31 - 1)) }),
    fc.record({ type: fc.constant(TYPE.i64), values: fc.array(fc.bigInt({ min: -5n, max: 5n })) }),
  )
  .map(({ type, values }) => ({ type: TYPE.arr, value: { type, values } }));
const name = fc.stringMatching(/^[a-z0-9]{1,12}([._][a-z0-9]{1,12}){0,3}$/);
const keyValuesOf = fc
  .array(fc.tuple(name, fc.oneof(scalar, list)), { maxLength: 8 })
  .map(
    (entries): Map<string, GgufTyped> =>
      new Map(entries.map(([key, { type, value }]) => [key, { type, value } as GgufTyped])),
  );
const tensorsOf = fc.uniqueArray(
  fc.oneof(
    fc.record({
      name,
      dtype: fc.constantFrom('F32', 'F16', 'BF16'),
      shape: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 }),
    }),
    fc.record({ name, dtype: fc.constant('Q8_0'), shape: fc.constantFrom([32], [3, 64]) }),
  ),
  { selector: (tensor) => tensor.name, maxLength: 6 },
);

describe('layOutGguf', () => {
  it('is read again unchanged, by us and by another reader, and written the same again', () => {
    fc.assert(
      fc.property(tensorsOf, keyValuesOf, fc.constantFrom(8, 32, 4096), (tensors, given, alignment) => {
        const keyValues = new Map(given);
        if (alignment !== 32) keyValues.set('general.alignment', { type: TYPE.u32, value: alignment });
        const { offsets, totalBytes } = layOutGguf(tensors, keyValues);
        const file = fileOf(tensors, keyValues);
        const header = headerOf(file);
        assert.deepEqual(header.keyValues, keyValues);
        assert.deepEqual([...header.keyValues.keys()], [...keyValues.keys()]);
        assert.deepEqual(
          header.tensors.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
          tensors.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
        );
        assert.deepEqual(
          header.tensors.map(({ beginByte }) => beginByte),
          offsets,
        );
        assert.ok(offsets.every((offset) => offset % alignment === 0) && totalBytes % alignment === 0);
        assert.deepEqual(fileOf(header.tensors, header.keyValues), file);

        const other = parseGguf(file);
        assert.equal(other.version, 3);
        assert.deepEqual(other.keyValues, keyValues);
        assert.deepEqual(
          [...other.tensors].map(([key, { dtype, shape }]) => ({ name: key, dtype, shape })),
          tensors.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
        );
      }),
      { numRuns: 300 },
    );
  });

  it('writes the bytes of the specification', () => {
    const file = fileOf(
      [{ name: 't', dtype: 'F16', shape: [2, 3] }],
      new Map([['k', { type: TYPE.u8, value: 7 }]]),
    );
    const hex = [
      '47475546 03000000 0100000000000000 0100000000000000',
      '0100000000000000 6b 00000000 07',
      '0100000000000000 74 02000000 0300000000000000 0200000000000000 01000000 0000000000000000',
    ].join(' ');
    const header = Buffer.from(hex.replaceAll(' ', ''), 'hex');
    assert.equal(file.length, 96 + 32);
    assert.deepEqual(Buffer.from(file.subarray(0, header.length)), header);
    assert.ok(file.subarray(header.length).every((byte) => byte === 0));
  });

  it('refuses tensors and values that GGUF does not have', () => {
    assert.throws(() => layOutGguf([{ name: 't', dtype: 'F8_E5M2', shape: [1] }], new Map()), RangeError);
    assert.throws(() => layOutGguf([{ name: 't', dtype: 'Q8_0', shape: [33] }], new Map()), RangeError);
    assert.throws(() => layOutGguf([], new Map([['k', { type: 99, value: 1 }]])), RangeError);
    assert.throws(() => layOutGguf([], new Map([['k', { type: TYPE.u8, value: 'x' }]])), RangeError);
  });
});
