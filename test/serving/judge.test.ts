import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Value } from 'typebox/value';
import { ServingProfile, type Verdict } from '../../src/contract/serving.ts';
import type { Target } from '../../src/contract/target.ts';
import { applyProfile } from '../../src/serving/apply-profile.ts';
import { judge, RULES } from '../../src/serving/judge.ts';
import type { Profile } from '../../src/serving/profile.ts';
import { VLLM } from '../../src/serving/profiles/vllm.ts';
import { PROFILES } from '../../src/serving/profiles.ts';
import fc from '../fast-check.ts';
import { adapterOf, layers, type Module, type Parts, written } from './header-only.ts';

/** Servers that load folders of PEFT. */
const OF_PEFT = PROFILES.filter(({ formats }) => formats.includes('peft'));

const OPEN = { minRank: 1, maxRank: Number.MAX_SAFE_INTEGER, allowedRanks: null };

/** Judges the adapter for the server that it is meant for. */
function judged(parts: Parts, target: Target): Verdict {
  const { profile, limits } = applyProfile(target);
  return judge(profile!, adapterOf(parts), limits);
}

/** The rules that fail, with their messages. */
const failed = ({ rules }: Verdict): Record<string, string> =>
  Object.fromEntries(rules.filter(({ passed }) => !passed).map(({ rule, detail }) => [rule, detail]));

/** Asserts that exactly these rules fail. */
function fails(verdict: Verdict, expected: Readonly<Record<string, RegExp>>): void {
  const found = failed(verdict);
  assert.deepEqual(Object.keys(found).sort(), Object.keys(expected).sort(), JSON.stringify(found));
  for (const [rule, pattern] of Object.entries(expected)) assert.match(found[rule]!, pattern);
  assert.equal(verdict.loads, Object.keys(expected).length === 0);
}
const loads = (verdict: Verdict): void => fails(verdict, {});

const head = { name: 'base_model.model.score.weight', dtype: 'F32', shape: [3, 600] };
const loraBias = {
  name: 'base_model.model.model.layers.0.self_attn.q_proj.lora_B.bias',
  dtype: 'BF16',
  shape: [600],
};
const bias = { name: 'base_model.model.model.layers.0.self_attn.q_proj.bias', dtype: 'BF16', shape: [600] };
const magnitudes = layers(8).map(({ name }) => ({
  name: `base_model.model.${name}.lora_magnitude_vector`,
  dtype: 'BF16',
  shape: [600],
}));
const embedding: Module = {
  name: 'model.embed_tokens',
  rank: 8,
  tensors: [
    { name: 'base_model.model.model.embed_tokens.lora_embedding_A', dtype: 'BF16', shape: [8, 900] },
    { name: 'base_model.model.model.embed_tokens.lora_embedding_B', dtype: 'BF16', shape: [600, 8] },
  ],
};
const conv: Module = {
  name: 'patch_embed',
  rank: 8,
  tensors: [
    { name: 'base_model.model.patch_embed.lora_A.weight', dtype: 'BF16', shape: [8, 3, 2, 2] },
    { name: 'base_model.model.patch_embed.lora_B.weight', dtype: 'BF16', shape: [600, 8, 1, 1] },
  ],
};
const FOLDED = { r: 8, lora_alpha: 8, model_type: 'llama' };
const plain: Parts = { modules: layers(8), config: FOLDED };

describe('a plain adapter of rank 8 and scale 1', () => {
  for (const { name } of OF_PEFT) {
    it(`loads in ${name}`, () => loads(judged(plain, { rank: 8, profile: name })));
  }
});

