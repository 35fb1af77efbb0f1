import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeQ8_0, Q8_0_BYTES, Q8_0_ELEMENTS } from '../../src/core/q8-0.ts';
import fc from '../fast-check.ts';

/** A block whose scale is given as float16 bits. */
function block(scaleBits: number, numbers: readonly number[]): Buffer {
  const bytes = Buffer.alloc(Q8_0_BYTES);
  bytes.writeUInt16LE(scaleBits);
  for (const [i, number] of numbers.entries()) bytes.writeInt8(number, 2 + i);
  return bytes;
}

describe('decodeQ8_0', () => {
  const numbers = Array.from({ length: Q8_0_ELEMENTS }, (_, i) => i * 8 - 128);

  it('multiplies every signed byte by the scale of its block', () => {
    // 1.0, −0.5, the smallest subnormal, and 0
    const scales: readonly (readonly [bits: number, value: number])[] = [
      [0x3c00, 1],
      [0xb800, -0.5],
      [0x0001, 2 ** -24],
      [0x0000, 0],
    ];
    const bytes = Buffer.concat(scales.map(([bits]) => block(bits, numbers)));
    const expected = scales.flatMap(([, scale]) => numbers.map((number) => scale * number));
    assert.deepEqual([...decodeQ8_0(bytes)], expected);
  });

  it('is exact, wherever the bytes are in their buffer', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 30 }),
        fc.nat(1023),
        fc.array(fc.integer({ min: -128, max: 127 }), { minLength: 32, maxLength: 32 }),
        fc.nat(3),
        (exponent, fraction, values, shift) => {
          const scale = (1 + fraction / 1024) * 2 ** (exponent - 15);
          const buffer = new Uint8Array(Q8_0_BYTES + shift);
          buffer.set(block((exponent << 10) | fraction, values), shift);
          assert.deepEqual(
            [...decodeQ8_0(buffer.subarray(shift))],
            values.map((value) => scale * value),
          );
        },
      ),
    );
  });

  it('accepts whole blocks only', () => {
    assert.equal(decodeQ8_0(new Uint8Array(0)).length, 0);
    assert.throws(() => decodeQ8_0(new Uint8Array(35)), RangeError);
  });

  it('passes infinite scales on, so that the check of the weights finds them', () => {
    assert.ok(
      decodeQ8_0(block(0x7c00, [1]))
        .subarray(0, 1)
        .every((value) => value === Number.POSITIVE_INFINITY),
    );
  });
});
