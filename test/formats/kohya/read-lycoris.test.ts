import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MAX_DENSE_RANK } from '../../../src/formats/derived/derived.ts';
import type { ReadResult } from '../../../src/formats/format.ts';
import { layOut } from '../../../src/safetensors/layout.ts';
import { alphaTensor, pair, read, refusalOf, type Tensors, zerosOf } from './build.ts';

const U = 'lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_q';

type Shapes = Readonly<Record<string, readonly number[]>>;

const loha = (m: number, n: number, r: number): Shapes => ({
  hada_w1_a: [m, r],
  hada_w1_b: [r, n],
  hada_w2_a: [m, r],
  hada_w2_b: [r, n],
});

/** One module of these shapes: its derivation and its kind in the model. */
async function derive(shapes: Shapes, { alpha, module = U }: { alpha?: number; module?: string } = {}) {
  const result = await read({
    ...zerosOf(module, shapes),
    ...(alpha === undefined ? {} : { [`${module}.alpha`]: alphaTensor(alpha) }),
  });
  const { adapter, staging } = result;
  assert.equal(staging!.derivations.length, 1);
  const [made] = adapter.modules;
  const [derivation] = staging!.derivations;
  assert.deepEqual([made!.rank, made!.m, made!.n], [derivation!.rank, derivation!.m, derivation!.n]);
  assert.equal(derivation!.module, module);
  return { derivation: derivation!, module: made!, warnings: adapter.warnings, result };
}

/** Every entry of the adapter is where the staged file will have it. */
function checkStaged({ adapter, staging }: ReadResult): void {
  const { offsets, totalBytes } = layOut(staging!.tensors, new Map());
  const entries = [...adapter.modules.flatMap(({ a, b }) => [a, b]), ...adapter.passthrough];
  assert.deepEqual(entries.map(({ name }) => name).sort(), staging!.tensors.map(({ name }) => name).sort());
  let bytes = 0;
  for (const { name, dtype, shape, beginByte, endByte } of entries) {
    const index = staging!.tensors.findIndex((tensor) => tensor.name === name);
    const tensor = staging!.tensors[index]!;
    assert.deepEqual([dtype, shape, beginByte], [tensor.dtype, tensor.shape, offsets[index]]);
    const { source } = tensor;
    if (source.kind === 'copy')
      assert.equal(endByte - beginByte, source.entry.endByte - source.entry.beginByte);
    bytes += endByte - beginByte;
  }
  assert.equal(totalBytes - bytes, Math.min(...offsets));
}

describe('LyCORIS: LoHa', () => {
  it('is exact while r₁·r₂ is smaller than both sides; its scale is alpha/r', async () => {
    const { derivation, module, warnings, result } = await derive(loha(40, 30, 4), { alpha: 2 });
    assert.equal(derivation.kind, 'hadamard');
    assert.equal(derivation.rank, 16);
    assert.equal(module.scale, 0.5);
    assert.deepEqual(module.a.shape, [16, 30]);
    assert.deepEqual(module.b.shape, [40, 16]);
    assert.deepEqual([module.a.name, module.b.name], [`${U}.lora_down.weight`, `${U}.lora_up.weight`]);
    assert.deepEqual([module.a.dtype, module.b.dtype, module.kind], ['F32', 'F32', 'linear']);
    assert.equal(module.alpha!.name, `${U}.alpha`);
    assert.deepEqual(warnings, [
      '1 module is stored as LoHa. The service converted it to LoRA of rank 16, exactly.',
    ]);
    checkStaged(result);
  });

  it('is approximated otherwise, up to a limit', async () => {
    const small = await derive(loha(40, 30, 6));
    assert.equal(small.derivation.rank, 30);
    assert.match(small.warnings[0]!, /exactly/);
    const large = await derive(loha(400, 300, 20));
    assert.equal(large.derivation.rank, MAX_DENSE_RANK);
    assert.match(large.warnings[0]!, /, approximately; /);
    assert.equal(large.module.scale, 1);
  });

  it('with cores is a convolution', async () => {
    const shapes: Shapes = {
      hada_w1_a: [3, 20],
      hada_w1_b: [3, 16],
      hada_w2_a: [3, 20],
      hada_w2_b: [3, 16],
      hada_t1: [3, 3, 3, 3],
      hada_t2: [3, 3, 3, 3],
    };
    const { derivation, module, result } = await derive(shapes, { alpha: 3 });
    assert.ok(derivation.kind === 'hadamard-tucker');
    assert.deepEqual([derivation.m, derivation.n, derivation.rank, derivation.kernel], [20, 144, 9, 9]);
    assert.deepEqual([derivation.sides[0].t.rows, derivation.sides[0].t.columns], [3, 27]);
    assert.deepEqual([module.a.shape, module.b.shape, module.kind], [[9, 16, 3, 3], [20, 9, 1, 1], 'conv']);
    assert.equal(module.scale, 1);
    checkStaged(result);
  });
});

