import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parametersPerRank } from '../../src/core/policy/allocate-ranks.ts';
import { PatternTable } from '../../src/formats/peft/patterns.ts';
import { NO_LIMITS } from '../../src/serving/rank-limits.ts';
import { formatQuery, parseForm } from '../../web/src/preview/choice-address.ts';
import { formatPins, parsePins } from '../../web/src/preview/pins-text.ts';
import type { AnalyzedAdapter } from '../../web/src/preview/preview.ts';
import { computePreview } from '../../web/src/preview/preview.ts';
import { rankPattern } from '../../web/src/preview/rank-pattern.ts';
import { allocateWithin, curveByModule, rankStudio, sizeRange } from '../../web/src/preview/rank-studio.ts';
import { requestTexts } from '../../web/src/preview/request-text.ts';
import fc from '../fast-check.ts';

/** An analysed adapter whose spectra differ from module to module. */
function analyzedOf(count: number, rank: number): AnalyzedAdapter {
  const modules = Array.from({ length: count }, (_, index) => {
    const sigma = Array.from(
      { length: rank },
      (_, i) => (1 + (index % 5)) * (i + 1) ** -(0.3 + (index % 7) / 4),
    );
    const energy = sigma.reduce((sum, value) => sum + value ** 2, 0);
    let kept = 0;
    const curve = sigma.map((value) => {
      kept += value ** 2;
      return kept / energy;
    });
    return {
      name: `model.layers.${Math.floor(index / 7)}.proj_${index % 7}`,
      kind: 'linear',
      shape: [256 << (index % 3), 512] as [number, number],
      rank,
      scale: 1,
      energy,
      singular_values: sigma,
      energy_curve: curve,
      power_iterations: 0,
    };
  });
  const point = (at: number) => ({
    rank: at,
    relative_error: 0,
    worst_module_error: 0,
    parameters: modules.reduce((sum, { shape: [m, n] }) => sum + at * (m + n), 0),
    bytes: 4 * modules.reduce((sum, { shape: [m, n] }) => sum + at * (m + n), 0),
  });
  const recommended = { ...point(2), target: { rank: 2 }, rank: { min: 2, max: 2 }, reason: '' };
  return {
    modules,
    bytesPerParameter: 4,
    analysis: {
      curve: Array.from({ length: rank }, (_, index) => point(index + 1)),
      uniform: recommended,
      budget: recommended,
      modules: modules.map(({ name }) => ({
        name,
        effective_rank: 1,
        stable_rank: 1,
        knee: 1,
        verdict: 'compressible' as const,
      })),
    },
  };
}

describe('ranks by module in the page', () => {
  const analyzed = analyzedOf(35, 8);
  const pins = new Map([
    [3, 8],
    [10, 1],
    [20, 5],
  ]);

  for (const criterion of ['relative', 'energy'] as const)
    it(`follow their curve at every size, with pins and without: ${criterion}`, () => {
      const studio = rankStudio(analyzed, NO_LIMITS, criterion);
      for (const decided of [new Map(), pins]) {
        const { minimum, maximum } = sizeRange(studio, decided);
        const points = curveByModule(studio, decided);
        assert.equal(points[0]!.parameters, minimum);
        assert.equal(points.at(-1)!.parameters, maximum);
        for (const { parameters, error, rank } of points) {
          const ranks = allocateWithin(studio, parameters, decided);
          assert.equal(parametersPerRank(studio.modules, ranks), parameters, 'nothing is left over');
          for (const [index, wanted] of decided) assert.equal(ranks[index], wanted);
          const preview = computePreview(analyzed, ranks);
          const expected = criterion === 'energy' ? preview.relative_error : preview.module_relative_error;
          assert.ok(Math.abs(error - expected) < 1e-9, `${error} instead of ${expected}`);
          assert.deepEqual(rank, preview.rank);
        }
        const errors = points.map(({ error }) => error);
        assert.deepEqual(
          errors,
          [...errors].sort((x, y) => y - x),
          'a larger size never loses more',
        );
      }
    });

  it('are as small as possible if the pins leave no room for the size', () => {
    const studio = rankStudio(analyzed, NO_LIMITS, 'relative');
    const all = new Map(analyzed.modules.map((_, index) => [index, 8]));
    assert.deepEqual(
      allocateWithin(studio, 1, all),
      analyzed.modules.map(() => 8),
    );
    assert.deepEqual(
      allocateWithin(studio, 1, new Map()),
      analyzed.modules.map(() => 1),
    );
  });

  it('are shared out again at once, even with thousands of modules', () => {
    const many = rankStudio(analyzedOf(4000, 16), NO_LIMITS, 'relative');
    const half = sizeRange(many, new Map()).maximum / 2;
    const began = performance.now();
    for (let turn = 0; turn < 10; turn++) {
      const decided = new Map([[turn, 16]]);
      assert.equal(allocateWithin(many, half, decided)[turn], 16);
      assert.ok(curveByModule(many, decided).length > 100);
    }
    // The page has 300 ms for each; a busy machine gets ten times as long.
    assert.ok((performance.now() - began) / 10 < 3000);
  });
});

