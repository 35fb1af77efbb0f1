import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ComputePool } from '../../../src/compute/pool.ts';
import type { Target } from '../../../src/contract/target.ts';
import { layerOf } from '../../../src/formats/layers/layer-of.ts';
import type { Layer } from '../../../src/formats/layers/layer-table.ts';
import { runPythonWithPackages, skipWithoutPython } from '../../clients/python.ts';
import { readSafetensors } from '../../oracle/safetensors.ts';
import { squeezeToEach } from '../squeezing-files.ts';
import {
  foundUpdate,
  type Layers,
  leastLoss,
  madeAdapter,
  RANK,
  type Style,
  updateOf,
  withoutPart,
  withParts,
  withPartsOf,
} from './model-adapters.ts';
import type { Naming } from './places.ts';
import { relativeDifference } from './updates.ts';

/** A program that loads adapters into models. */
export interface Program {
  readonly name: string;
  /** Prints the layers of its models or, given folders, writes the updates of their layers (load_with_diffusers.py). */
  readonly script: string;
  readonly packages: readonly string[];
  readonly weightsName: string;
}

/** An adapter for one of its models. */
export interface Source {
  readonly model: string;
  readonly what: string;
  readonly naming: Naming;
  readonly style: Style;
  /** Targets besides TARGETS. */
  readonly targets?: readonly Target[];
  /** The modules that the program does not load from files of the source's format; it must warn of each. */
  readonly unloaded?: (name: string) => boolean;
}

export const HALF: Target = { rank: RANK / 2, dtype: 'float32' };
/** As it is (null), at a smaller rank, and at different ranks. */
const TARGETS: readonly (Target | null)[] = [
  null,
  HALF,
  { ...HALF, scale: 'keep' },
  { energy: 0.9, uniform: false, dtype: 'float32' },
];

/** A target of this format that gives different ranks to the modules. */
export const unevenRanks = (format: 'diffusers' | 'kohya'): Target => ({
  format,
  rank_pattern: { '.*attn2.*': 1, '.*': 3 },
  dtype: 'float32',
});

/**
 * Layers that the table leaves out, because their names are not paths or have two meanings (transformer-tables.ts), and
 * one whose kernel is smaller in the toy model.
 */
const UNKNOWN = /\.processor\.|x_embedder[._]proj|pos_embed\.proj/;

const isOfKind = (layer: Layer | null, kernel: readonly number[]): boolean =>
  layer?.kind === 'projection'
    ? kernel.every((side) => side === 1)
    : layer !== null && (layer.kind === 'conv' ? layer.kernel : []).join() === kernel.join();

/** Tests that a program computes the updates that our files say, from all their modules. */
export function judgeLoads(
  { name, script, packages, weightsName }: Program,
  sources: readonly Source[],
): void {
  describe(`${name} load what our files say`, { skip: skipWithoutPython(...packages, 'torch') }, () => {
    let pool: ComputePool;
    let folder: string;
    let layers: Readonly<Record<string, Layers>>;
    before(async () => {
      folder = mkdtempSync(join(tmpdir(), 'judge-loads-'));
      pool = await ComputePool.start('cpu', 1);
      layers = await runPythonWithPackages(script);
    });
    after(async () => {
      await pool.close();
      rmSync(folder, { recursive: true });
    });

    it('into layers of the kinds that our table has for their names', () => {
      const wrong = sources.flatMap(({ model, what, naming }) => {
        const parts = withParts(layers[model]!);
        return naming(layers[model]!)
          .filter(({ name, layers: [path] }) => !isOfKind(layerOf(name), parts[path!]!.slice(2)))
          .map(({ name, layers: [path] }) => `${model}, ${what}: ${name} [${parts[path!]}]`)
          .filter((layer) => !UNKNOWN.test(layer));
      });
      assert.deepEqual(wrong, []);
    });

    for (const { model, what, naming, style, targets = [], unloaded = () => false } of sources) {
      it(`${model}: ${what}`, async () => {
        const { weights, modules } = madeAdapter(withParts(layers[model]!), naming(layers[model]!), style);
        const cases = [...TARGETS, ...targets];
        const wanted = cases.filter((target) => target !== null);
        const results = await squeezeToEach(pool, { weights, config: null }, wanted);
        const dirs = cases.map((target, index) => {
          const dir = join(folder, `${model}-${what.replaceAll(/\W+/g, '-')}-${index}`);
          mkdirSync(dir);
          const bytes = target === null ? weights : results[wanted.indexOf(target)]!.weights;
          writeFileSync(join(dir, weightsName), bytes);
          writeFileSync(join(dir, 'model.json'), JSON.stringify(model));
          return dir;
        });
        await runPythonWithPackages(script, ...dirs);
        for (const [index, target] of cases.entries()) {
          const dir = dirs[index]!;
          const isLost = target?.format ? () => false : unloaded;
          const loaded = modules.filter((module) => !isLost(module.name));
          const found = readSafetensors(join(dir, 'deltas.safetensors')).tensors;
          const expected = new Set(loaded.flatMap((one) => one.layers.map(withoutPart)));
          assert.deepEqual([...found.keys()].sort(), [...expected].sort());
          assert.deepEqual(warned(dir), lostKeys(modules.map((module) => module.name).filter(isLost), style));
          const file = readSafetensors(join(dir, weightsName)).tensors;
          const parts = withPartsOf(found);
          for (const module of loaded) {
            const requested = target && requestedRank(target, module.name);
            const rank = requested ?? file.get(`${module.name}${style.a}`)?.shape[0] ?? RANK;
            const least = leastLoss(module, rank);
            const lost = relativeDifference(updateOf(module), foundUpdate(module, parts));
            const message = `${JSON.stringify(target)}: ${module.name}: ${lost}, at best ${least}`;
            assert.ok(Math.abs(lost - least) < 1e-5, message);
          }
        }
      });
    }
  });
}

/** The keys of which the program warned, if the script writes them down. */
function warned(dir: string): string[] {
  const path = join(dir, 'unloaded.json');
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as string[]).sort() : [];
}

const lostKeys = (names: readonly string[], { a, b, alpha }: Style): string[] =>
  names.flatMap((name) => [a, b, alpha].flatMap((end) => (end === undefined ? [] : [name + end]))).sort();

/** The rank that a target requests; undefined if the squeeze chooses the rank. */
function requestedRank(target: Target, module: string): number | undefined {
  if ('rank_pattern' in target) return module.includes('attn2') ? 1 : 3;
  return 'rank' in target ? target.rank : undefined;
}