describe('the rank', () => {
  const of = (rank: number): Parts => ({
    modules: layers(rank),
    config: { lora_alpha: rank, model_type: 'gemma' },
  });

  it('may be any up to the configured limit', () => {
    for (const rank of [1, 7, 15, 16]) loads(judged(of(rank), { profile: 'vllm' }));
    fails(judged(of(17), { profile: 'vllm' }), {
      'max-rank': /Rank 17 exceeds the maximum of 16: squeeze to 16, or serve with --max-lora-rank 32/,
    });
    loads(judged(of(17), { profile: 'vllm', max_rank: 32 }));
    loads(judged(of(512), { profile: 'vllm', max_rank: 512 }));
    fails(judged(of(513), { profile: 'vllm', max_rank: 512 }), {
      'max-rank': /maximum of 512: squeeze to 512\.$/,
    });
  });

  it('is reported with the setting that it requires', () => {
    const { rules } = judged(of(20), { profile: 'vllm', max_rank: 24 });
    assert.match(
      rules.find(({ rule }) => rule === 'max-rank')!.detail,
      /Rank 20 is within the maximum of 24 \(--max-lora-rank: 32\)/,
    );
  });

  it('is the one in the configuration, which servers read', () => {
    const config = { r: 64, lora_alpha: 64, rank_pattern: { '.*': 8 }, alpha_pattern: { '.*': 8 } };
    fails(judged({ modules: layers(8), config }, { profile: 'vllm' }), { 'max-rank': /rank 64/ });
  });

  it('has a minimum in Fireworks, and limits at Cloudflare', () => {
    fails(judged(of(3), { profile: 'fireworks' }), { 'min-rank': /Rank 3 is below the minimum of 4/ });
    fails(judged(of(65), { profile: 'fireworks' }), { 'max-rank': /maximum of 64: squeeze to 64\.$/ });
    fails(judged(of(16), { profile: 'cloudflare' }), { 'max-rank': /maximum of 8:/ });
    loads(judged(of(32), { profile: 'cloudflare', max_rank: 32 }));
  });

  it('has no limit in PEFT, LoRAX and SGLang unless one is given', () => {
    for (const profile of ['peft', 'lorax', 'sglang']) {
      const verdict = judged(of(512), { rank: 512, profile });
      loads(verdict);
      assert.ok(!verdict.rules.some(({ rule }) => rule === 'max-rank'), profile);
    }
    fails(judged(of(64), { profile: 'sglang', max_rank: 32 }), {
      'max-rank': /serve with --max-lora-rank 64/,
    });
  });

  it('must not be one that LoRAX pads, because it then scales by the padded rank', () => {
    for (const rank of [8, 16, 48, 512]) loads(judged(of(rank), { profile: 'lorax' }));
    for (const [rank, remedy] of [
      [4, /squeeze to 8\.$/],
      [24, /Rank 24 is not supported \(others are padded.*\): squeeze to 16 or 32\.$/],
    ] as const) {
      fails(judged(of(rank), { profile: 'lorax' }), { 'allowed-rank': remedy });
    }
  });

  it('may have to be one of a few', () => {
    const picky: Profile = { ...VLLM, allowed_ranks: { ranks: [4, 16], reason: 'a test' } };
    assert.match(
      failed(judge(picky, adapterOf(of(8)), OPEN))['allowed-rank']!,
      /Rank 8 is not supported \(a test\): squeeze to 4 or 16/,
    );
    loads(judge(picky, adapterOf(of(16)), OPEN));
  });
});

