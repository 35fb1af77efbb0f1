import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ComputePool } from '../../../src/compute/pool.ts';
import type { Target } from '../../../src/contract/target.ts';
import { readAdapter } from '../../../src/formats/read-adapter.ts';
import { factorsWithSpectrum } from '../../oracle/known-matrices.ts';
import type { Matrix } from '../../oracle/linear-algebra.ts';
import type { OracleAdapter, OracleModule } from '../../oracle/peft-adapter.ts';
import {
  buildSafetensors,
  float32Tensor,
  readSafetensors,
  type SafetensorsFile,
  type Tensor,
  tensorMatrix,
} from '../../oracle/safetensors.ts';
import { scoreAdapter } from '../../oracle/score.ts';
import { squeeze } from '../../squeeze/successful-squeeze.ts';
import { loadedByDiffusers, madeOf } from '../diffusers/diffusers-oracle.ts';

const REAL = fileURLToPath(
  new URL('../../fixtures/adapters/cloneofsimo-analog-svd-r4/analog_svd_rank4.safetensors', import.meta.url),
);

let pool: ComputePool;
let folder: string;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pairs-'));
  pool = await ComputePool.start('cpu', 2);
});
after(async () => {
  await pool.close();
  rmSync(folder, { recursive: true });
});

/** Squeezes a file to each target, exactly. @returns the files of the results, by name */
async function squeezed(weightsPath: string, targets: readonly Target[]) {
  const { targets: outcomes, report } = await squeeze(
    {
      kind: 'squeeze',
      sources: [{ id: 'ad_1', sha256: 'f'.repeat(64), bytes: 0, base_model: null, weight: 1 }],
      weightsPath,
      configBytes: null,
      targets,
      options: { method: 'exact' },
      scratchDir: mkdtempSync(join(folder, 'job-')),
      onProgress: () => {},
      signal: new AbortController().signal,
    },
    pool,
  );
  return outcomes.map(({ files, result }, index) => ({
    files: files!,
    result,
    modules: report.targets[index]!.modules,
    written: readSafetensors(files![0]!.path),
  }));
}

/** The pairs of a file as the oracle reads them. */
function oracle(
  { tensors, metadata }: SafetensorsFile,
  isA: RegExp,
  toB: (name: string) => string,
  scaleOf: (name: string, rank: number) => number = () => 1,
): OracleAdapter {
  const modules = [...tensors.keys()]
    .filter((name) => isA.test(name))
    .sort()
    .map((name): [string, OracleModule] => {
      const tensorA = tensors.get(name)!;
      const [a, b] = [tensorMatrix(tensorA), tensorMatrix(tensors.get(toB(name))!)];
      const module = name.replace(isA, '');
      return [
        module,
        {
          a,
          b,
          rank: a.rows,
          scale: scaleOf(module, a.rows),
          dtype: tensorA.dtype,
          tensorNames: [name, toB(name)],
        },
      ];
    });
  return { config: {}, metadata, modules: new Map(modules), passthrough: new Map() };
}

function assertOptimal(source: OracleAdapter, result: OracleAdapter): void {
  for (const [name, score] of scoreAdapter(source, result)) {
    assert.ok(
      score.actualError <= score.optimalError * (1 + 1e-6) + 1e-12,
      `${name}: ${score.actualError}, at best ${score.optimalError}`,
    );
  }
}

const shaped = (shape: readonly number[], { data }: Matrix): Tensor => float32Tensor(shape, data);
const spectrum = (rank: number) => Array.from({ length: rank }, (_, i) => (i + 1) ** -0.8);

function save(name: string, tensors: Record<string, Tensor>, metadata: Record<string, string>): string {
  const path = join(folder, name);
  writeFileSync(path, buildSafetensors(tensors, metadata));
  return path;
}

