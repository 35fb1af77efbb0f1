import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { AppError } from '../../src/errors/app-error.ts';
import { joinShards } from '../../src/formats/shards/join-shards.ts';
import fc from '../fast-check.ts';
import { checkRefusal } from '../fuzz/invariants.ts';
import { buildSafetensors, float32Tensor, parseSafetensors, type Tensor } from '../oracle/safetensors.ts';

const Q = 'base_model.model.q_proj';
const TENSORS: Readonly<Record<string, Tensor>> = {
  [`${Q}.lora_A.weight`]: float32Tensor([2, 3], [1, 2, 3, 4, 5, 6]),
  // Three bytes, so that the following tensors must be moved to be aligned.
  'base_model.model.flags': { dtype: 'U8', shape: [3], bytes: Uint8Array.of(7, 8, 9) },
  [`${Q}.lora_B.weight`]: float32Tensor([2, 2], [1, 0, 0, 1]),
};
const NAMES = Object.keys(TENSORS);
const of = (...names: readonly string[]): Buffer =>
  buildSafetensors(Object.fromEntries(names.map((name) => [name, TENSORS[name]!])), { format: 'pt' });

const first = 'model-00001-of-00002.safetensors';
const second = 'model-00002-of-00002.safetensors';
const FILES: Readonly<Record<string, Buffer>> = {
  [first]: of(NAMES[0]!, NAMES[1]!),
  [second]: of(NAMES[2]!),
};
const INDEX = {
  metadata: { total_size: 43 },
  weight_map: { [NAMES[0]!]: first, [NAMES[1]!]: first, [NAMES[2]!]: second },
};

