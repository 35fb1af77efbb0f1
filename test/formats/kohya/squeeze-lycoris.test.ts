import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Target } from '../../../src/contract/target.ts';
import {
  frobenius,
  type Matrix,
  multiply,
  scaled,
  singularValues,
  tailShare,
} from '../../oracle/linear-algebra.ts';
import { buildSafetensors, parseSafetensors } from '../../oracle/safetensors.ts';
import { computeFixture } from '../../squeeze/compute-fixture.ts';
import { squeezeToEach } from '../squeezing-files.ts';
import { alphaTensor } from './build.ts';
import { parseKohyaAdapter } from './kohya-oracle.ts';
import { hadamard, kron, LOHA, type Notation, noted, product, tucker, whole } from './lycoris-oracle.ts';

const compute = computeFixture();

/** One way in which LyCORIS stores a module, and its meaning without alpha. */
interface Variant extends Notation {
  /** The r of alpha/r; null if alpha is ignored. */
  readonly r: number | null;
  /** The smallest rank at which a factorisation is exact. */
  readonly rank: number;
}

const VARIANTS: Readonly<Record<string, Variant>> = {
  LoHa: { ...LOHA, r: 3, rank: 9 },
  'LoHa with cores': {
    shapes: {
      hada_w1_a: [2, 12],
      hada_w1_b: [2, 5],
      hada_w2_a: [2, 12],
      hada_w2_b: [2, 5],
      hada_t1: [2, 2, 3, 3],
      hada_t2: [2, 2, 3, 3],
    },
    update: (t) =>
      hadamard(
        tucker(t('hada_t1'), t('hada_w1_a'), t('hada_w1_b')),
        tucker(t('hada_t2'), t('hada_w2_a'), t('hada_w2_b')),
      ),
    r: 2,
    rank: 4,
  },
  'LoKr of whole matrices': {
    shapes: { lokr_w1: [4, 3], lokr_w2: [5, 6] },
    update: (t) => kron(whole(t('lokr_w1')), whole(t('lokr_w2'))),
    r: null,
    rank: 15,
  },
  'LoKr with a product': {
    shapes: { lokr_w1: [4, 3], lokr_w2_a: [7, 2], lokr_w2_b: [2, 8] },
    update: (t) => kron(whole(t('lokr_w1')), product(t('lokr_w2_a'), t('lokr_w2_b'))),
    r: 2,
    rank: 6,
  },
  'LoKr of two products': {
    shapes: { lokr_w1_a: [6, 2], lokr_w1_b: [2, 5], lokr_w2_a: [7, 2], lokr_w2_b: [2, 8] },
    update: (t) => kron(product(t('lokr_w1_a'), t('lokr_w1_b')), product(t('lokr_w2_a'), t('lokr_w2_b'))),
    r: 2,
    rank: 4,
  },
  'LoKr of a convolution': {
    shapes: { lokr_w1: [2, 2], lokr_w2: [4, 3, 3, 3] },
    update: (t) => kron(whole(t('lokr_w1')), whole(t('lokr_w2'))),
    r: null,
    rank: 8,
  },
  'LoKr with a core': {
    shapes: { lokr_w1: [2, 2], lokr_t2: [2, 2, 3, 3], lokr_w2_a: [2, 6], lokr_w2_b: [2, 4] },
    update: (t) => kron(whole(t('lokr_w1')), tucker(t('lokr_t2'), t('lokr_w2_a'), t('lokr_w2_b'))),
    r: 2,
    rank: 4,
  },
  'LoCon with a core': {
    shapes: {
      'lora_down.weight': [4, 5, 1, 1],
      'lora_mid.weight': [4, 4, 3, 3],
      'lora_up.weight': [16, 4, 1, 1],
    },
    update: (t) => {
      const up = t('lora_up.weight');
      const turned = Float32Array.from({ length: 64 }, (_, i) => up.data[(i % 16) * 4 + Math.floor(i / 16)]!);
      return tucker(
        t('lora_mid.weight'),
        { shape: [4, 16], data: turned },
        { ...t('lora_down.weight'), shape: [4, 5] },
      );
    },
    r: 4,
    rank: 4,
  },
  'a whole difference': {
    shapes: { diff: [14, 3, 3, 3] },
    update: (t) => whole(t('diff')),
    r: null,
    rank: 14,
  },
};