describe('squeezing with the smallest possible error', () => {
  it("a real file of cloneofsimo's, to half its rank", async () => {
    const pairs = (file: SafetensorsFile) => oracle(file, /:down$/, (name) => name.replace(/down$/, 'up'));
    const [half] = await squeezed(REAL, [{ rank: 2, dtype: 'float32' }]);
    assert.deepEqual(
      half!.files.map(({ name }) => name),
      ['lora.safetensors', 'README.md'],
    );
    assertOptimal(pairs(readSafetensors(REAL)), pairs(half!.written));
    for (const name of pairs(half!.written).modules.keys()) {
      assert.equal(half!.written.metadata[`${name}:rank`], '2');
    }
    const again = await readAdapter({ weightsPath: half!.files[0]!.path, configBytes: null });
    assert.deepEqual([again.adapter.format, again.adapter.warnings], ['cloneofsimo', []]);
  });

  it("a file of XLabs'", async () => {
    const tensors: Record<string, Tensor> = {};
    for (const [index, part] of ['qkv_lora1', 'proj_lora1', 'qkv_lora2', 'proj_lora2'].entries()) {
      const m = part.startsWith('qkv') ? 96 : 32;
      const { a, b } = factorsWithSpectrum(m, 32, spectrum(8), index);
      tensors[`double_blocks.0.processor.${part}.down.weight`] = shaped([8, 32], a);
      tensors[`double_blocks.0.processor.${part}.up.weight`] = shaped([m, 8], b);
    }
    const path = save('xlabs.safetensors', tensors, {});
    const pairs = (file: SafetensorsFile) =>
      oracle(file, /\.down\.weight$/, (name) => name.replace('.down.', '.up.'));
    const results = await squeezed(path, [
      { rank: 3 },
      { energy: 0.9, uniform: false },
      { rank: 3, scale: 'keep' },
    ]);
    for (const { written } of results) assertOptimal(pairs(readSafetensors(path)), pairs(written));
    await assert.rejects(squeezed(path, [{ rank: 3, scale: 'sqrt' }]), { code: 'FORMAT_NEEDS_FOLD' });
  });

  it('a file of diffusers with convolutions, alphas and different ranks, with every scale', async () => {
    const made = { 'unet.a.to_q': 8, 'unet.b.to_q': 12, 'unet.c.conv1': 6 };
    const alphas = { 'unet.a.to_q': 4, 'unet.b.to_q': 24, 'unet.c.conv1': 6 };
    const tensors: Record<string, Tensor> = {};
    for (const [index, [name, rank]] of Object.entries(made).entries()) {
      const isConv = name.endsWith('conv1');
      const [m, n] = [30 + index, isConv ? 36 : 28];
      const { a, b } = factorsWithSpectrum(m, n, spectrum(rank), 10 * index);
      tensors[`${name}.lora_A.weight`] = shaped(isConv ? [rank, 4, 3, 3] : [rank, n], a);
      tensors[`${name}.lora_B.weight`] = shaped(isConv ? [m, rank, 1, 1] : [m, rank], b);
      tensors[`${name}.alpha`] = float32Tensor([], [alphas[name as keyof typeof alphas]]);
    }
    const path = save('pytorch_lora_weights.safetensors', tensors, { format: 'pt' });
    const pairs = (file: SafetensorsFile) => {
      const loaded = loadedByDiffusers(madeOf(file), file.metadata, 'unet');
      return oracle(
        file,
        /\.lora_A\.weight$/,
        (name) => name.replace('lora_A', 'lora_B'),
        (module) => loaded.get(module.slice('unet.'.length))!.scale,
      );
    };
    const source = pairs(readSafetensors(path));
    assert.deepEqual(
      [...source.modules.values()].map(({ scale }) => scale),
      [0.5, 2, 1],
    );
    const results = await squeezed(path, [
      { rank: 4 },
      { energy: 0.9, uniform: false },
      { rank: 4, scale: 'keep' },
      { rank: 4, scale: 'sqrt' },
      { rank: 6 },
    ]);
    for (const { written, files } of results) {
      assertOptimal(source, pairs(written));
      assert.equal(files[0]!.name, 'pytorch_lora_weights.safetensors');
    }
    for (const { scale } of pairs(results[0]!.written).modules.values()) assert.equal(scale, 1);
    for (const [name, { scale }] of pairs(results[2]!.written).modules) {
      assert.equal(scale, source.modules.get(name)!.scale);
    }
  });

  it('a file of diffusers without alphas, to different ranks', async () => {
    const tensors: Record<string, Tensor> = {};
    for (const [index, decay] of [0.2, 2].entries()) {
      const sigma = Array.from({ length: 8 }, (_, i) => (i + 1) ** -decay);
      const { a, b } = factorsWithSpectrum(30, 28, sigma, 50 + index);
      tensors[`transformer.blocks.${index}.to_q.lora.down.weight`] = shaped([8, 28], a);
      tensors[`transformer.blocks.${index}.to_q.lora.up.weight`] = shaped([30, 8], b);
    }
    const path = save('uneven.safetensors', tensors, {});
    const pairs = (file: SafetensorsFile) => {
      const loaded = loadedByDiffusers(madeOf(file), file.metadata, 'transformer');
      return oracle(
        file,
        /\.lora\.down\.weight$/,
        (name) => name.replace('down', 'up'),
        (module) => loaded.get(module.slice('transformer.'.length))!.scale,
      );
    };
    const [result] = await squeezed(path, [{ energy: 0.95, uniform: false }]);
    const ranks = result!.modules.map(({ rank }) => rank);
    assert.ok(ranks[0]! > ranks[1]!, String(ranks));
    assertOptimal(pairs(readSafetensors(path)), pairs(result!.written));
  });
});