/** @returns the joined file */
async function joined(files: Readonly<Record<string, Buffer>>, index: unknown = null): Promise<Buffer> {
  const folder = mkdtempSync(join(tmpdir(), 'shards-'));
  try {
    const listed = Object.entries(files).map(([name, bytes], at) => {
      const path = join(folder, `${at}`);
      writeFileSync(path, bytes);
      return { name, path };
    });
    const bytes = typeof index === 'string' ? index : JSON.stringify(index);
    const shardIndex =
      index === null ? null : { name: 'model.safetensors.index.json', bytes: Buffer.from(bytes) };
    const path = join(folder, 'whole');
    await joinShards({ files: listed, index: shardIndex }, path);
    return readFileSync(path);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('sharded weights', () => {
  it('are joined, with every tensor aligned, whatever the order of the files', async () => {
    const whole = await joined(FILES, INDEX);
    const { tensors, metadata } = parseSafetensors(whole);
    assert.deepEqual(metadata, { format: 'pt' });
    assert.deepEqual([...tensors.keys()].sort(), [...NAMES].sort());
    for (const [name, { dtype, shape, bytes }] of tensors) {
      assert.deepEqual(
        { dtype, shape, bytes: Buffer.from(bytes) },
        { ...TENSORS[name]!, bytes: Buffer.from(TENSORS[name]!.bytes) },
      );
      if (dtype === 'F32') assert.equal((bytes.byteOffset - whole.byteOffset) % 4, 0, name);
    }
    const reversed = Object.fromEntries(Object.entries(FILES).toReversed());
    assert.deepEqual(await joined(reversed, INDEX), whole);
    assert.deepEqual(await joined(FILES), whole, 'an index is not needed');
  });

  const third = 'model-00003-of-00002.safetensors';
  const map = (changes: Readonly<Record<string, string>>) => ({
    weight_map: { ...INDEX.weight_map, ...changes },
  });
  const refusals: readonly (readonly [string, Readonly<Record<string, Buffer>>, unknown, string, RegExp])[] =
    [
      [
        'one is missing',
        { [first]: FILES[first]! },
        null,
        'FILE_MISSING',
        /2 files, .*"model-00002-of-00002/,
      ],
      [
        'there is one too many',
        { ...FILES, [third]: of(NAMES[2]!) },
        null,
        'SHARDS_MISMATCH',
        /00003-of-00002.* outside 1 to 2/,
      ],
      [
        'they are of two sets',
        { ...FILES, 'other-00001-of-00002.safetensors': of(NAMES[2]!) },
        null,
        'SHARDS_MISMATCH',
        /"model-00001.*"other-00001.* different sets/,
      ],
      [
        'two have one tensor',
        { ...FILES, [second]: of(NAMES[0]!) },
        null,
        'SHARDS_MISMATCH',
        /lora_A.* is in "model-00001.* and in/,
      ],
      [
        'one is cut off',
        { ...FILES, [second]: FILES[second]!.subarray(0, -1) },
        null,
        'ST_BUFFER_NOT_COVERED',
        /^"model-00002/,
      ],
      [
        'there would be thousands',
        { 'x-00001-of-09999.safetensors': of(NAMES[0]!) },
        null,
        'SHARDS_MISMATCH',
        /9999 files; .*at most 64/,
      ],
      ['the index is no JSON', FILES, '{', 'SHARDS_MISMATCH', /not valid JSON/],
      ['the index has no map', FILES, { weight_map: [] }, 'SHARDS_MISMATCH', /no weight_map/],
      [
        'the index has a number for a file',
        FILES,
        { weight_map: { x: 1 } },
        'SHARDS_MISMATCH',
        /no file name for "x"/,
      ],
      ['the index names another file', FILES, map({ y: third }), 'FILE_MISSING', /"model-00003-of-00002/],
      [
        'the index has a tensor elsewhere',
        FILES,
        map({ [NAMES[0]!]: second }),
        'SHARDS_MISMATCH',
        /but it is in "model-00001/,
      ],
      [
        'the index has a tensor that nobody has',
        FILES,
        map({ y: first }),
        'SHARDS_MISMATCH',
        /"y" .*no file has it/,
      ],
      [
        'the index lacks a tensor',
        FILES,
        { weight_map: { [NAMES[0]!]: first, [NAMES[2]!]: second } },
        'SHARDS_MISMATCH',
        /has tensor "base_model\.model\.flags", which .* lacks/,
      ],
    ];
  for (const [what, files, index, code, message] of refusals) {
    it(`are refused if ${what}`, async () => {
      await assert.rejects(joined(files, index), (error) => {
        assert.ok(error instanceof AppError, String(error));
        assert.equal(error.code, code, error.message);
        assert.match(error.message, message);
        return true;
      });
    });
  }

  it('are joined or refused, whatever the files and the index contain', async (t: TestContext) => {
    const damage = fc.record({ at: fc.nat(400), byte: fc.nat(255) });
    const bytes = (whole: Buffer) =>
      fc.oneof(
        fc.constant(whole),
        damage.map(({ at, byte }) => {
          const changed = Buffer.from(whole);
          changed[at % changed.length] = byte;
          return changed;
        }),
        fc.nat(whole.length).map((length) => whole.subarray(0, length)),
      );
    const name = fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(first, second) },
      fc.constantFrom(third, 'other-00001-of-00001.safetensors', 'x-00000-of-00000.safetensors'),
    );
    const file = fc.tuple(name, fc.oneof(...Object.values(FILES).map(bytes)));
    const index = fc.oneof(
      fc.constant(null),
      fc.constant(INDEX),
      fc.json(),
      bytes(Buffer.from(JSON.stringify(INDEX))).map((text) => text.toString('latin1')),
    );
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(file, { minLength: 1, maxLength: 3 }), index, async (files, shardIndex) => {
        try {
          parseSafetensors(await joined(Object.fromEntries(files), shardIndex));
          accepted++;
        } catch (error) {
          checkRefusal(error);
        }
      }),
      { numRuns: 400 },
    );
    t.diagnostic(`${accepted} accepted`);
    assert.ok(accepted > 5, `${accepted}`);
  });
});
