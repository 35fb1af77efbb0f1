import assert from 'node:assert/strict';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { AppError } from '../../src/errors/app-error.ts';
import type { SafetensorsHeader } from '../../src/safetensors/header.ts';
import { layOut } from '../../src/safetensors/layout.ts';
import { MAX_HEADER_BYTES } from '../../src/safetensors/limits.ts';
import { readHeader, SafetensorsValidator } from '../../src/safetensors/safetensors-validator.ts';
import fc from '../fast-check.ts';
import { fileOf, fileOfTensors } from './file-bytes.ts';

const ATTACKS = new URL('../fixtures/attacks/', import.meta.url);

/** The header, or the code of the refusal. */
type Verdict = SafetensorsHeader | string;

function codeOf(error: unknown): string {
  assert.ok(error instanceof AppError, String(error));
  return error.code;
}

/** Pushes the file in chunks of the given sizes, cyclically; each chunk is overwritten after its push. */
function verdictOf(file: Uint8Array, chunkSizes: readonly number[]): Verdict {
  const validator = new SafetensorsValidator();
  try {
    for (let at = 0, turn = 0; at < file.length; turn += 1) {
      const chunk = file.slice(at, at + chunkSizes[turn % chunkSizes.length]!);
      validator.push(chunk);
      at += chunk.length;
      chunk.fill(0x58);
    }
    return validator.finish(file.length);
  } catch (error) {
    return codeOf(error);
  }
}

function pushCode(validator: SafetensorsValidator, bytes: Uint8Array): string {
  try {
    validator.push(bytes);
  } catch (error) {
    return codeOf(error);
  }
  return 'accepted so far';
}

const good = fileOfTensors(
  [
    { name: 'a.lora_A.weight', dtype: 'F32', shape: [4, 32] },
    { name: 'a.lora_B.weight', dtype: 'BF16', shape: [16, 4] },
  ],
  new Map([['format', 'pt']]),
);