const ALPHA = 1.5;

/** A file of one such module, squeezed, and its intended ΔW. */
async function squeezed(
  variant: Variant,
  targets: readonly Target[],
  scalar?: number,
): Promise<{ wanted: Matrix; results: Uint8Array[]; warnings: string }> {
  const { tensors, update } = noted(variant, 'lora_unet_x.', 7);
  // LyCORIS writes no alpha for a whole difference.
  const alpha = variant.shapes.diff ? {} : { 'lora_unet_x.alpha': alphaTensor(ALPHA) };
  const more = scalar === undefined ? {} : { 'lora_unet_x.scalar': alphaTensor(scalar) };
  const weights = buildSafetensors({ ...tensors, ...alpha, ...more });
  const made = await squeezeToEach(compute.pool, { weights, config: null }, targets);
  return {
    wanted: scaled(update, (scalar ?? 1) * (variant.r === null ? 1 : ALPHA / variant.r)),
    results: made.map((result) => result!.weights),
    warnings: made[0]!.warnings.join(),
  };
}

/** ‖wanted − ΔW′‖ / ‖wanted‖ of the module in a written file. */
function errorOf(file: Uint8Array, wanted: Matrix): { error: number; rank: number } {
  const module = parseKohyaAdapter(file).modules.get('lora_unet_x')!;
  const made = scaled(multiply(module.b, module.a), module.scale);
  assert.deepEqual([made.rows, made.columns], [wanted.rows, wanted.columns]);
  const difference = { ...made, data: made.data.map((value, i) => value - wanted.data[i]!) };
  return { error: frobenius(difference) / frobenius(wanted), rank: module.rank };
}

describe('LyCORIS, squeezed', () => {
  for (const [what, variant] of Object.entries(VARIANTS)) {
    it(`${what}: is exact at its own rank, and has the smallest possible error below`, async () => {
      const ranks = [variant.rank, variant.rank - 1, 2];
      const { wanted, results } = await squeezed(
        variant,
        ranks.map((rank) => ({ rank })),
      );
      const sigma = singularValues(wanted);
      for (const [index, rank] of ranks.entries()) {
        const actual = errorOf(results[index]!, wanted);
        const optimum = tailShare(sigma, rank);
        assert.equal(actual.rank, rank);
        const { tensors } = parseSafetensors(results[index]!);
        assert.ok(tensors.has('lora_unet_x.alpha'), 'without an alpha LyCORIS does not load it');
        assert.ok(
          actual.error <= optimum * (1 + 1e-5) + 1e-6,
          `rank ${rank}: ${actual.error}, at best ${optimum}`,
        );
        if (rank < variant.rank) assert.ok(optimum > 1e-4, 'this rank should lose something');
      }
    });
  }

  const PAIR: Variant = {
    shapes: { 'lora_down.weight': [4, 9], 'lora_up.weight': [12, 4] },
    update: (t) => product(t('lora_up.weight'), t('lora_down.weight')),
    r: 4,
    rank: 4,
  };
  for (const [what, variant] of Object.entries({ ...VARIANTS, LoCon: PAIR })) {
    if (variant.shapes.diff) continue;
    it(`${what}: is multiplied by a scalar, which the result does not have`, async () => {
      const targets: Target[] = [{ rank: 2 }, { rank: 2, scale: 'keep' }];
      const { wanted, results, warnings } = await squeezed(variant, targets, -0.3);
      assert.match(warnings, /1 module has a scalar/);
      const optimum = tailShare(singularValues(wanted), 2);
      for (const result of results) {
        assert.ok(!parseSafetensors(result).tensors.has('lora_unet_x.scalar'));
        const { error } = errorOf(result, wanted);
        assert.ok(error <= optimum * (1 + 1e-5) + 1e-6, `${error}, at best ${optimum}`);
      }
    });
  }

  it('a module with the scalar 0 changes nothing, which an alpha cannot say', async () => {
    const { results } = await squeezed(PAIR, [{ rank: 2 }], 0);
    const { b } = parseKohyaAdapter(results[0]!).modules.get('lora_unet_x')!;
    assert.equal(frobenius(b), 0);
    await assert.rejects(squeezed(PAIR, [{ rank: 2, scale: 'keep' }], 0), { code: 'FORMAT_NEEDS_FOLD' });
  });
});
