import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { AppError } from '../../src/errors/app-error.ts';
import { GgufValidator, readGgufHeader } from '../../src/gguf/gguf-validator.ts';
import type { GgufHeader } from '../../src/gguf/header.ts';
import fc from '../fast-check.ts';
import { buildGguf, type GgufParts, type KeyValue, TYPE, u64 } from './gguf-file.ts';

type Verdict = GgufHeader | { readonly code: string; readonly message: string };

/** Pushes the file in chunks of the given sizes, cyclically; each chunk is overwritten after its push. */
function verdictOf(file: Uint8Array, sizes: readonly number[] = [file.length]): Verdict {
  const validator = new GgufValidator();
  // Not a Buffer, whose slices share its bytes.
  const own = Uint8Array.from(file);
  try {
    for (let at = 0, turn = 0; at < own.length; turn += 1) {
      const chunk = own.slice(at, at + sizes[turn % sizes.length]!);
      validator.push(chunk);
      at += chunk.length;
      chunk.fill(0x58);
    }
    return validator.finish(file.length);
  } catch (error) {
    assert.ok(error instanceof AppError, String(error));
    assert.ok(!error.retryable && error.kind.status < 500 && error.message.length < 1500);
    return { code: error.code, message: error.message };
  }
}

const codeOf = (file: Uint8Array): string => {
  const verdict = verdictOf(file);
  return 'code' in verdict ? verdict.code : 'accepted';
};

const tensors = [
  { name: 'blk.0.attn_q.weight.lora_a', ne: [5, 3], type: 'F32' },
  { name: 'blk.0.attn_q.weight.lora_b', ne: [3, 7], type: 'BF16' },
  { name: 'blk.0.ffn_up.weight.lora_a', ne: [64, 2], type: 'Q8_0' },
] as const;
const keyValues: readonly KeyValue[] = [
  ['general.architecture', TYPE.str, 'llama'],
  ['a.u8', TYPE.u8, 255],
  ['a.i8', TYPE.i8, -128],
  ['a.u16', TYPE.u16, 65535],
  ['a.i16', TYPE.i16, -2],
  ['a.u32', TYPE.u32, 4294967295],
  ['a.i32', TYPE.i32, -5],
  ['a.f32', TYPE.f32, 0.5],
  ['a.bool', TYPE.bool, true],
  ['a.u64', TYPE.u64, 2n ** 64n - 1n],
  ['a.i64', TYPE.i64, -(2n ** 63n)],
  ['a.f64', TYPE.f64, Math.PI],
  ['a.tokens', TYPE.arr, { type: TYPE.u32, values: [1, 2, 3] }],
  ['a.words', TYPE.arr, { type: TYPE.str, values: ['', 'ä', '漢'] }],
  ['a.none', TYPE.arr, { type: TYPE.f32, values: [] }],
];
const good = buildGguf({ keyValues, tensors });