describe('SafetensorsValidator', () => {
  it('returns the header of a valid file', () => {
    const header = verdictOf(good, [good.length]);
    assert.ok(typeof header !== 'string');
    assert.deepEqual(
      header.tensors.map(({ name, endByte }) => [name, endByte]),
      [
        ['a.lora_A.weight', header.dataBegin + 512],
        ['a.lora_B.weight', header.dataBegin + 640],
      ],
    );
  });

  it('judges alike however the file is split', async () => {
    const names = [
      'safetensors/a06_len_u64max.safetensors',
      'safetensors/a03_len_zero.safetensors',
      'safetensors/a04_len_no_header.safetensors',
      'safetensors/b01_trailing_bytes.safetensors',
      'safetensors/b02_truncated_2.safetensors',
      'safetensors/e03_dup_key_escaped.safetensors',
      'formats/adapter_model_zip.bin',
      'formats/lfs_pointer.safetensors',
      'formats/tar_traversal.tar',
      'formats/zip_renamed.safetensors',
      'lora/l00_valid_f32.safetensors',
    ];
    const files = await Promise.all(
      names.map(async (name) => new Uint8Array(await readFile(new URL(name, ATTACKS)))),
    );
    files.push(Uint8Array.from(good));
    const cuts = fc.array(fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 600 })), {
      minLength: 1,
      maxLength: 5,
    });
    const whole = files.map((file) => verdictOf(file, [Math.max(1, file.length)]));
    assert.ok(
      new Set(whole.map((verdict) => JSON.stringify(verdict))).size >= 8,
      'the verdicts differ by file',
    );
    fc.assert(
      fc.property(fc.nat(files.length - 1), cuts, (index, sizes) => {
        assert.deepEqual(verdictOf(files[index]!, sizes), whole[index]);
      }),
      { numRuns: 500 },
    );
  });

  it('refuses a bad header at its last byte, before any data', () => {
    const file = fileOf({ a: { dtype: 'F32', shape: [1], data_offsets: [0, 8] } }, 1000);
    const headerBytes = file.length - 1000;
    const validator = new SafetensorsValidator();
    validator.push(file.subarray(0, headerBytes - 1));
    assert.equal(pushCode(validator, file.subarray(headerBytes - 1, headerBytes)), 'ST_TENSOR_INVALID_INFO');
  });

  it('refuses data beyond the announced end', () => {
    const validator = new SafetensorsValidator();
    validator.push(good);
    assert.equal(pushCode(validator, Uint8Array.of(0)), 'ST_BUFFER_NOT_COVERED');
  });

  it('refuses an absurd header length after at most 512 bytes', () => {
    const validator = new SafetensorsValidator();
    const bytes = new Uint8Array(512).fill(0xee);
    assert.equal(pushCode(validator, bytes.subarray(0, 511)), 'accepted so far');
    assert.equal(pushCode(validator, bytes.subarray(511)), 'ST_HEADER_TOO_LARGE');
  });

  it('says that a file is not safetensors if no JSON follows an absurd length', () => {
    const random = () => new SafetensorsValidator().push(new Uint8Array(512).fill(0xee));
    assert.throws(
      random,
      /are not a safetensors file: .* those of the weights read as 17216961135462248174\.$/,
    );
    const large = () => new SafetensorsValidator().push(fileOf(`{}${' '.repeat(MAX_HEADER_BYTES - 1)}`));
    assert.throws(
      large,
      /The header of the safetensors file has 8388609 bytes, but may have at most 8388608\.$/,
    );
  });

  it('accepts a header of exactly the limit, and not a byte more', () => {
    const atLimit = fileOf(`{}${' '.repeat(MAX_HEADER_BYTES - 2)}`);
    assert.ok(typeof verdictOf(atLimit, [65_536]) !== 'string');
    assert.equal(verdictOf(fileOf(`{}${' '.repeat(MAX_HEADER_BYTES - 1)}`), [65_536]), 'ST_HEADER_TOO_LARGE');
  });

  it('does not mistake a header of 640 bytes (80 02 …) for a pickle', () => {
    const file = fileOf(`{}${' '.repeat(638)}`);
    assert.deepEqual([...file.subarray(0, 2)], [0x80, 0x02]);
    assert.ok(typeof verdictOf(file, [100]) !== 'string');
  });

  it('reports where a truncated file ends', () => {
    for (const [bytes, code] of [
      [0, 'ST_HEADER_TOO_SMALL'],
      [7, 'ST_HEADER_TOO_SMALL'],
      [8, 'ST_HEADER_LENGTH'],
      [100, 'ST_HEADER_LENGTH'],
      [good.length - 1, 'ST_BUFFER_NOT_COVERED'],
    ] as const) {
      assert.equal(verdictOf(good.subarray(0, bytes), [64]), code, `${bytes} bytes`);
    }
  });

  it('throws AppError and nothing else, whatever the bytes', () => {
    const header = fc.jsonValue({ maxDepth: 4 }).map((value) => fileOf(value, 16));
    const anything = fc.uint8Array({ maxLength: 700 });
    const damaged = fc
      .tuple(fc.nat(good.length - 1), fc.nat(255))
      .map(([at, byte]) => Uint8Array.from(good, (old, index) => (index === at ? byte : old)));
    fc.assert(
      fc.property(fc.oneof(header, anything, damaged), (file) => {
        const verdict = verdictOf(file, [50]);
        if (typeof verdict === 'string') return;
        const covered = verdict.tensors.reduce((sum, { beginByte, endByte }) => sum + endByte - beginByte, 0);
        assert.equal(verdict.dataBegin + covered, file.length);
      }),
      { numRuns: 3000 },
    );
  });
});

