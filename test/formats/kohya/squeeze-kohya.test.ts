import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Target } from '../../../src/contract/target.ts';
import { readAdapter } from '../../../src/formats/read-adapter.ts';
import { summarise } from '../../../src/formats/summary.ts';
import { parseSafetensors } from '../../oracle/safetensors.ts';
import { allowedError, overallError, scoreAdapter } from '../../oracle/score.ts';
import { computeFixture } from '../../squeeze/compute-fixture.ts';
import { squeeze } from '../../squeeze/successful-squeeze.ts';
import { parseKohyaAdapter } from './kohya-oracle.ts';

const SOURCE = fileURLToPath(
  new URL('../../fixtures/adapters/derived-kohya-skinlesion/skinlesion_kohya.safetensors', import.meta.url),
);

const compute = computeFixture();

/** Squeezes a single weights file, and returns the bytes of the written files. */
async function squeezed(targets: readonly Target[]) {
  const scratchDir = mkdtempSync(join(tmpdir(), 'kohya-squeezed-'));
  try {
    const { report, targets: outcomes } = await squeeze(
      {
        kind: 'squeeze',
        sources: [{ id: 'ad_1', sha256: 'f'.repeat(64), bytes: 0, base_model: null, weight: 1 }],
        weightsPath: SOURCE,
        configBytes: null,
        targets,
        options: { method: 'exact' },
        scratchDir,
        onProgress: () => {},
        signal: new AbortController().signal,
      },
      compute.pool,
    );
    const results = await Promise.all(
      outcomes.map(async ({ files }) => {
        assert.deepEqual(
          files!.map(({ name }) => name),
          ['lora.safetensors', 'README.md'],
        );
        const { path, sha256 } = files![0]!;
        const bytes = readFileSync(path);
        assert.equal(createHash('sha256').update(bytes).digest('hex'), sha256);
        return { bytes, adapter: (await readAdapter({ weightsPath: path, configBytes: null })).adapter };
      }),
    );
    return { report, outcomes, results };
  } finally {
    rmSync(scratchDir, { recursive: true });
  }
}

describe('a real file of kohya', () => {
  const source = parseKohyaAdapter(readFileSync(SOURCE));

  it('is read correctly: 128 modules of rank 4 and alpha 16, in float16', async () => {
    const { adapter, staging } = await readAdapter({ weightsPath: SOURCE, configBytes: null });
    assert.equal(staging, null);
    const { format, modules, ranks, alpha, dtypes, passthrough_tensors, warnings } = summarise(adapter);
    assert.deepEqual(
      { format, modules, ranks, alpha, dtypes, passthrough_tensors, warnings },
      {
        format: 'kohya',
        modules: 128,
        ranks: { min: 4, max: 4 },
        alpha: 16,
        dtypes: ['F16'],
        passthrough_tensors: 0,
        warnings: [],
      },
    );
    assert.deepEqual(
      adapter.modules.map(({ name, scale, m, n }) => [name, scale, m, n]),
      [...source.modules].map(([name, { scale, b, a }]) => [name, scale, b.rows, a.columns]),
    );
  });

  it('has the smallest possible error at half its rank, with every scale and dtype', async () => {
    const targets: Target[] = [
      { rank: 2, dtype: 'float32' },
      { rank: 2, dtype: 'float32', scale: 'keep' },
      { rank: 2 },
    ];
    const { report, outcomes, results } = await squeezed(targets);
    for (const [index, { bytes, adapter }] of results.entries()) {
      const isFloat32 = index < 2;
      const written = parseKohyaAdapter(bytes);
      const scores = scoreAdapter(source, written);
      for (const { name, rank, relative_error } of report.targets[index]!.modules) {
        const score = scores.get(name)!;
        assert.equal(rank, 2);
        const limit = isFloat32 ? score.optimalError * (1 + 1e-6) : allowedError(score, 1e-6);
        assert.ok(score.actualError <= limit, `${name}: ${score.actualError}, allowed ${limit}`);
        assert.ok(Math.abs(relative_error - score.actualError) <= 1e-6 * score.actualError + 1e-9, name);
      }
      assert.ok(Math.abs(outcomes[index]!.result.relative_error / overallError(scores.values()) - 1) < 1e-6);
      const scale = index === 1 ? 4 : 1;
      for (const [name, module] of written.modules) {
        assert.deepEqual(
          [module.rank, module.scale, module.dtype],
          [2, scale, isFloat32 ? 'F32' : 'F16'],
          name,
        );
      }
      assert.deepEqual([adapter.modules.length, adapter.passthrough.length], [128, 0]);
    }
  });

  it('has one alpha at different ranks, and the smallest possible error in float32 and float16', async () => {
    const target: Target = { energy: 0.9, uniform: false };
    const { report, results } = await squeezed([{ ...target, dtype: 'float32' }, target]);
    for (const [index, { bytes }] of results.entries()) {
      const written = parseKohyaAdapter(bytes);
      const ranks = [...written.modules.values()].map(({ rank }) => rank);
      const alphas = [...written.modules.values()].map(({ rank, scale }) => Math.round(scale * rank));
      assert.deepEqual([new Set(ranks).size > 1, new Set(alphas)], [true, new Set([Math.min(...ranks)])]);
      const scores = scoreAdapter(source, written);
      for (const { name, relative_error } of report.targets[index]!.modules) {
        const score = scores.get(name)!;
        const limit = index === 0 ? score.optimalError * (1 + 1e-6) + 1e-7 : allowedError(score, 1e-6);
        assert.ok(score.actualError <= limit, `${name}: ${score.actualError}, allowed ${limit}`);
        assert.ok(Math.abs(relative_error - score.actualError) <= 1e-6, name);
      }
    }
  });

  it('gets metadata that describes the result', async () => {
    const { results } = await squeezed([{ rank: 2 }, { rank: 2, scale: 'keep' }]);
    const [folded, kept] = results.map(({ bytes }) => ({ bytes, ...parseSafetensors(bytes) }));
    assert.equal(folded!.metadata.ss_network_module, 'networks.lora');
    assert.deepEqual([folded!.metadata.ss_network_dim, folded!.metadata.ss_network_alpha], ['2', '2']);
    assert.deepEqual([kept!.metadata.ss_network_dim, kept!.metadata.ss_network_alpha], ['2', '8']);
    for (const { bytes, metadata } of [folded!, kept!]) {
      const data = bytes.subarray(8 + Number(bytes.readBigUInt64LE()));
      assert.equal(metadata.sshs_model_hash, createHash('sha256').update(data).digest('hex'));
      assert.match(metadata['lora_squeeze.target']!, /"rank":2/);
    }
    assert.ok([...folded!.tensors].every(([, { dtype }]) => dtype === 'F16'));
  });

  it('gives the same bytes every time', async () => {
    const [one, other] = await Promise.all([squeezed([{ rank: 3 }]), squeezed([{ rank: 3 }])]);
    assert.ok(one.results[0]!.bytes.equals(other.results[0]!.bytes));
  });
});
