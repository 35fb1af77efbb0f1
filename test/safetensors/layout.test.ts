import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { dtypeBits, isFactorDtype } from '../../src/safetensors/dtype.ts';
import { parseHeader } from '../../src/safetensors/header.ts';
import { layOut, type TensorSpec } from '../../src/safetensors/layout.ts';
import fc from '../fast-check.ts';

const WHOLE_BYTE_DTYPES = [
  'BOOL',
  'U8',
  'F8_E4M3',
  'I16',
  'F16',
  'BF16',
  'I32',
  'F32',
  'F64',
  'I64',
  'C64',
] as const;

const spec: fc.Arbitrary<TensorSpec> = fc.record({
  name: fc
    .string({ minLength: 1, maxLength: 30, unit: 'grapheme' })
    .filter((name) => !/[\\/:\p{Cc}]|__proto__|^constructor$|^prototype$|\.\./u.test(name)),
  dtype: fc.constantFrom(...WHOLE_BYTE_DTYPES),
  shape: fc.array(fc.nat(6), { maxLength: 4 }),
});
const specs = fc.uniqueArray(spec, { maxLength: 20, selector: ({ name }) => name });
const metadata = fc
  .uniqueArray(fc.tuple(fc.stringMatching(/^[a-z0-9]{1,6}$/), fc.string({ unit: 'grapheme' })), {
    maxLength: 5,
    selector: ([key]) => key,
  })
  .map((entries) => new Map(entries));

function parse(layout: ReturnType<typeof layOut>): ReturnType<typeof parseHeader> {
  return parseHeader(layout.headerBytes.subarray(8), layout.totalBytes);
}

describe('layOut', () => {
  it('can be read again unchanged', () => {
    fc.assert(
      fc.property(specs, metadata, (tensors, meta) => {
        const layout = layOut(tensors, meta);
        const header = parse(layout);
        const read = new Map(header.tensors.map((tensor) => [tensor.name, tensor]));
        assert.equal(read.size, tensors.length);
        for (const [index, { name, dtype, shape }] of tensors.entries()) {
          const found = read.get(name)!;
          assert.deepEqual([found.dtype, found.shape], [dtype, shape]);
          assert.equal(found.beginByte, layout.offsets[index]);
        }
        assert.deepEqual([...header.metadata], [...meta]);
      }),
      { numRuns: 1000 },
    );
  });

  it('aligns the data and every tensor', () => {
    fc.assert(
      fc.property(specs, metadata, (tensors, meta) => {
        const { headerBytes, offsets } = layOut(tensors, meta);
        assert.equal(headerBytes.length % 8, 0);
        for (const [index, { dtype }] of tensors.entries()) {
          assert.equal(offsets[index]! % (dtypeBits(dtype)! / 8), 0, `${dtype} at ${offsets[index]}`);
        }
      }),
    );
  });

  it('keeps the given order among tensors with the same element size', () => {
    const tensors = ['c', 'a', 'b'].map((name) => ({ name, dtype: 'F16', shape: [3] }));
    const { offsets, headerBytes } = layOut(tensors, new Map());
    assert.deepEqual(
      offsets.map((offset) => offset - headerBytes.length),
      [0, 6, 12],
    );
  });

  it('puts larger elements first', () => {
    const tensors = [
      { name: 'bytes', dtype: 'U8', shape: [3] },
      { name: 'halves', dtype: 'BF16', shape: [1] },
      { name: 'floats', dtype: 'F32', shape: [1] },
    ];
    const { offsets, headerBytes, totalBytes } = layOut(tensors, new Map());
    assert.deepEqual(
      offsets.map((offset) => offset - headerBytes.length),
      [6, 4, 0],
    );
    assert.equal(totalBytes, headerBytes.length + 9);
  });

  it('writes the bytes that the format requires', () => {
    const { headerBytes } = layOut([{ name: 'w', dtype: 'F32', shape: [2] }], new Map([['format', 'pt']]));
    const json = '{"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}';
    const padded = json.padEnd(Math.ceil(json.length / 8) * 8, ' ');
    assert.deepEqual([...headerBytes.subarray(0, 8)], [padded.length, 0, 0, 0, 0, 0, 0, 0]);
    assert.equal(Buffer.from(headerBytes.subarray(8)).toString(), padded);
  });

  it('keeps the order of metadata whose keys look like integers', () => {
    const meta = new Map([
      ['10', 'x'],
      ['2', 'y'],
      ['a', 'z'],
    ]);
    assert.deepEqual([...parse(layOut([], meta)).metadata.keys()], ['10', '2', 'a']);
  });

  it('refuses invalid calls', () => {
    assert.throws(() => layOut([{ name: 'x', dtype: 'F31', shape: [1] }], new Map()), RangeError);
    assert.throws(() => layOut([{ name: 'x', dtype: 'F4', shape: [3] }], new Map()), RangeError);
    assert.throws(
      () => layOut([{ name: 'x', dtype: 'F32', shape: [2 ** 40, 2 ** 40] }], new Map()),
      RangeError,
    );
  });
});

describe('dtypes', () => {
  it('include those of the format and nothing that objects inherit', () => {
    assert.equal(dtypeBits('BF16'), 16);
    assert.equal(dtypeBits('F6_E3M2'), 6);
    for (const name of ['bf16', 'F128', 'constructor', '__proto__', 'toString'])
      assert.equal(dtypeBits(name), undefined);
  });

  it('include three with which the service computes', () => {
    assert.deepEqual(['F32', 'F16', 'BF16', 'F64', 'I8', 'F8_E4M3'].filter(isFactorDtype), [
      'F32',
      'F16',
      'BF16',
    ]);
  });
});
