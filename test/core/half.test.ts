import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decode, encode, type FloatDtype } from '../../src/core/half.ts';
import fc from '../fast-check.ts';

const decoded = (dtype: FloatDtype, bytes: Uint8Array): Float32Array => {
  const numbers = new Float32Array(bytes.length / (dtype === 'F32' ? 4 : 2));
  decode(dtype, bytes, numbers);
  return numbers;
};

const word = (bits: number): Uint8Array => new Uint8Array(Uint16Array.of(bits).buffer);

describe('float16', () => {
  it('decodes the numbers of IEEE 754 binary16', () => {
    const table: [number, number][] = [
      [0x0000, 0],
      [0x3c00, 1],
      [0xc000, -2],
      [0x3555, 0.333251953125],
      [0x7bff, 65504],
      [0x0400, 2 ** -14],
      [0x03ff, 1023 * 2 ** -24],
      [0x0001, 2 ** -24],
      [0x8001, -(2 ** -24)],
      [0x7c00, Number.POSITIVE_INFINITY],
      [0xfc00, Number.NEGATIVE_INFINITY],
      [0x7e00, Number.NaN],
    ];
    for (const [bits, number] of table) assert.deepEqual([...decoded('F16', word(bits))], [number]);
    assert.ok(Object.is(decoded('F16', word(0x8000))[0], -0));
  });

  it('encodes every finite number to its original bits', () => {
    const finite = Uint16Array.from({ length: 65536 }, (_, bits) => bits).filter(
      (bits) => (bits & 0x7c00) !== 0x7c00,
    );
    const bytes = new Uint8Array(finite.buffer);
    assert.deepEqual(encode('F16', decoded('F16', bytes)), bytes);
  });
});

describe('bfloat16', () => {
  it('is the upper half of float32', () => {
    assert.deepEqual([...decoded('BF16', word(0x3f80))], [1]);
    assert.deepEqual([...decoded('BF16', word(0xc040))], [-3]);
    assert.deepEqual([...decoded('BF16', word(0x7f80))], [Number.POSITIVE_INFINITY]);
    assert.deepEqual([...decoded('BF16', word(0x0001))], [2 ** -133]);
  });

  it('decodes any count of numbers from any even offset, and encodes them back', () => {
    fc.assert(
      fc.property(fc.uint16Array({ maxLength: 40 }), fc.nat(3), (words, skipped) => {
        // Large exponents mean NaN, whose payload may change when it is converted to a number.
        const finite = words.map((bits) => bits & 0xbfff);
        const moved = new Uint16Array(skipped + finite.length);
        moved.set(finite, skipped);
        const bytes = new Uint8Array(moved.buffer, 2 * skipped, 2 * finite.length);
        const numbers = decoded('BF16', bytes);
        const expected = Array.from(
          finite,
          (bits) => new Float32Array(Uint32Array.of(bits << 16).buffer)[0]!,
        );
        assert.deepEqual([...numbers], expected);
        assert.deepEqual([...encode('BF16', numbers)], [...bytes]);
      }),
    );
  });

  it('encodes every number to its original bits', () => {
    const all = new Uint8Array(Uint16Array.from({ length: 65536 }, (_, bits) => bits).buffer);
    const numbers = decoded('BF16', all);
    // NaN payloads may change when they are converted to a number; all others may not.
    const isNumber = (_: number, at: number): boolean => !Number.isNaN(numbers[at]);
    const words = (bytes: Uint8Array): Uint16Array => new Uint16Array(bytes.buffer).filter(isNumber);
    assert.deepEqual(words(encode('BF16', numbers)), words(all));
  });
});

describe('float32', () => {
  it('is passed through unchanged, at any aligned place in a buffer', () => {
    fc.assert(
      fc.property(fc.float32Array(), fc.nat(3), (numbers, shift) => {
        const place = new Uint8Array(shift * 4 + numbers.byteLength).subarray(shift * 4);
        place.set(encode('F32', numbers));
        assert.deepEqual(decoded('F32', place), numbers);
      }),
    );
  });
});