describe('ranks that differ', () => {
  /** Scale 1 everywhere, whatever the rank. */
  const unequal = (modules: readonly Module[]): Parts => {
    const r = Math.max(...modules.map(({ rank }) => rank));
    const own = Object.fromEntries(
      modules.filter(({ rank }) => rank !== r).map(({ name, rank }) => [name, rank]),
    );
    return {
      modules,
      config: { r, lora_alpha: r, rank_pattern: own, alpha_pattern: own, model_type: 'llama' },
    };
  };
  const byType = unequal([...layers(8, 2, ['q_proj']), ...layers(4, 2, ['v_proj'])]);
  const byLayer = unequal([
    { name: 'model.layers.0.self_attn.q_proj', rank: 8 },
    { name: 'model.layers.1.self_attn.q_proj', rank: 4 },
  ]);

  it('load if tensors keep their own rank and the scale is 1', () => {
    for (const profile of ['peft', 'vllm']) {
      loads(judged(byType, { rank: 8, profile }));
      loads(judged(byLayer, { rank: 8, profile }));
    }
  });

  it('do not load in LoRAX, which stacks layers with the rank of the first type', () => {
    const sixteen = unequal([...layers(16, 2, ['q_proj']), ...layers(8, 2, ['v_proj'])]);
    fails(judged(sixteen, { rank: 16, profile: 'lorax' }), {
      'uniform-rank': /All modules.*q_proj has 16 and .*v_proj has 8: squeeze to rank 8/,
    });
  });

  it('do not load in SGLang, because of their ranks and their patterns', () => {
    fails(judged(byType, { rank: 8, profile: 'sglang' }), {
      'uniform-rank': /All modules must have one rank/,
      'no-patterns': /refuses rank_pattern\["model\.layers\.0\.self_attn\.v_proj"\].* more:/,
    });
  });

  it('do not load at Cloudflare and Fireworks', () => {
    for (const profile of ['cloudflare', 'fireworks']) {
      fails(judged(byType, { rank: 8, profile }), { 'uniform-rank': /one rank/ });
    }
  });

  it('get wrong scales in TensorRT-LLM with one lora_alpha, and right ones if the scales agree with it', () => {
    fails(judged(byType, { rank: 8, profile: 'tensorrt-llm' }), {
      scale: /rank of each module’s tensors: .*v_proj would get the scaling 2 instead of 1/,
    });
    const sharedAlpha = { r: 8, lora_alpha: 8, rank_pattern: { v_proj: 4 } };
    loads(judged({ modules: byType.modules, config: sharedAlpha }, { rank: 8, profile: 'tensorrt-llm' }));
  });

  it('of experts do not load in vLLM, which stacks them', () => {
    const expert = (index: number, type: string, rank: number): Module => ({
      name: `model.layers.0.mlp.experts.${index}.${type}`,
      rank,
    });
    const equal = [0, 1].flatMap((index) => [expert(index, 'w1', 8), expert(index, 'w2', 4)]);
    loads(judged(unequal(equal), { rank: 8, profile: 'vllm' }));
    fails(judged(unequal([...equal.slice(0, 3), expert(1, 'w2', 2)]), { rank: 8, profile: 'vllm' }), {
      'uniform-rank':
        /All experts of a layer.*experts\.0\.w2 has 4 and .*experts\.1\.w2 has 2: squeeze to rank 2/,
    });
  });
});

describe('the scale', () => {
  const kept = (config: object): Parts => ({ modules: layers(8), config: { ...FOLDED, ...config } });

  it('is lora_alpha / r for most servers', () => {
    for (const profile of ['vllm', 'sglang', 'lorax', 'peft', 'tensorrt-llm']) {
      loads(judged(kept({ lora_alpha: 13.5 }), { rank: 8, profile }));
    }
  });

  it('must be 1 if the formula is not documented', () => {
    for (const profile of ['cloudflare', 'fireworks']) {
      fails(judged(kept({ lora_alpha: 16 }), { rank: 8, profile }), {
        scale: /not documented.*would get the scaling 1 instead of 2; squeeze with scale "fold"/,
      });
    }
  });

  it('of rsLoRA is read by all servers that support it, and wrong in SGLang', () => {
    for (const profile of ['vllm', 'lorax', 'peft', 'tensorrt-llm']) {
      loads(judged(kept({ use_rslora: true }), { rank: 8, profile }));
    }
    fails(judged(kept({ use_rslora: true }), { rank: 8, profile: 'sglang' }), {
      scale: /use_rslora is ignored: .* would get the scaling 1 instead of 2\.82843/,
    });
  });

  it('of modules with an alpha of their own is wrong where alpha_pattern is ignored', () => {
    const own = kept({ alpha_pattern: { v_proj: 24 } });
    loads(judged(own, { rank: 8, profile: 'peft' }));
    for (const profile of ['vllm', 'lorax', 'tensorrt-llm']) {
      fails(judged(own, { rank: 8, profile }), { scale: /v_proj would get the scaling 1 instead of 3/ });
    }
    fails(judged(own, { rank: 8, profile: 'sglang' }), {
      scale: /instead of 3/,
      'no-patterns': /refuses alpha_pattern\["v_proj"\]:/,
    });
  });

  it('is right if the patterns change nothing', () => {
    const redundant = kept({ alpha_pattern: { v_proj: 8 }, rank_pattern: { q_proj: 8 } });
    for (const { name } of OF_PEFT) loads(judged(redundant, { rank: 8, profile: name }));
  });
});