describe('a choice in an address', () => {
  const analyzed = analyzedOf(35, 8);
  const first = parseForm({}, analyzed);

  it('needs no parameters if nothing was chosen', () => assert.deepEqual(formatQuery(first, analyzed), {}));

  it('is restored unchanged', () => {
    const pins = new Map([
      [0, 8],
      [7, 8],
      [14, 8],
      [30, 2],
    ]);
    const choices = [
      { rank: 5 },
      { policy: 'modules' as const, parameters: 12_345, pins },
      { policy: 'modules' as const, parameters: 12_345, criterion: 'energy' as const },
      { policy: 'energy' as const, energy: 99.5, isUniform: false },
      { policy: 'energy' as const, energy: 81, isKohya: true, isUniform: false },
      { policy: 'ratio' as const, ratio: 4, isKohya: true },
      { policy: 'tolerance' as const, tolerance: 12 },
      { policy: 'knee' as const },
      {
        format: 'gguf' as const,
        formatOptions: { architecture: 'llama', heads: 32, kv_heads: 8 },
      },
      {
        profile: 'vllm',
        format: 'kohya' as const,
        formatOptions: { component: 'unet' as const },
        dtype: 'float16' as const,
        scale: 'keep' as const,
        isExact: true,
      },
    ];
    for (const choice of choices) {
      const form = { ...first, ...choice };
      const address = new URLSearchParams(formatQuery(form, analyzed)).toString();
      assert.ok(address.length < 120, address);
      assert.deepEqual(parseForm(Object.fromEntries(new URLSearchParams(address)), analyzed), form);
    }
  });

  it('is corrected to a possible form, whatever it contains', () => {
    for (const query of [
      { rank: '0' },
      { rank: 'x' },
      { parameters: '-1' },
      { energy: '1000' },
      { architecture: 'llama', heads: '4' },
      { dtype: 'float8', scale: 'x', criterion: 'y', format: '../..' },
    ])
      assert.deepEqual(parseForm(query, analyzed), first);
    const { pins } = parseForm({ parameters: '9', pins: '8*0-99999x1_0*1_x*2_4*34.35.-1_3*5-2' }, analyzed);
    assert.ok([...pins.keys()].every((index) => index >= 0 && index < 35));
    assert.equal(pins.get(34), 4);
  });

  it('may have any pins', () => {
    const some = fc.uniqueArray(fc.tuple(fc.nat(299), fc.integer({ min: 1, max: 64 })), {
      selector: ([index]) => index,
    });
    fc.assert(
      fc.property(some, (entries) => {
        const pins = new Map(entries);
        const text = formatPins(pins);
        assert.equal(new URLSearchParams({ pins: text }).toString(), `pins=${text}`, 'nothing is escaped');
        assert.deepEqual(new Map(parsePins(text, 300)), pins);
      }),
    );
  });
});

describe('a pattern with the ranks of all modules', () => {
  const names = fc.uniqueArray(
    fc
      .array(fc.constantFrom('h', '0', '1', 'attn', 'mlp', 'q', 'a+b', 'x:1', '_'), {
        minLength: 1,
        maxLength: 4,
      })
      .map((parts) => parts.join('.')),
    { minLength: 1, maxLength: 20 },
  );

  it('gives each module its own rank when the service reads it', () => {
    fc.assert(
      fc.property(
        names,
        fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 20, maxLength: 20 }),
        (found, wanted) => {
          const modules = found.map((name) => ({ name, rank: 4 }));
          const ranks = modules.map((_, index) => wanted[index]!);
          const pattern = rankPattern(modules, ranks);
          const table = new PatternTable('rank_pattern', Object.entries(pattern));
          assert.deepEqual(
            modules.map(({ name, rank }) => table.find(name) ?? rank),
            ranks,
            JSON.stringify(pattern),
          );
        },
      ),
      { numRuns: 500 },
    );
  });

  it('is short if projections have mostly one rank', () => {
    const { modules } = analyzedOf(224, 8);
    const ranks = modules.map((_, index) => (index === 100 ? 7 : 1 + (index % 7)));
    assert.equal(Object.keys(rankPattern(modules, ranks)).length, 8);
  });
});

describe('a request to run elsewhere', () => {
  const request = {
    kind: 'squeeze' as const,
    adapter_id: 'ad_1',
    targets: [{ rank_pattern: { "a'b": 2, '^x\\.y': 3 }, uniform: false }],
    options: { method: 'exact' as const },
  };

  it('is quoted for a shell, and contains no key', () => {
    const text = requestTexts(request, 'http://127.0.0.1:8080', true).curl!;
    assert.match(
      text,
      /^curl http:\/\/127\.0\.0\.1:8080\/v1\/jobs \\\n {2}-H "Authorization: Bearer \$LORA_SQUEEZE_KEY"/,
    );
    assert.ok(text.includes(`"a'\\''b":2`));
    assert.doesNotMatch(requestTexts(request, 'http://h', false).curl!, /Authorization/);
  });

  it('can be Python, or a command', () => {
    const { python, command } = requestTexts(request, 'http://h', false);
    assert.match(python!, /"uniform": False.*\n {4}options=\{"method": "exact"\}/);
    assert.equal(
      command,
      "lora-squeeze batch create ad_1 --server http://h \\\n  --rank-pattern 'a'\\''b=2' \\\n  --rank-pattern '^x\\.y=3' \\\n" +
        '  --no-uniform \\\n  --method exact',
    );
  });
});