describe('SafetensorsValidator: other formats', () => {
  const latin1 = (text: string, bytes = 600): Uint8Array => {
    const file = Buffer.alloc(bytes, 0x2e);
    file.write(text, 'latin1');
    return file;
  };
  const cases: readonly (readonly [what: string, file: Uint8Array, code: string, message: RegExp])[] = [
    ['a pickle of protocol 4', latin1('\x80\x04\x95\x1c\0\0\0\0\0\0\0'), 'PICKLE_REFUSED', /pickle/],
    [
      'a legacy torch.save',
      latin1('\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.'),
      'PICKLE_REFUSED',
      /pickle/,
    ],
    ['a text pickle', latin1("cos\nsystem\n(S'true'\ntR."), 'PICKLE_REFUSED', /pickle/],
    ['an HTML page', latin1('\n <!DOCTYPE html><html>'), 'UNSUPPORTED_FORMAT', /HTML/],
    ['an error in XML', latin1('<?xml version="1.0"?><Error>'), 'UNSUPPORTED_FORMAT', /HTML/],
    ['the configuration', latin1('{\n  "alpha_pattern": {},'), 'UNSUPPORTED_FORMAT', /JSON text/],
    ['a small JSON file', Buffer.from('{}'), 'UNSUPPORTED_FORMAT', /JSON text/],
    ['a NumPy file', latin1('\x93NUMPY\x01\0v\0{'), 'UNSUPPORTED_FORMAT', /NumPy/],
    ['Zstandard', latin1('\x28\xb5\x2f\xfd\x04\x58\x41\0'), 'UNSUPPORTED_FORMAT', /compressed/],
    [
      'gzip, whose length field may look honest',
      latin1('\x1f\x8b\x08\0\0\0\0\0\x02\x03'),
      'UNSUPPORTED_CONTENT_ENCODING',
      /gzip/,
    ],
    ['an empty zip', Buffer.from('PK\x05\x06'.padEnd(22, '\0'), 'latin1'), 'UNSUPPORTED_FORMAT', /zip/],
  ];
  for (const [what, file, code, message] of cases) {
    it(`recognises ${what}`, () => {
      const validator = new SafetensorsValidator();
      assert.throws(
        () => {
          validator.push(file);
          validator.finish(file.length);
        },
        (error) => error instanceof AppError && error.code === code && message.test(error.message),
      );
    });
  }
});

describe('readHeader', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'read-header-'));
  });
  after(() => rm(folder, { recursive: true }));

  const write = async (name: string, bytes: Uint8Array): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, bytes);
    return path;
  };

  it('reads the same as the validator', async () => {
    const path = await write('good.safetensors', good);
    assert.deepEqual(await readHeader(path), verdictOf(good, [17]));
  });

  it('reads a header longer than one read', async () => {
    const tensors = Array.from({ length: 3000 }, (_, i) => ({ name: `t.${i}`, dtype: 'F16', shape: [1] }));
    const header = await readHeader(await write('long.safetensors', fileOfTensors(tensors)));
    assert.ok(header.dataBegin > 150_000);
    assert.equal(header.tensors.length, 3000);
  });

  it('reads no data: a sparse file of a terabyte takes no time', async () => {
    const shape = [1024, 1024, 1024, 256];
    const { headerBytes, totalBytes } = layOut([{ name: 'big', dtype: 'F32', shape }], new Map());
    const path = await write('sparse.safetensors', headerBytes);
    const file = await open(path, 'r+');
    await file.truncate(totalBytes);
    await file.close();
    assert.deepEqual((await readHeader(path)).tensors[0]!.shape, shape);
  });

  it('refuses truncated files, and fails for missing ones with the error of the file system', async () => {
    const path = await write('cut.safetensors', good.subarray(0, good.length - 1));
    await assert.rejects(readHeader(path), (error) => codeOf(error) === 'ST_BUFFER_NOT_COVERED');
    await assert.rejects(readHeader(join(folder, 'missing')), { code: 'ENOENT' });
  });
});
