import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AppError } from '../../src/errors/app-error.ts';
import { checkCoverage, endOfData, parseHeader } from '../../src/safetensors/header.ts';
import { MAX_DIMENSIONS, MAX_NAME_BYTES, MAX_TENSORS } from '../../src/safetensors/limits.ts';

type Entry = { dtype: unknown; shape: unknown; data_offsets: unknown };
const entry = (dtype: unknown, shape: unknown, data_offsets: unknown): Entry => ({
  dtype,
  shape,
  data_offsets,
});
const bytesOf = (header: unknown): Uint8Array =>
  Buffer.from(typeof header === 'string' ? header : JSON.stringify(header), 'utf8');

function errorOf(header: unknown, totalBytes?: number): AppError {
  try {
    parseHeader(bytesOf(header), totalBytes);
  } catch (error) {
    assert.ok(error instanceof AppError, String(error));
    return error;
  }
  assert.fail(`accepted ${JSON.stringify(header).slice(0, 100)}`);
}

describe('parseHeader', () => {
  it('returns absolute offsets in the order of the bytes', () => {
    const json = bytesOf({
      late: entry('F32', [2, 2], [6, 22]),
      early: entry('BF16', [3], [0, 6]),
      __metadata__: { format: 'pt', 10: 'x' },
    });
    const header = parseHeader(json, json.length + 8 + 22);
    const base = 8 + json.length;
    assert.equal(header.dataBegin, base);
    assert.deepEqual(header.tensors, [
      { name: 'early', dtype: 'BF16', shape: [3], beginByte: base, endByte: base + 6 },
      { name: 'late', dtype: 'F32', shape: [2, 2], beginByte: base + 6, endByte: base + 22 },
    ]);
    assert.deepEqual([...header.metadata].sort(), [
      ['10', 'x'],
      ['format', 'pt'],
    ]);
    assert.equal(endOfData(header), base + 22);
  });

  it('accepts what the format allows: no tensors, scalars, empty tensors, padding', () => {
    assert.equal(parseHeader(bytesOf('{}      ')).tensors.length, 0);
    const odd = { scalar: entry('F32', [], [0, 4]), empty: entry('F32', [0, 1099511627776], [4, 4]) };
    assert.deepEqual(
      parseHeader(bytesOf(odd)).tensors.map(({ shape }) => shape),
      [[], [0, 1099511627776]],
    );
  });

  it('accepts sub-byte dtypes that fill whole bytes', () => {
    assert.equal(parseHeader(bytesOf({ a: entry('F4', [4], [0, 2]) })).tensors[0]!.dtype, 'F4');
    assert.equal(errorOf({ a: entry('F4', [3], [0, 2]) }).code, 'ST_MISALIGNED');
  });

  it('ignores fields that a later version of the format may add', () => {
    assert.equal(parseHeader(bytesOf({ a: { ...entry('U8', [1], [0, 1]), later: 'x' } })).tensors.length, 1);
  });

  const refusals: readonly (readonly [why: string, header: unknown, code: string])[] = [
    ['a list', [], 'ST_HEADER_JSON'],
    ['a tensor that is a number', { a: 1 }, 'ST_HEADER_JSON'],
    ['a missing shape', { a: { dtype: 'U8', data_offsets: [0, 1] } }, 'ST_HEADER_JSON'],
    ['a negative dimension', { a: entry('U8', [-1], [0, 1]) }, 'ST_HEADER_JSON'],
    ['a boolean dimension', { a: entry('U8', [true], [0, 1]) }, 'ST_HEADER_JSON'],
    ['a nested dimension', { a: entry('U8', [[1]], [0, 1]) }, 'ST_HEADER_JSON'],
    ['an object as shape', { a: entry('U8', { 0: 1, length: 1 }, [0, 1]) }, 'ST_HEADER_JSON'],
    ['a fraction as offset', '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1.0]}}', 'ST_HEADER_JSON'],
    ['minus zero', '{"a":{"dtype":"U8","shape":[1],"data_offsets":[-0,1]}}', 'ST_HEADER_JSON'],
    ['a negative offset', { a: entry('U8', [1], [-1, 0]) }, 'ST_INVALID_OFFSET'],
    ['an end before the begin', { a: entry('U8', [0], [1, 0]) }, 'ST_INVALID_OFFSET'],
    ['data that starts late', { a: entry('U8', [1], [1, 2]) }, 'ST_INVALID_OFFSET'],
    ['a hole', { a: entry('U8', [1], [0, 1]), b: entry('U8', [1], [2, 3]) }, 'ST_INVALID_OFFSET'],
    ['an overlap', { a: entry('U8', [2], [0, 2]), b: entry('U8', [2], [1, 3]) }, 'ST_INVALID_OFFSET'],
    [
      'the same bytes twice',
      { a: entry('U8', [2], [0, 2]), b: entry('U8', [2], [0, 2]) },
      'ST_INVALID_OFFSET',
    ],
    ['a size that differs', { a: entry('F32', [2], [0, 4]) }, 'ST_TENSOR_INVALID_INFO'],
    [
      'an overflow on the way to zero',
      `{"a":{"dtype":"U8","shape":[${2 ** 52},${2 ** 52},0],"data_offsets":[0,0]}}`,
      'ST_VALIDATION_OVERFLOW',
    ],
    [
      'a dimension no double holds beside a zero',
      '{"a":{"dtype":"U8","shape":[0,9007199254740993],"data_offsets":[0,0]}}',
      'ST_VALIDATION_OVERFLOW',
    ],
    ['a dtype from the prototype', { a: entry('toString', [1], [0, 1]) }, 'ST_UNKNOWN_DTYPE'],
    ['metadata that is no map', { __metadata__: 'x' }, 'ST_METADATA'],
    ['metadata with null', { __metadata__: { a: null } }, 'ST_METADATA'],
    ['metadata with a fraction', '{"__metadata__":{"a":1.5}}', 'ST_METADATA'],
    ['metadata with __proto__', '{"__metadata__":{"__proto__":"x"}}', 'ST_METADATA'],
    ['an empty name', { '': entry('U8', [1], [0, 1]) }, 'ST_TENSOR_NAME'],
    ['a line break in a name', { 'a\nb': entry('U8', [1], [0, 1]) }, 'ST_TENSOR_NAME'],
    ['an absolute path as name', { '/etc/passwd': entry('U8', [1], [0, 1]) }, 'ST_TENSOR_NAME'],
    ['a climbing name', { 'a/../b': entry('U8', [1], [0, 1]) }, 'ST_TENSOR_NAME'],
    ['a drive as name', { 'C:\\x': entry('U8', [1], [0, 1]) }, 'ST_TENSOR_NAME'],
    ['__proto__ in a path', { 'a.__proto__.b': entry('U8', [1], [0, 1]) }, 'ST_TENSOR_NAME'],
    [
      'a name over the limit',
      { ['é'.repeat(MAX_NAME_BYTES / 2 + 1)]: entry('U8', [1], [0, 1]) },
      'ST_TENSOR_NAME',
    ],
    [
      'too many dimensions',
      { a: entry('U8', new Array(MAX_DIMENSIONS + 1).fill(1), [0, 1]) },
      'LORA_RANK_DIMS',
    ],
  ];
  for (const [why, header, code] of refusals) {
    it(`refuses ${why}`, () => assert.equal(errorOf(header).code, code));
  }

  it('accepts values at the limits', () => {
    const name = 'é'.repeat(MAX_NAME_BYTES / 2);
    const header = parseHeader(bytesOf({ [name]: entry('U8', new Array(MAX_DIMENSIONS).fill(1), [0, 1]) }));
    assert.equal(header.tensors[0]!.name, name);
  });

  it('names the tensor and the values', () => {
    const { message, context } = errorOf({ 'model.q': entry('F32', [3, 2], [0, 20]) });
    assert.match(message, /"model\.q".*\[3,2\] of F32 takes 24 bytes, not 20/);
    assert.equal(context.tensor, 'model.q');
  });

  it('keeps messages short however long the input', () => {
    const long = 'x'.repeat(1_000_000);
    for (const header of [
      { a: entry(long, [1], [0, 1]) },
      { [long]: 1 },
      { __metadata__: { [long]: 1 } },
      `{"${long}":1,"${long}":1}`,
    ]) {
      const { message, context } = errorOf(header);
      assert.ok(message.length < 1000 && JSON.stringify(context).length < 1000, message.slice(0, 200));
    }
  });

  it('accepts as many tensors as allowed and refuses one more', () => {
    const tensors = (count: number): Record<string, Entry> =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`t${i}`, entry('U8', [1], [i, i + 1])]));
    assert.equal(
      parseHeader(bytesOf({ ...tensors(MAX_TENSORS), __metadata__: {} })).tensors.length,
      MAX_TENSORS,
    );
    assert.equal(errorOf(tensors(MAX_TENSORS + 1)).code, 'ST_TOO_MANY_TENSORS');
  });
});

describe('checkCoverage', () => {
  const json = bytesOf({ a: entry('U8', [5], [0, 5]) });
  const totalBytes = 8 + json.length + 5;

  it('accepts the exact size only', () => {
    const header = parseHeader(json);
    checkCoverage(header, totalBytes);
    for (const [bytes, what] of [
      [totalBytes - 2, /2 bytes are missing/],
      [totalBytes + 3, /3 bytes follow/],
    ] as const) {
      assert.throws(
        () => checkCoverage(header, bytes),
        (error) =>
          error instanceof AppError && error.code === 'ST_BUFFER_NOT_COVERED' && what.test(error.message),
      );
    }
  });

  it('is part of parseHeader if the size is given', () => {
    assert.equal(errorOf({ a: entry('U8', [5], [0, 5]) }, totalBytes + 1).code, 'ST_BUFFER_NOT_COVERED');
  });
});
