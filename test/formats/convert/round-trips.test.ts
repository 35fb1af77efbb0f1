import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Adapter, LoraModule } from '../../../src/adapter/adapter.ts';
import type { FormatName } from '../../../src/adapter/format-name.ts';
import { convertAdapter } from '../../../src/formats/convert/convert-adapter.ts';
import type { ConvertOptions } from '../../../src/formats/convert/placed-adapter.ts';
import { flatten, unflatten } from '../../../src/formats/layers/flat-names.ts';
import { CLIP, UNET } from '../../../src/formats/layers/layer-table.ts';
import { FLUX, TRANSFORMER } from '../../../src/formats/layers/transformer-tables.ts';
import fc from '../../fast-check.ts';
import { buildAdapter, entry } from './build-adapter.ts';

const VOCABULARIES = {
  unet: Object.keys(UNET),
  text_encoder: Object.keys(CLIP),
  transformer: Object.keys(TRANSFORMER),
  flux: Object.keys(FLUX),
} as const;

/** A path of a vocabulary in which numbers are replaced: by 1 or 2 where they end a word. */
const pathOf = (template: string): fc.Arbitrary<string> => {
  const word = fc.constantFrom('1', '2');
  const holes = [...template.matchAll(/([a-z]?)#/g)].map(([, before]) =>
    before === '' ? fc.nat(40).map(String) : word,
  );
  return fc.tuple(...holes).map((numbers) => {
    let next = 0;
    return template.replace(/#/g, () => numbers[next++]!);
  });
};

const pathsOf = (model: keyof typeof VOCABULARIES): fc.Arbitrary<string[]> =>
  fc.uniqueArray(fc.constantFrom(...VOCABULARIES[model]).chain(pathOf), { minLength: 1, maxLength: 12 });

const LAYERS = [
  'self_attn.q_proj',
  'self_attn.k_proj',
  'self_attn.v_proj',
  'self_attn.o_proj',
  'mlp.gate_proj',
  'mlp.down_proj',
];
const languagePaths = fc.uniqueArray(
  fc.tuple(fc.nat(99), fc.constantFrom(...LAYERS)).map(([layer, name]) => `model.layers.${layer}.${name}`),
  { minLength: 1, maxLength: 12 },
);

/** Modules in comparable form: without the alpha, which not every format has. */
const plain = ({ modules }: Adapter): Omit<LoraModule, 'alpha'>[] =>
  modules.map(({ alpha: _, ...module }) => module);

const there = (source: Adapter, through: readonly FormatName[], options: ConvertOptions): Adapter =>
  through.reduce((at, to) => convertAdapter(at, to, options), source);

describe('a conversion there and back', () => {
  it('restores the modules of a diffusion model: names, places, scales, order', () => {
    const models = fc.constantFrom('unet' as const, 'text_encoder' as const, 'transformer' as const);
    fc.assert(
      fc.property(
        models.chain((model) => fc.tuple(fc.constant(model), pathsOf(model))),
        ([component, paths]) => {
          const source = buildAdapter('peft', paths);
          const options = { component };
          for (const through of [
            ['diffusers', 'peft'],
            ['kohya', 'peft'],
            ['diffusers', 'kohya', 'diffusers', 'peft'],
          ] as const)
            assert.deepEqual(plain(there(source, through, options)), plain(source), through.join());
        },
      ),
      { numRuns: 100 },
    );
  });

  it('restores those of a language model', () => {
    fc.assert(
      fc.property(languagePaths, (paths) => {
        const source = buildAdapter('peft', paths);
        const options = { architecture: 'qwen3' };
        for (const through of [
          ['mlx', 'peft'],
          ['gguf', 'peft'],
          ['mlx', 'gguf', 'mlx', 'peft'],
        ] as const)
          assert.deepEqual(plain(there(source, through, options)), plain(source), through.join());
      }),
      { numRuns: 100 },
    );
  });

  it('restores magnitudes if both formats have them', () => {
    fc.assert(
      fc.property(pathsOf('unet'), (paths) => {
        const passthrough = paths
          .map((path) => entry(`base_model.model.${path}.lora_magnitude_vector`, [32]))
          .sort((x, y) => (x.name < y.name ? -1 : 1));
        const source = buildAdapter('peft', paths, { passthrough });
        const back = there(source, ['kohya', 'diffusers', 'peft'], { component: 'unet' });
        assert.deepEqual(back.passthrough, passthrough);
      }),
      { numRuns: 50 },
    );
  });

  it('restores the order of all rows, for any number of heads', () => {
    const heads = fc.record({ heads: fc.integer({ min: 1, max: 6 }), half: fc.integer({ min: 1, max: 5 }) });
    fc.assert(
      fc.property(heads, ({ heads, half }) => {
        const m = heads * half * 2;
        const options = { architecture: 'llama', heads };
        const name = 'model.layers.0.self_attn.q_proj';
        const gguf = convertAdapter(buildAdapter('peft', [{ name, m }]), 'gguf', options).modules[0]!;
        const read = buildAdapter('gguf', [{ name: 'blk.0.attn_q', m }], {
          config: { 'general.architecture': 'llama' },
        });
        const peft = convertAdapter(read, 'peft', options).modules[0]!;
        const rows = Array.from({ length: m }, (_, row) => row);
        const moved = reordered(rows, gguf.rowOrder!);
        assert.deepEqual(moved, interleaved(rows, heads));
        assert.deepEqual(reordered(moved, peft.rowOrder!), rows);
      }),
    );
  });
});

/** numpy's reshape and transpose of three axes. */
function reordered(rows: readonly number[], { shape, axes }: NonNullable<LoraModule['rowOrder']>): number[] {
  const strides = [shape[1]! * shape[2]!, shape[2]!, 1];
  const [x, y, z] = axes as [number, number, number];
  const result: number[] = [];
  for (let i = 0; i < shape[x]!; i++)
    for (let j = 0; j < shape[y]!; j++)
      for (let k = 0; k < shape[z]!; k++)
        result.push(rows[i * strides[x]! + j * strides[y]! + k * strides[z]!]!);
  return result;
}

/** For each head: a row of the first half, its partner from the second, and so on. */
const interleaved = (rows: readonly number[], heads: number): number[] =>
  Array.from({ length: heads }, (_, head) => {
    const own = rows.slice((head * rows.length) / heads, ((head + 1) * rows.length) / heads);
    return own.slice(0, own.length / 2).flatMap((row, index) => [row, own[own.length / 2 + index]!]);
  }).flat();

describe('a flattened name', () => {
  it('gives its path again, in every vocabulary', () => {
    for (const model of Object.keys(VOCABULARIES) as (keyof typeof VOCABULARIES)[]) {
      fc.assert(
        fc.property(pathsOf(model), (paths) => {
          for (const path of paths) assert.equal(unflatten(flatten(path), model), path);
        }),
      );
    }
  });

  it('never belongs to another model, except for common paths', () => {
    const shared = new Set(['proj_out']);
    const all = Object.entries(VOCABULARIES).flatMap(([model, paths]) =>
      paths.map((path) => ({ model, path })),
    );
    const seen = new Map<string, string>();
    for (const { model, path } of all.filter(({ path }) => !shared.has(path))) {
      assert.equal(seen.get(path), undefined, `${path} of ${model}`);
      seen.set(path, model);
    }
  });

  it('is not recognised if a word or a number is wrong', () => {
    fc.assert(
      fc.property(pathsOf('unet'), fc.constantFrom('_', 'x', '_x', '1', '_1', '.'), ([path], more) => {
        const name = `${flatten(path!)}${more}`;
        const back = unflatten(name, 'unet');
        assert.ok(back === null || flatten(back) === name);
      }),
    );
    assert.equal(unflatten('', 'unet'), null);
    assert.equal(unflatten('__proto__', 'unet'), null);
  });
});