describe('LyCORIS: LoKr', () => {
  it('of whole matrices ignores alpha', async () => {
    const { derivation, module, warnings } = await derive(
      { lokr_w1: [4, 2], lokr_w2: [10, 30] },
      { alpha: 1e10 },
    );
    assert.ok(derivation.kind === 'kronecker');
    assert.deepEqual([derivation.m, derivation.n, derivation.kernel], [40, 60, 1]);
    assert.equal(derivation.rank, 2 * 10);
    assert.equal(module.scale, 1);
    assert.match(warnings[0]!, /1 module is stored as LoKr\. .* rank 20, exactly/);
  });

  it('of full rank on both sides is approximated', async () => {
    const { derivation, warnings } = await derive({ lokr_w1: [16, 16], lokr_w2: [20, 20] });
    assert.equal(derivation.rank, MAX_DENSE_RANK);
    assert.match(warnings[0]!, /, approximately; /);
  });

  it('with a product is exact; its scale is alpha/r of w2, otherwise of w1', async () => {
    const one = await derive({ lokr_w1: [4, 8], lokr_w2_a: [20, 3], lokr_w2_b: [3, 10] }, { alpha: 6 });
    assert.deepEqual([one.derivation.rank, one.module.scale, one.module.n], [4 * 3, 2, 80]);
    const both: Shapes = { lokr_w1_a: [8, 2], lokr_w1_b: [2, 8], lokr_w2_a: [20, 3], lokr_w2_b: [3, 10] };
    const two = await derive(both, { alpha: 6 });
    assert.deepEqual([two.derivation.rank, two.module.scale], [6, 2]);
    const first = await derive({ lokr_w1_a: [8, 2], lokr_w1_b: [2, 8], lokr_w2: [20, 10] }, { alpha: 6 });
    assert.deepEqual([first.derivation.rank, first.module.scale], [20, 3]);
    assert.equal((await derive(both)).module.scale, 1);
  });

  it('is refused if its factors would be too large, alone or with those of others', async () => {
    // Sides of side², and rank 4 · 4: 128 · side² bytes.
    const sizes = (side: number): Shapes => ({
      lokr_w1_a: [side, 4],
      lokr_w1_b: [4, side],
      lokr_w2_a: [side, 4],
      lokr_w2_b: [4, side],
    });
    const alone = await refusalOf(zerosOf(U, sizes(4096)));
    assert.equal(alone.code, 'UNSUPPORTED_LORA_VARIANT');
    assert.match(
      alone.message,
      /stored as LoKr and would need factors of 2147483648 bytes; the limit is 1073741824/,
    );
    const many = (count: number) =>
      Object.assign(
        {},
        ...Array.from({ length: count }, (_, index) => zerosOf(`${U}_${index}`, sizes(2048))),
      );
    assert.equal((await read(many(64))).adapter.modules.length, 64);
    const together = await refusalOf(many(65));
    assert.equal(together.code, 'UNSUPPORTED_LORA_VARIANT');
    assert.match(together.message, /above the limit of 34359738368/);
  });

  it('of convolutions may be whole, flattened or with a core', async () => {
    const whole = await derive({ lokr_w1: [2, 2], lokr_w2: [10, 8, 3, 3] });
    assert.ok(whole.derivation.kind === 'kronecker' && whole.derivation.kernel === 9);
    assert.deepEqual([whole.module.m, whole.module.n, whole.module.kind], [20, 144, 'conv']);
    assert.deepEqual(whole.module.a.shape, [20, 16, 3, 3]);
    const module = 'lora_unet_up_blocks_1_upsamplers_0_conv';
    const flat = await derive({ lokr_w1: [2, 2], lokr_w2_a: [10, 3], lokr_w2_b: [3, 72] }, { module });
    assert.deepEqual(
      [flat.module.a.shape, flat.module.b.shape],
      [
        [6, 16, 3, 3],
        [20, 6, 1, 1],
      ],
    );
    const core: Shapes = { lokr_w1: [2, 2], lokr_t2: [3, 3, 3, 3], lokr_w2_a: [3, 10], lokr_w2_b: [3, 8] };
    const tucker = await derive(core, { alpha: 6 });
    assert.ok(tucker.derivation.kind === 'kronecker' && 't' in tucker.derivation.w2);
    assert.deepEqual(
      [tucker.module.a.shape, tucker.module.b.shape],
      [
        [6, 16, 3, 3],
        [20, 6, 1, 1],
      ],
    );
    assert.equal(tucker.module.scale, 2);
    checkStaged(tucker.result);
  });
});