describe('GgufValidator', () => {
  it('returns the header of a valid file, also of version 2', () => {
    for (const version of [2, 3]) {
      const header = verdictOf(buildGguf({ version, keyValues, tensors }));
      assert.ok(!('code' in header), JSON.stringify(header));
      assert.deepEqual(
        header.tensors.map(({ name, dtype, shape, beginByte, endByte }) => [
          name,
          dtype,
          shape,
          beginByte - header.dataBegin,
          endByte - header.dataBegin,
        ]),
        [
          ['blk.0.attn_q.weight.lora_a', 'F32', [3, 5], 0, 60],
          ['blk.0.attn_q.weight.lora_b', 'BF16', [7, 3], 64, 106],
          ['blk.0.ffn_up.weight.lora_a', 'Q8_0', [2, 64], 128, 264],
        ],
      );
      assert.equal(header.dataBegin % 32, 0);
      for (const [key, type, value] of keyValues)
        assert.deepEqual(header.keyValues.get(key), { type, value });
    }
  });

  it('judges alike however the file is split', () => {
    const bad = Buffer.from(good);
    bad.writeUInt32LE(9, 4);
    const files = [
      good,
      bad,
      good.subarray(0, 100),
      good.subarray(0, -40),
      Buffer.concat([good, Buffer.alloc(1)]),
    ];
    const whole = files.map((file) => verdictOf(file));
    assert.equal(new Set(whole.map((one) => ('code' in one ? one.code + one.message : 'header'))).size, 5);
    const cuts = fc.array(fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 300 })), {
      minLength: 1,
      maxLength: 5,
    });
    fc.assert(
      fc.property(fc.nat(files.length - 1), cuts, (index, sizes) => {
        assert.deepEqual(verdictOf(files[index]!, sizes), whole[index]);
      }),
      { numRuns: 300 },
    );
  });

  it('accepts a last tensor with and without padding, and not a byte more or less', () => {
    const unpadded = buildGguf({ tensors: tensors.slice(0, 1), lies: { padsEnd: false } });
    assert.equal(codeOf(unpadded), 'accepted');
    assert.equal(codeOf(Buffer.concat([unpadded, Buffer.alloc(4)])), 'accepted');
    assert.equal(codeOf(Buffer.concat([unpadded, Buffer.alloc(5)])), 'GGUF_NOT_COVERED');
    assert.equal(codeOf(unpadded.subarray(0, -1)), 'GGUF_NOT_COVERED');
    assert.equal(codeOf(buildGguf({})), 'accepted');
  });

  it('never crashes, for any changed byte and any length', () => {
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length), (at, byte, length) => {
        const file = Buffer.from(good.subarray(0, Math.max(length, 1)));
        if (at < file.length) file[at] = byte;
        verdictOf(file);
      }),
      { numRuns: 1500 },
    );
  });

  it('refuses every truncation', () => {
    for (let length = 0; length < good.length - 31; length++)
      assert.match(codeOf(good.subarray(0, length)), /^GGUF_(?:TRUNCATED|NOT_COVERED)$/);
  });

  const one = { name: 'x', ne: [8], type: 'F32' } as const;
  const huge = 2n ** 40n;
  const cases: readonly (readonly [what: string, parts: GgufParts, code: string, message: RegExp])[] = [
    ['version 1', { version: 1 }, 'GGUF_VERSION', /version 1, but/],
    ['version 4', { version: 4 }, 'GGUF_VERSION', /version 4, but/],
    ['big-endian', { version: 0x03000000 }, 'GGUF_VERSION', /big-endian/],
    [
      'a huge count of tensors',
      { lies: { tensorCount: huge } },
      'GGUF_HEADER_TOO_LARGE',
      /number of tensors is 1099511627776, but may be at most 65536/,
    ],
    [
      'a huge count of keys',
      { lies: { keyCount: 2n ** 64n - 1n } },
      'GGUF_HEADER_TOO_LARGE',
      /number of keys is 18446744073709551615/,
    ],
    ['an empty key', { keyValues: [['', TYPE.u8, 1]] }, 'GGUF_KEY_VALUE', /key 0 is empty/],
    [
      'a key twice',
      {
        keyValues: [
          ['k.k', TYPE.u8, 1],
          ['k.k', TYPE.u8, 1],
        ],
      },
      'GGUF_DUPLICATE',
      /key "k\.k"/,
    ],
    ['an unknown type', { keyValues: [['k.k', 13, 1]] }, 'GGUF_KEY_VALUE', /"k\.k" has the unknown type 13/],
    ['a boolean of 2', { keyValues: [['k.k', TYPE.bool, 2]] }, 'GGUF_KEY_VALUE', /neither 0 nor 1/],
    [
      'an array in an array',
      { keyValues: [['k.k', TYPE.arr, { type: TYPE.arr, values: [{ type: TYPE.u8, values: [] }] }]] },
      'GGUF_KEY_VALUE',
      /array of arrays/,
    ],
    [
      'an alignment of 0',
      { keyValues: [['general.alignment', TYPE.u32, 0]] },
      'GGUF_ALIGNMENT',
      /power of two/,
    ],
    [
      'an alignment of 48',
      { keyValues: [['general.alignment', TYPE.u32, 48]] },
      'GGUF_ALIGNMENT',
      /power of two/,
    ],
    [
      'an alignment of 2^31',
      { keyValues: [['general.alignment', TYPE.u32, 2 ** 31]] },
      'GGUF_ALIGNMENT',
      /65536/,
    ],
    [
      'an alignment as a string',
      { keyValues: [['general.alignment', TYPE.str, '32']] },
      'GGUF_ALIGNMENT',
      /uint32/,
    ],
    ['a tensor twice', { tensors: [one, one] }, 'GGUF_DUPLICATE', /tensor "x"/],
    ['a tensor without a name', { tensors: [{ ...one, name: '' }] }, 'GGUF_TENSOR_NAME', /empty/],
    [
      'a name of 64 bytes',
      { tensors: [{ ...one, name: 'x'.repeat(64) }] },
      'GGUF_TENSOR_NAME',
      /64 bytes, but may have at most 63/,
    ],
    ['a name that leads out', { tensors: [{ ...one, name: '../x' }] }, 'GGUF_TENSOR_NAME', /an unsafe path/],
    [
      'a name with a line break',
      { tensors: [{ ...one, name: 'a\nb' }] },
      'GGUF_TENSOR_NAME',
      /"a\\nb".*control/,
    ],
    [
      'five dimensions',
      { tensors: [{ ...one, ne: [1, 1, 1, 1, 1] }] },
      'GGUF_TENSOR_SHAPE',
      /5 dimensions, but may have at most 4/,
    ],
    ['an unknown ggml_type', { tensors: [one], lies: { typeIds: [4] } }, 'GGUF_TENSOR_TYPE', /type 4/],
    [
      'a row that is no block',
      { tensors: [{ ...one, ne: [33], type: 'Q8_0' }] },
      'GGUF_TENSOR_SHAPE',
      /33 elements.*32/,
    ],
    [
      'an overflow',
      { tensors: [{ ...one, ne: [2n ** 32n, 2n ** 32n], bytes: new Uint8Array(0) }] },
      'GGUF_TENSOR_SHAPE',
      /exceeds 2\^53/,
    ],
    [
      'an overflow that a zero hides',
      { tensors: [{ ...one, ne: [2n ** 63n, 2n ** 63n, 0], bytes: new Uint8Array(0) }] },
      'GGUF_TENSOR_SHAPE',
      /exceeds 2\^53/,
    ],
    [
      'an overlap',
      { tensors: [one, { ...one, name: 'y' }], lies: { offsets: [0n, 0n] } },
      'GGUF_OFFSET',
      /"y" begins at byte 0.*at byte 32/,
    ],
    [
      'a hole',
      { tensors: [one, { ...one, name: 'y' }], lies: { offsets: [0n, 64n] } },
      'GGUF_OFFSET',
      /"y" begins at byte 64/,
    ],
    [
      'an offset that is not aligned',
      { tensors: [one], lies: { offsets: [4n] } },
      'GGUF_OFFSET',
      /"x" begins at byte 4/,
    ],
    [
      'an offset beyond any file',
      { tensors: [one], lies: { offsets: [2n ** 63n] } },
      'GGUF_OFFSET',
      /9223372036854775808/,
    ],
    [
      'data that is not there',
      { tensors: [{ ...one, ne: [2 ** 40], bytes: new Uint8Array(32) }] },
      'GGUF_NOT_COVERED',
      /\d+ bytes are missing at its end/,
    ],
  ];
  for (const [what, parts, code, message] of cases) {
    it(`refuses ${what}`, () => {
      const verdict = verdictOf(buildGguf(parts));
      assert.ok('code' in verdict, 'accepted');
      assert.equal(verdict.code, code, verdict.message);
      assert.match(verdict.message, message);
    });
  }

  it('refuses long strings and arrays by their announced length, before they arrive', () => {
    const begin = buildGguf({ lies: { keyCount: 1n } });
    const key = Buffer.concat([u64(3), Buffer.from('k.k')]);
    const u32 = (value: number): Buffer => u64(value).subarray(0, 4);
    const announcing = (...parts: Buffer[]): string => codeOf(Buffer.concat([begin, ...parts]));
    assert.equal(announcing(u64(70_000)), 'GGUF_HEADER_TOO_LARGE');
    assert.equal(announcing(key, u32(TYPE.str), u64(2 ** 30)), 'GGUF_HEADER_TOO_LARGE');
    assert.equal(announcing(key, u32(TYPE.arr), u32(TYPE.u8), u64(2 ** 40)), 'GGUF_HEADER_TOO_LARGE');
    assert.equal(announcing(key, u32(TYPE.str), u64(1000)), 'GGUF_TRUNCATED');
    assert.equal(announcing(key, u32(TYPE.str), u64(2), Buffer.from([0xc3, 0x28])), 'GGUF_KEY_VALUE');
  });

  it('limits the elements of all arrays together, and the bytes of the header', () => {
    const list = (values: Value[], type: number): KeyValue[2] => ({ type, values });
    type Value = number | string;
    const half = list(new Array(600_000).fill(7), TYPE.u8);
    const many = buildGguf({
      keyValues: [
        ['k.a', TYPE.arr, half],
        ['k.b', TYPE.arr, half],
      ],
    });
    assert.equal(codeOf(many), 'GGUF_HEADER_TOO_LARGE');
    const long = 'x'.repeat(1_000_000);
    const large = Array.from({ length: 18 }, (_, i): KeyValue => [`k.${i}`, TYPE.str, long]);
    assert.equal(codeOf(buildGguf({ keyValues: large.slice(0, 16) })), 'accepted');
    assert.equal(codeOf(buildGguf({ keyValues: large })), 'GGUF_HEADER_TOO_LARGE');
  });

  it('refuses a bad header at its last byte, and extra bytes at the first one', () => {
    const validator = new GgufValidator();
    validator.push(good);
    assert.throws(() => validator.push(Buffer.alloc(200)), { code: 'GGUF_NOT_COVERED' });
    assert.equal(codeOf(Buffer.from('GGUX'.padEnd(64, 'x'))), 'UNSUPPORTED_FORMAT');
  });
});

describe('readGgufHeader', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gguf-'));
  });
  after(() => rm(folder, { recursive: true }));

  it('reads the same as the validator, and does not recognise other files', async () => {
    const path = join(folder, 'adapter.gguf');
    await writeFile(path, good);
    assert.deepEqual(await readGgufHeader(path), verdictOf(good));
    const words = Array.from({ length: 9000 }, (_, i) => `word ${i}`);
    const long = buildGguf({
      keyValues: [['k.words', TYPE.arr, { type: TYPE.str, values: words }]],
      tensors,
    });
    assert.ok(long.length > 2 * 64 * 1024);
    await writeFile(path, long);
    assert.deepEqual(await readGgufHeader(path), verdictOf(long));
    for (const other of ['', 'GG', '{"a": 1}']) {
      await writeFile(path, other);
      assert.equal(await readGgufHeader(path), null);
    }
    await writeFile(path, good.subarray(0, 50));
    await assert.rejects(readGgufHeader(path), { code: 'GGUF_TRUNCATED' });
  });
});
