import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { remainingScale } from '../../../src/adapter/remaining-scale.ts';
import { DIFFUSERS } from '../../../src/formats/diffusers/diffusers.ts';
import fc from '../../fast-check.ts';
import {
  float32Scalar,
  inputOf,
  planOf,
  read,
  reread,
  shapesOf,
  type TensorSource,
  writtenTensors,
} from '../pairs/build.ts';
import { conv, linear, packed } from './build.ts';
import { type Loaded, loadedByDiffusers } from './diffusers-oracle.ts';

const COMPONENTS = [
  'unet',
  'transformer',
  'transformer_2',
  'text_encoder',
  'text_encoder_2',
  'prior',
] as const;

interface MadeModule {
  readonly component: (typeof COMPONENTS)[number];
  /** Paths that contain each other, and end in each other, to test the patterns. */
  readonly path: string;
  readonly rank: number;
  readonly alpha: number;
  readonly isConv: boolean;
}

interface MadeFile {
  readonly tensors: TensorSource[];
  readonly metadata: Record<string, string>;
}

const modules = fc.uniqueArray(
  fc.record({
    component: fc.constantFrom(...COMPONENTS),
    path: fc.constantFrom(
      'blocks.0.to_q',
      'blocks.1.to_q',
      'blocks.10.to_q',
      'inner.blocks.0.to_q',
      'proj',
      'x.proj',
    ),
    rank: fc.integer({ min: 1, max: 9 }),
    alpha: fc.constantFrom(0.5, 1, 3, 4, 16),
    isConv: fc.boolean(),
  }),
  { minLength: 1, maxLength: 8, selector: ({ component, path }) => `${component}.${path}` },
);
const scaleKept = fc.constantFrom('nowhere', 'alphas', 'metadata');
const style = fc.constantFrom('peft', 'lora', 'text');

function madeFile(
  made: readonly MadeModule[],
  kept: 'nowhere' | 'alphas' | 'metadata',
  names: 'peft' | 'lora' | 'text',
): MadeFile {
  const nameOf = ({ component, path }: MadeModule) => `${component}.${path}`;
  const factors = made.flatMap((one) => (one.isConv ? conv : linear)(nameOf(one), one.rank, names));
  const alphas = made.map((one) => float32Scalar(`${nameOf(one)}.alpha`, one.alpha));
  const fields = made.flatMap(({ component }): [string, unknown][] => {
    const own = made.filter((one) => one.component === component);
    // Anchored, so that no path matches another.
    const pattern = (value: 'rank' | 'alpha') =>
      Object.fromEntries(own.map((one) => [`^${one.path}`, one[value]]));
    return [
      [`${component}.r`, own[0]!.rank],
      [`${component}.lora_alpha`, own[0]!.alpha],
      [`${component}.target_modules`, own.map(({ path }) => path)],
      [`${component}.rank_pattern`, pattern('rank')],
      [`${component}.alpha_pattern`, pattern('alpha')],
    ];
  });
  return {
    tensors: kept === 'alphas' ? [...factors, ...alphas] : factors,
    metadata: kept === 'metadata' ? packed(Object.fromEntries(fields)) : {},
  };
}

/** What diffusers reads from a file, by module. */
function loaded(
  tensors: readonly TensorSource[],
  metadata: Readonly<Record<string, string>>,
): Map<string, Loaded> {
  const found = COMPONENTS.flatMap((component) => {
    if (!tensors.some(({ name }) => name.startsWith(`${component}.`))) return [];
    return [...loadedByDiffusers(tensors, metadata, component)].map(([path, one]): [string, Loaded] => [
      `${component}.${path}`,
      one,
    ]);
  });
  return new Map(found);
}

/**
 * Whether diffusers would apply the alpha of one module to another: its alpha_pattern, unlike its
 * rank_pattern, is not anchored (utils/peft_utils.py), so "proj" also applies to "x.proj".
 */
const confusesAlphas = (made: readonly MadeModule[], tensors: readonly TensorSource[]): boolean =>
  tensors.some(({ name }) => name.endsWith('.alpha')) &&
  made.some(({ component, path }) =>
    made.some((other) => other.component === component && other.path.endsWith(`.${path}`)),
  );

const close = (actual: number, expected: number, what: string) =>
  assert.ok(Math.abs(actual / expected - 1) < 1e-6, `${what}: ${actual}, expected ${expected}`);

describe('files of diffusers', () => {
  it('are recognised, with the scales that diffusers applies', async () => {
    await fc.assert(
      fc.asyncProperty(modules, fc.constantFrom('alphas', 'metadata'), style, async (made, kept, names) => {
        const { tensors, metadata } = madeFile(made, kept, names);
        assert.ok(DIFFUSERS.recognises(inputOf(tensors, new Map(Object.entries(metadata)))));
        const adapter = await read(DIFFUSERS, tensors, metadata);
        const expected = loaded(tensors, metadata);
        assert.equal(adapter.modules.length, expected.size);
        for (const { name, rank, scale } of adapter.modules) {
          const theirs = expected.get(name)!;
          assert.equal(rank, theirs.rank);
          if (!confusesAlphas(made, tensors)) assert.equal(scale, theirs.scale);
        }
        assert.deepEqual(adapter.warnings, []);
      }),
      { numRuns: 150 },
    );
  });

  it('are unchanged after writing, reading and writing again', async () => {
    await fc.assert(
      fc.asyncProperty(modules, scaleKept, style, async (made, kept, names) => {
        const { tensors, metadata } = madeFile(made, kept, names);
        const adapter = await read(DIFFUSERS, tensors, metadata);
        const once = planOf(DIFFUSERS, adapter, 'keep');
        const again = await reread(DIFFUSERS, once);
        assert.deepEqual(shapesOf(again), shapesOf(adapter));
        for (const [index, { name, scale }] of again.modules.entries()) {
          close(scale, adapter.modules[index]!.scale, name);
        }
        const twice = planOf(DIFFUSERS, again, 'keep');
        assert.deepEqual(twice.layout, once.layout);
        assert.deepEqual(
          writtenTensors(twice).map(({ bytes }) => bytes),
          writtenTensors(once).map(({ bytes }) => bytes),
        );
      }),
      { numRuns: 150 },
    );
  });

  it('squeezed to any ranks have the right scales in diffusers too', async () => {
    const mode = fc.constantFrom('fold', 'keep', 'sqrt');
    const caps = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 8, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(modules, scaleKept, style, mode, caps, async (made, kept, names, scale, most) => {
        const { tensors, metadata } = madeFile(made, kept, names);
        const adapter = await read(DIFFUSERS, tensors, metadata);
        const ranks = new Map(
          adapter.modules.map(({ name, rank }, index) => [name, Math.min(rank, most[index]!)]),
        );
        const plan = planOf(DIFFUSERS, adapter, scale, (name) => ranks.get(name)!);
        const again = await reread(DIFFUSERS, plan);
        const theirs = loaded(writtenTensors(plan), Object.fromEntries(plan.metadata));
        for (const [index, module] of adapter.modules.entries()) {
          const { name, rank, scale: read } = again.modules[index]!;
          const wanted = remainingScale(scale, module, ranks.get(name)!);
          assert.equal(rank, ranks.get(name));
          close(read, wanted, name);
          if (!confusesAlphas(made, writtenTensors(plan)))
            close(theirs.get(name)!.scale, wanted, `${name} in diffusers`);
        }
        assert.deepEqual(again.warnings, []);
      }),
      { numRuns: 300 },
    );
  });
});
