import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeUnits, type EncodedDtype, isEncodedDtype } from '../../src/core/encodings.ts';
import { decode } from '../../src/core/half.ts';
import fc from '../fast-check.ts';

const BYTES = Uint8Array.from({ length: 256 }, (_, byte) => byte);

describe('8-bit floats', () => {
  // The largest number, 1, −1, the smallest normal and subnormal number, and a code that is not a number (OCP
  // 8-bit floating point specification, and arXiv 2206.02915 for FNUZ).
  const known: Readonly<Record<string, readonly (readonly [byte: number, value: number])[]>> = {
    F8_E4M3: [
      [0x7e, 448],
      [0x38, 1],
      [0xb8, -1],
      [0x08, 2 ** -6],
      [0x01, 2 ** -9],
      [0x80, -0],
      [0x7f, Number.NaN],
      [0xff, Number.NaN],
    ],
    F8_E5M2: [
      [0x7b, 57_344],
      [0x3c, 1],
      [0xbc, -1],
      [0x04, 2 ** -14],
      [0x01, 2 ** -16],
      [0x7c, Number.POSITIVE_INFINITY],
      [0xfc, Number.NEGATIVE_INFINITY],
      [0x7d, Number.NaN],
    ],
    F8_E4M3FNUZ: [
      [0x7f, 240],
      [0x40, 1],
      [0xc0, -1],
      [0x08, 2 ** -7],
      [0x01, 2 ** -10],
      [0x80, Number.NaN],
    ],
    F8_E5M2FNUZ: [
      [0x7f, 57_344],
      [0x40, 1],
      [0xc0, -1],
      [0x04, 2 ** -15],
      [0x01, 2 ** -17],
      [0x80, Number.NaN],
    ],
  };
  for (const [dtype, pairs] of Object.entries(known)) {
    it(`of ${dtype} have the values of the specification`, () => {
      assert.ok(isEncodedDtype(dtype));
      const numbers = decodeUnits(
        dtype,
        Uint8Array.from(pairs, ([byte]) => byte),
      );
      assert.deepEqual(
        [...numbers],
        pairs.map(([, value]) => value),
      );
    });
  }

  it('of F8_E5M2 are the upper halves of float16 numbers', () => {
    const numbers = new Float32Array(256);
    decode('F16', new Uint8Array(Uint16Array.from(BYTES, (byte) => byte << 8).buffer), numbers);
    assert.deepEqual(decodeUnits('F8_E5M2', BYTES), numbers);
  });
});

describe('float64', () => {
  it('is rounded to the nearest float32, wherever its bytes are in a buffer', () => {
    fc.assert(
      fc.property(fc.array(fc.double()), fc.nat(7), (values, shift) => {
        const bytes = new Uint8Array(8 * values.length + shift);
        bytes.set(new Uint8Array(Float64Array.from(values).buffer), shift);
        assert.deepEqual([...decodeUnits('F64', bytes.subarray(shift))], values.map(Math.fround));
      }),
    );
  });

  it('beyond float32 becomes infinite, so that the check of the weights finds it', () => {
    assert.deepEqual(
      [...decodeUnits('F64', new Uint8Array(Float64Array.of(1e300).buffer))],
      [Number.POSITIVE_INFINITY],
    );
  });

  it('accepts whole numbers only', () => {
    assert.throws(() => decodeUnits('F64', new Uint8Array(9)), RangeError);
  });
});

it('no other dtype is decoded as one of these', () => {
  const others = ['F32', 'F16', 'BF16', 'I8', 'F8_E8M0', 'constructor', 'q8_0'];
  assert.deepEqual(others.filter(isEncodedDtype), [] satisfies EncodedDtype[]);
});