describe('LyCORIS: cores and whole differences', () => {
  it('a LoCon with a core keeps its rank', async () => {
    const { derivation, module, warnings } = await derive(
      { 'lora_down.weight': [4, 16, 1, 1], 'lora_mid.weight': [4, 4, 3, 3], 'lora_up.weight': [20, 4, 1, 1] },
      { alpha: 2 },
    );
    assert.ok(derivation.kind === 'tucker');
    assert.deepEqual([derivation.rank, derivation.mid.columns, derivation.kernel], [4, 36, 9]);
    assert.deepEqual([module.a.shape, module.b.shape, module.scale], [[4, 16, 3, 3], [20, 4, 1, 1], 0.5]);
    assert.match(warnings[0]!, /lora_mid.*exactly/);
  });

  it('a whole difference is approximated, and has no scale', async () => {
    const wide = await derive({ diff: [300, 200] }, { alpha: 7 });
    assert.deepEqual(
      [wide.derivation.kind, wide.derivation.rank, wide.module.scale],
      ['dense', MAX_DENSE_RANK, 1],
    );
    assert.match(wide.warnings[0]!, /\.diff.*rank 128, approximately/);
    const conv = await derive({ diff: [20, 3, 3, 3] });
    assert.deepEqual(
      [conv.module.a.shape, conv.module.b.shape],
      [
        [20, 3, 3, 3],
        [20, 20, 1, 1],
      ],
    );
  });

  it('all are in the staged file, with pairs and other tensors', async () => {
    const result = await read({
      ...pair('lora_te_a', 4, { alpha: 2 }),
      ...zerosOf('lora_unet_b', { ...loha(12, 10, 2), dora_scale: [12, 1], diff_b: [12] }),
      ...pair('lora_unet_c', 3),
      ...zerosOf('lora_unet_d', { lokr_w1: [2, 2], lokr_w2: [3, 3] }),
      ...zerosOf('lora_unet_norm', { w_norm: [12] }),
    });
    const { adapter, staging } = result;
    assert.deepEqual(
      adapter.modules.map(({ name, rank }) => [name, rank]),
      [
        ['lora_te_a', 4],
        ['lora_unet_b', 4],
        ['lora_unet_c', 3],
        ['lora_unet_d', 6],
      ],
    );
    assert.deepEqual(
      staging!.derivations.map(({ kind }) => kind),
      ['hadamard', 'kronecker'],
    );
    assert.equal(adapter.passthrough.length, 3);
    assert.equal(adapter.warnings.length, 3);
    checkStaged(result);
  });
});

describe('LyCORIS: refusals', () => {
  const { hada_w2_b: _, ...incomplete } = loha(12, 10, 2);
  const REFUSED: readonly (readonly [what: string, shapes: Shapes, code: string, named: string])[] = [
    ['LoHa without a factor', incomplete, 'LORA_UNPAIRED', 'hada_w2_b'],
    [
      'LoHa of two shapes',
      { ...loha(12, 10, 2), hada_w2_a: [13, 2] },
      'LORA_RANK_MISMATCH',
      'hada_w2_a [13,2]',
    ],
    ['LoHa with one core', { ...loha(2, 10, 2), hada_t1: [2, 2, 3, 3] }, 'LORA_UNPAIRED', 'hada_t2'],
    ['LoHa and LoKr', { ...loha(12, 10, 2), lokr_w1: [2, 2] }, 'LORA_DUPLICATE_MODULE', U],
    ['LoKr without w2', { lokr_w1: [2, 2] }, 'LORA_UNPAIRED', 'lokr_w2'],
    ['LoKr with half a product', { lokr_w1: [2, 2], lokr_w2_a: [4, 2] }, 'LORA_UNPAIRED', 'lokr_w2_b'],
    [
      'LoKr with w2 twice',
      { lokr_w1: [2, 2], lokr_w2: [4, 4], lokr_w2_a: [4, 2] },
      'LORA_DUPLICATE_MODULE',
      'lokr_w2',
    ],
    [
      'LoKr of two ranks',
      { lokr_w1: [2, 2], lokr_w2_a: [4, 2], lokr_w2_b: [3, 4] },
      'LORA_RANK_MISMATCH',
      'lokr_w2_a [4,2]',
    ],
    [
      'LoKr with t1',
      { lokr_w1: [2, 2], lokr_w2: [4, 4], lokr_t1: [2, 2] },
      'UNSUPPORTED_LORA_VARIANT',
      'lokr_t1',
    ],
    [
      'a core of another rank',
      { 'lora_down.weight': [4, 8, 1, 1], 'lora_mid.weight': [3, 4, 3, 3], 'lora_up.weight': [9, 4, 1, 1] },
      'LORA_RANK_MISMATCH',
      'lora_mid [3,4,3,3]',
    ],
    [
      'kernels twice',
      { 'lora_down.weight': [4, 8, 3, 3], 'lora_mid.weight': [4, 4, 3, 3], 'lora_up.weight': [9, 4, 1, 1] },
      'LORA_RANK_MISMATCH',
      'lora_down [4,8,3,3]',
    ],
  ];
  for (const [what, shapes, code, named] of REFUSED) {
    it(`${what}: ${code}`, async () => {
      const error = await refusalOf(zerosOf(U, shapes) as Tensors);
      assert.equal(error.code, code, error.message);
      assert.ok(error.message.includes(named), error.message);
    });
  }
});