describe('tensors other than factors', () => {
  const withExtra = (config: object, ...extra: Parts['extra'] & object): Parts => ({
    modules: layers(8),
    config: { ...FOLDED, ...config },
    extra,
  });
  const cases: [rule: string, parts: Parts, words: RegExp, loadsIn: readonly string[]][] = [
    [
      'no-modules-to-save',
      withExtra({ modules_to_save: ['score'] }, head),
      /modules_to_save \["score"\], .*score\.weight is (?:refused|ignored).*merge/,
      ['peft'],
    ],
    ['no-modules-to-save', withExtra({}, head), /score\.weight is/, ['peft']],
    [
      'no-modules-to-save',
      withExtra({ modules_to_save: ['lm_head'] }),
      /modules_to_save \["lm_head"\] is/,
      ['peft'],
    ],
    ['no-bias', withExtra({ bias: 'lora_only' }, bias), /bias "lora_only".*q_proj\.bias is/, ['peft']],
    ['no-bias', withExtra({}, bias), /q_proj\.bias is/, ['peft']],
    ['no-lora-bias', withExtra({ lora_bias: true }, loraBias), /lora_bias, .*lora_B\.bias is/, ['peft']],
    [
      'no-dora',
      withExtra({ use_dora: true }, ...magnitudes),
      /use_dora, .*magnitude_vector.* is/,
      ['peft', 'tensorrt-llm'],
    ],
  ];
  for (const [rule, parts, words, loadsIn] of cases) {
    it(`fail ${rule} for ${JSON.stringify(parts.config)} and ${parts.extra!.length} tensors`, () => {
      for (const { name } of OF_PEFT) {
        const verdict = judged(parts, { rank: 8, profile: name });
        if (loadsIn.includes(name)) loads(verdict);
        else fails(verdict, { [rule]: words });
      }
    });
  }

  it('fail with the name of the server and what it does', () => {
    const parts = withExtra({ modules_to_save: ['score'] }, head);
    assert.match(failed(judged(parts, { profile: 'vllm' }))['no-modules-to-save']!, /is refused by vLLM \(/);
    assert.match(
      failed(judged(parts, { rank: 8, profile: 'lorax' }))['no-modules-to-save']!,
      /is ignored by LoRAX \(/,
    );
  });

  it('count the bias of a head as part of the head', () => {
    const headBias = { name: 'base_model.model.score.bias', dtype: 'F32', shape: [3] };
    const verdict = judged(withExtra({ modules_to_save: ['score'] }, head, headBias), { profile: 'vllm' });
    fails(verdict, { 'no-modules-to-save': /score/ });
  });

  it('are not implied by empty lists', () => {
    loads(judged(withExtra({ modules_to_save: [], use_dora: false, lora_bias: false }), { profile: 'vllm' }));
  });
});

describe('modules and their tensors', () => {
  it('must be of a kind that can have LoRA there', () => {
    const kinds = (module: Module): string[] =>
      OF_PEFT.filter(({ name }) => {
        const parts = { modules: [...layers(8), module], config: FOLDED };
        return failed(judged(parts, { rank: 8, profile: name }))['module-kinds'] !== undefined;
      }).map(({ name }) => name);
    assert.deepEqual(kinds(embedding), ['lorax', 'tensorrt-llm', 'cloudflare', 'fireworks']);
    assert.deepEqual(kinds(conv), ['vllm', 'sglang', 'lorax', 'tensorrt-llm', 'cloudflare', 'fireworks']);
  });

  it('must be among those that Fireworks lists', () => {
    const taken = ['q_proj', 'w2', 'block_sparse_moe.gate'].map((last) => ({
      name: `model.layers.0.${last}`,
      rank: 8,
    }));
    loads(judged({ modules: taken, config: FOLDED }, { rank: 8, profile: 'fireworks' }));
    const modules = [...taken, { name: 'lm_head', rank: 8 }, { name: 'model.layers.0.mlp.gate', rank: 8 }];
    fails(judged({ modules, config: FOLDED }, { rank: 8, profile: 'fireworks' }), {
      'target-modules': /not lm_head, model\.layers\.0\.mlp\.gate: train without these/,
    });
  });

  const named = (a: string, b: string): Parts => ({
    modules: [
      {
        name: 'layers.0.q_proj',
        rank: 8,
        tensors: [
          { name: a, dtype: 'BF16', shape: [8, 600] },
          { name: b, dtype: 'BF16', shape: [600, 8] },
        ],
      },
    ],
    config: FOLDED,
  });
  const failing = (parts: Parts): string[] =>
    OF_PEFT.filter(({ name }) => 'tensor-names' in failed(judged(parts, { rank: 8, profile: name }))).map(
      ({ name }) => name,
    );

  it('may lack the prefix of PEFT only if the server does not need it', () => {
    const parts = named('layers.0.q_proj.lora_A.weight', 'layers.0.q_proj.lora_B.weight');
    assert.deepEqual(failing(parts), ['lorax', 'peft', 'cloudflare', 'fireworks']);
  });

  it('must not contain the name of the adapter', () => {
    const path = 'base_model.model.layers.0.q_proj';
    const parts = named(`${path}.lora_A.default.weight`, `${path}.lora_B.default.weight`);
    assert.deepEqual(failing(parts), ['vllm', 'lorax', 'tensorrt-llm', 'peft', 'cloudflare', 'fireworks']);
  });
});

describe('configuration, dtype, files and size', () => {
  it('lack what Cloudflare requires unless model_type is there', () => {
    fails(judged({ modules: layers(8), config: { lora_alpha: 8 } }, { profile: 'cloudflare' }), {
      'config-fields': /model_type must be mistral or gemma or llama, because the server/,
    });
    const config = { lora_alpha: 8, model_type: 'gpt2' };
    fails(judged({ modules: layers(8), config }, { profile: 'cloudflare' }), {
      'config-fields': /model_type/,
    });
  });

  it('lack the fields that servers read without a default', () => {
    const parts = { modules: layers(8), config: { ...FOLDED, target_modules: null } };
    const found = OF_PEFT.filter(({ name }) => !judged(parts, { rank: 8, profile: name }).loads);
    assert.deepEqual(
      found.map(({ name }) => name),
      ['vllm', 'sglang', 'fireworks'],
    );
  });

  it('are judged by the dtypes of both factors', () => {
    const half: Profile = { ...VLLM, dtypes: ['float16', 'bfloat16'] };
    loads(judge(half, adapterOf(plain), OPEN));
    const mixed = { modules: [...layers(8), { name: 'last', rank: 8, dtype: 'F32' }], config: FOLDED };
    fails(judge(half, adapterOf(mixed), OPEN), {
      dtype: /factors is float32: squeeze with dtype float16 or bfloat16/,
    });
  });

  it('need the names that a server looks for', () => {
    const { adapter, files } = adapterOf(plain);
    for (const profile of OF_PEFT) {
      fails(judge(profile, { adapter, files: files.slice(0, 1) }, OPEN), {
        'file-names': /adapter_config\.json is missing/,
      });
    }
  });

  it('must be smaller than Cloudflare’s limit, not equal', () => {
    const { adapter, files } = adapterOf(plain);
    const cloudflare = OF_PEFT.find(({ name }) => name === 'cloudflare')!;
    const sized = (bytes: number) =>
      judge(cloudflare, { adapter, files: [{ ...files[0]!, bytes }, files[1]!] }, OPEN);
    loads(sized(299_999_999));
    fails(sized(300_000_000), { size: /has 300000000 bytes.*fewer than 300000000: squeeze to a lower rank/ });
  });
});

describe('the output of the writer', () => {
  const source = fc.record({
    // The smallest rank that LoRAX loads; modules with a smaller rank keep theirs.
    rank: fc.integer({ min: 8, max: 96 }),
    count: fc.integer({ min: 1, max: 4 }),
    alpha: fc.double({ min: 0.001, max: 1000, noNaN: true }),
    rslora: fc.boolean(),
    ownAlpha: fc.boolean(),
    dtype: fc.constantFrom('F32', 'F16', 'BF16'),
  });
  const asked = fc.record(
    {
      rank: fc.integer({ min: 4, max: 600 }),
      max_rank: fc.integer({ min: 4, max: 600 }),
      scale: fc.constantFrom('fold' as const),
      dtype: fc.constantFrom('match' as const, 'float16' as const, 'float32' as const),
      split: fc.constantFrom('a' as const, 'b' as const),
    },
    { requiredKeys: [] },
  );

  for (const { name } of OF_PEFT) {
    it(`for a plain adapter loads in ${name}, whatever the profile permits`, () => {
      let counted = 0;
      fc.assert(
        fc.property(source, asked, ({ rank, count, alpha, rslora, ownAlpha, dtype }, wish) => {
          const target = { ...wish, profile: name } as Target;
          try {
            applyProfile(target);
          } catch {
            return; // A refused target writes nothing.
          }
          counted += 1;
          const { adapter } = adapterOf({
            modules: layers(rank, count).map((module) => ({ ...module, dtype })),
            config: {
              lora_alpha: alpha,
              use_rslora: rslora,
              alpha_pattern: ownAlpha ? { v_proj: alpha / 3 } : {},
              model_type: 'mistral',
            },
          });
          const { facts, applied } = written(adapter, target);
          const verdict = judge(applied.profile!, facts, applied.limits);
          assert.ok(verdict.loads, JSON.stringify([target, failed(verdict)]));
        }),
        { numRuns: 300 },
      );
      assert.ok(counted > 10, `only ${counted} wishes were allowed`);
    });
  }

  it('with scale "keep" loads in all servers that read lora_alpha as written', () => {
    const { adapter } = adapterOf({ modules: layers(32), config: { lora_alpha: 48, use_rslora: true } });
    const verdicts = ['vllm', 'lorax', 'peft', 'tensorrt-llm', 'sglang'].map((profile) => {
      const { facts, applied } = written(adapter, { rank: 16, scale: 'keep', profile });
      return judge(applied.profile!, facts, applied.limits).loads;
    });
    assert.deepEqual(verdicts, [true, true, true, true, false]);
  });

  it('with different ranks loads in vLLM with the scale folded, not with the scale kept', () => {
    // lora_alpha is that of most modules, and r the largest rank: they do not belong together.
    const modules = [...layers(32, 1, ['q_proj']), ...layers(8, 2, ['v_proj'])];
    const config = { r: 32, lora_alpha: 64, rank_pattern: { v_proj: 8 }, alpha_pattern: { v_proj: 16 } };
    const { adapter } = adapterOf({ modules, config });
    const verdict = (scale: 'fold' | 'keep') => {
      const { facts, applied } = written(adapter, { rank: 16, scale, profile: 'vllm' });
      return judge(applied.profile!, facts, applied.limits);
    };
    loads(verdict('fold'));
    fails(verdict('keep'), { scale: /q_proj would get the scaling 1 instead of 2/ });
  });
});

describe('the profiles', () => {
  it('agree with the contract, each with the sources of its facts', () => {
    for (const profile of PROFILES) {
      assert.ok(Value.Check(ServingProfile, profile), [...Value.Errors(ServingProfile, profile)].join());
      for (const { url, version } of profile.sources) {
        assert.equal(new URL(url).protocol, 'https:');
        assert.ok(version.length > 3);
      }
    }
  });

  it('have different names, and limits that agree with each other', () => {
    assert.equal(new Set(PROFILES.map(({ name }) => name)).size, PROFILES.length);
    for (const { max_rank: cap, min_rank: least, name, lacks } of PROFILES) {
      assert.match(name, /^[a-z][a-z0-9-]*$/);
      if (cap.default !== null && cap.largest !== null) assert.ok(cap.default <= cap.largest, name);
      if (cap.default !== null) assert.ok(cap.default >= least, name);
      if (cap.steps) {
        assert.deepEqual(
          cap.steps,
          [...cap.steps].sort((x, y) => x - y),
        );
        assert.ok(cap.steps.includes(cap.default!) && cap.steps.at(-1) === cap.largest, name);
      }
      assert.equal(new Set(lacks.map(({ feature }) => feature)).size, lacks.length);
    }
  });

  it('have no rule without a test', () => {
    assert.deepEqual(Object.keys(RULES), [
      'max-rank',
      'min-rank',
      'allowed-rank',
      'uniform-rank',
      'scale',
      'no-patterns',
      'dtype',
      'no-dora',
      'no-modules-to-save',
      'no-bias',
      'no-lora-bias',
      'module-kinds',
      'target-modules',
      'tensor-names',
      'config-fields',
      'file-names',
      'size',
    ]);
  });
});
