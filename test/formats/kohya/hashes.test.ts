import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { inReferenceOrder } from '../../../src/formats/kohya/hashes.ts';
import { buildSafetensors, parseSafetensors, type Tensor } from '../../oracle/safetensors.ts';
import { adapterOf, pair, planOf } from './build.ts';

/**
 * The digests that sd-scripts would store for a file's tensors, computed over the file that it would save for
 * this purpose: tensors by dtype and name, the metadata of training, the header padded to 8 bytes.
 */
function expectedHashes(file: Uint8Array): { model: string; legacy: string } {
  const { tensors, metadata } = parseSafetensors(file);
  const training = Object.fromEntries(Object.entries(metadata).filter(([key]) => key.startsWith('ss_')));
  const order = ['F32', 'BF16', 'F16'];
  const sorted = [...tensors].sort(
    ([x, { dtype: dtypeX }], [y, { dtype: dtypeY }]) =>
      order.indexOf(dtypeX) - order.indexOf(dtypeY) || (x < y ? -1 : 1),
  );
  const unpadded = buildSafetensors(Object.fromEntries(sorted), training);
  const length = Number(unpadded.readBigUInt64LE());
  const padding = Buffer.alloc((8 - (length % 8)) % 8, ' ');
  const data = unpadded.subarray(8 + length);
  const saved = Buffer.concat([unpadded.subarray(0, 8 + length), padding, data]);
  const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
  return { model: sha256(data), legacy: sha256(saved.subarray(0x100000, 0x110000)).slice(0, 8) };
}

/** Writes the file of a plan, with numbers as factors, and adds its digests. */
async function written(
  sizes: { m: number; n: number },
  metadata: Readonly<Record<string, string>>,
): Promise<Buffer> {
  const adapter = await adapterOf(
    {
      ...pair('lora_unet_b', 8, { ...sizes, alpha: 2 }),
      ...pair('lora_te_a', 4, { dtype: 'BF16', alpha: 1 }),
    },
    metadata,
  );
  const plan = planOf(adapter, (_, rank) => rank, 'fold', new Map([['lora_squeeze.version', '1']]));
  const dir = mkdtempSync(join(tmpdir(), 'kohya-'));
  try {
    const file = Buffer.alloc(plan.layout.totalBytes);
    const { length } = plan.layout.headerBytes;
    for (let i = length; i < file.length; i++) file[i] = ((i - length) * 31) % 251;
    file.set(plan.layout.headerBytes);
    const path = join(dir, plan.weightsName);
    writeFileSync(path, file);
    const hashed = await plan.headerWithHashes!(path);
    assert.equal(hashed.length, plan.layout.headerBytes.length);
    file.set(hashed);
    return file;
  } finally {
    rmSync(dir, { recursive: true });
  }
}

describe('the digests of sd-scripts', () => {
  const SIZES = {
    'a file of 1 kB, which has no legacy part': { m: 12, n: 10 },
    'a file that ends in the legacy part': { m: 65_500, n: 10 },
    'a file of 2 MB': { m: 120_000, n: 10 },
  };
  for (const [what, sizes] of Object.entries(SIZES)) {
    it(`are right for ${what}`, async () => {
      const file = await written(sizes, {
        ss_output_name: 'Katze „Mitzi“ \n 🐈',
        'modelspec.title': 'other',
      });
      const { metadata } = parseSafetensors(file);
      const { model, legacy } = expectedHashes(file);
      assert.deepEqual([metadata.sshs_model_hash, metadata.sshs_legacy_hash], [model, legacy]);
      assert.equal(metadata['lora_squeeze.version'], '1');
    });
  }

  it('include the legacy digest for a header of more than 1 MiB', async () => {
    const file = await written({ m: 12, n: 10 }, { ss_tag_frequency: 'x'.repeat(0x100100) });
    assert.equal(parseSafetensors(file).metadata.sshs_legacy_hash, expectedHashes(file).legacy);
    assert.notEqual(expectedHashes(file).legacy, createHash('sha256').digest('hex').slice(0, 8));
  });

  it('do not depend on metadata that is unrelated to training', async () => {
    const [one, other] = await Promise.all([
      written({ m: 120_000, n: 10 }, {}),
      written({ m: 120_000, n: 10 }, { 'modelspec.title': 'a longer header' }),
    ]);
    const [x, y] = [parseSafetensors(one).metadata, parseSafetensors(other).metadata];
    assert.deepEqual([x.sshs_model_hash, x.sshs_legacy_hash], [y.sshs_model_hash, y.sshs_legacy_hash]);
    assert.notEqual(one.length, other.length);
  });

  it('depend on tensors sorted by dtype and then by name, like the reference writer', () => {
    const names = inReferenceOrder(
      (
        [
          ['b', 'F16'],
          ['a', 'F16'],
          ['c', 'BF16'],
          ['d', 'F32'],
          ['e', 'I64'],
          ['f', 'I8'],
        ] as const
      ).map(([name, dtype]): { name: string } & Omit<Tensor, 'bytes'> => ({ name, dtype, shape: [1] })),
    ).map(({ name }) => name);
    assert.deepEqual(names, ['e', 'd', 'c', 'a', 'b', 'f']);
  });
});
