import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { alphaOfScale, decodeScalar, encodeScalar } from '../../../src/formats/kohya/scalar.ts';
import fc from '../../fast-check.ts';
import { refusal } from '../peft/build.ts';

const entry = (dtype: string, shape: readonly number[] = []) => ({
  name: 'm.alpha',
  dtype,
  shape,
  beginByte: 0,
  endByte: 0,
});
const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'));

describe('alphas as tensors', () => {
  /** Little-endian, derived by hand from IEEE 754 and two's complement. */
  const KNOWN: readonly (readonly [dtype: string, hex: string, value: number])[] = [
    ['F64', '0000000000003040', 16],
    ['F32', '00008041', 16],
    ['F16', '004c', 16],
    ['F16', '0100', 2 ** -24],
    ['BF16', '8041', 16],
    ['BF16', 'c0bf', -1.5],
    ['I64', '1000000000000000', 16],
    ['I64', 'feffffffffffffff', -2],
    ['I32', 'ffffffff', -1],
    ['U16', 'ffff', 65535],
    ['I8', '80', -128],
    ['U8', '80', 128],
  ];
  for (const [dtype, hex, value] of KNOWN) {
    it(`${dtype} ${hex} is ${value}, in both directions`, () => {
      assert.equal(decodeScalar(entry(dtype), bytes(hex)), value);
      const written = encodeScalar(value, dtype);
      assert.deepEqual([written.dtype, Buffer.from(written.bytes).toString('hex')], [dtype, hex]);
    });
  }

  it('are float32 if the dtype does not represent the number', () => {
    for (const [value, dtype] of [
      [2.5, 'I64'],
      [300, 'U8'],
      [-1, 'U64'],
      [1 / 3, 'BF16'],
      [100_000, 'F16'],
      [2 ** -25, 'F16'],
      [257, 'BF16'],
      [4, 'F8_E4M3'],
    ] as const) {
      const written = encodeScalar(value, dtype);
      assert.equal(written.dtype, 'F32');
      assert.equal(decodeScalar(entry('F32'), written.bytes), Math.fround(value));
    }
  });

  it('are restored unchanged, in any dtype', () => {
    const dtypes = fc.constantFrom(
      'F64',
      'F32',
      'F16',
      'BF16',
      'I64',
      'I32',
      'I16',
      'I8',
      'U8',
      'U16',
      'U32',
      'U64',
    );
    const values = fc.oneof(fc.integer(), fc.float({ noNaN: true, noDefaultInfinity: true }));
    fc.assert(
      fc.property(dtypes, values, (wanted, value) => {
        const { dtype, bytes: written } = encodeScalar(value, wanted);
        const again = decodeScalar(entry(dtype), written);
        assert.ok(again === value || (dtype === 'F32' && again === Math.fround(value)));
        assert.deepEqual(encodeScalar(again, dtype), { dtype, value: again, bytes: written });
      }),
    );
  });

  it('are refused unless they are one finite number', () => {
    assert.equal(refusal(() => decodeScalar(entry('F32', [2]), new Uint8Array(8))).code, 'LORA_RANK_DIMS');
    assert.equal(refusal(() => decodeScalar(entry('F32', [1, 1]), new Uint8Array(4))).code, 'LORA_RANK_DIMS');
    assert.equal(refusal(() => decodeScalar(entry('F32', [0]), new Uint8Array(0))).code, 'LORA_RANK_DIMS');
    assert.equal(refusal(() => decodeScalar(entry('F16'), bytes('007c'))).code, 'NON_FINITE_WEIGHTS');
    const odd = refusal(() => decodeScalar(entry('F8_E8M0'), bytes('38')));
    assert.equal(odd.code, 'UNSUPPORTED_DTYPE');
    assert.match(odd.message, /"m\.alpha".*F8_E8M0/);
  });

  it('are read as 8-bit floats, which occur in files that were cast as a whole', () => {
    assert.equal(decodeScalar(entry('F8_E4M3'), bytes('50')), 8);
    assert.equal(decodeScalar(entry('F8_E5M2'), bytes('48')), 8);
  });

  it('alpha / rank · rank gives alpha again, for whole numbers and float32', () => {
    const alphas = fc.oneof(
      fc.integer({ min: -4096, max: 4096 }),
      fc.float({ min: -1e6, max: 1e6, noNaN: true }),
    );
    fc.assert(
      fc.property(alphas, fc.integer({ min: 1, max: 4096 }), (alpha, rank) => {
        assert.ok(Object.is(alphaOfScale(alpha / rank, rank) + 0, alpha + 0));
      }),
      { numRuns: 2000 },
    );
    assert.equal(alphaOfScale(1 / 49, 49), 1);
  });
});
