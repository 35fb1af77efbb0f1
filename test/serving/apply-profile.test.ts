import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Target } from '../../src/contract/target.ts';
import { AppError } from '../../src/errors/app-error.ts';
import { applyGivenProfile, applyProfile } from '../../src/serving/apply-profile.ts';
import { checkTargets } from '../../src/serving/check-targets.ts';
import type { Profile } from '../../src/serving/profile.ts';
import { LORAX } from '../../src/serving/profiles/lorax.ts';
import { VLLM } from '../../src/serving/profiles/vllm.ts';
import { PROFILES } from '../../src/serving/profiles.ts';
import { settingFor } from '../../src/serving/rank-limits.ts';
import fc from '../fast-check.ts';

const errorOf = (act: () => unknown): AppError => {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof AppError, String(error));
    return error;
  }
  return assert.fail('nothing was thrown');
};

const NONE = Number.MAX_SAFE_INTEGER;

describe('a target without a profile', () => {
  it('is unchanged, and its own limits are returned', () => {
    const target: Target = { energy: 0.9, min_rank: 2, max_rank: 9 };
    const applied = applyProfile(target);
    assert.equal(applied.target, target);
    assert.equal(applied.profile, null);
    assert.deepEqual(applied.limits, { minRank: 2, maxRank: 9, allowedRanks: null });
    assert.deepEqual(applyProfile({ rank: 3 }).limits, { minRank: 1, maxRank: NONE, allowedRanks: null });
  });

  it('is refused if no rank is within its limits', () => {
    const error = errorOf(() => applyProfile({ energy: 0.9, min_rank: 9, max_rank: 2 }));
    assert.equal(error.code, 'VALIDATION_FAILED');
    assert.match(error.message, /min_rank is 9.*2/);
  });
});

describe('a profile', () => {
  const applied = (target: Target) => {
    const { target: whole, limits } = applyProfile(target);
    return {
      rank: 'rank' in whole ? whole.rank : null,
      uniform: whole.uniform,
      scale: whole.scale,
      dtype: whole.dtype,
      split: whole.split,
      ...limits,
    };
  };
  const usual = {
    uniform: true,
    scale: 'fold',
    dtype: 'match',
    split: 'balanced',
    minRank: 1,
    allowedRanks: null,
  };

  const table: [Target, Partial<ReturnType<typeof applied>>][] = [
    // Without a policy: the largest rank of the server, by default or as configured.
    [{ profile: 'vllm' }, { rank: 16, maxRank: 16 }],
    [
      { profile: 'vllm', max_rank: 64 },
      { rank: 64, maxRank: 64 },
    ],
    [
      { profile: 'vllm', max_rank: 24 },
      { rank: 24, maxRank: 24 },
    ],
    [
      { profile: 'vllm', max_rank: 512 },
      { rank: 512, maxRank: 512 },
    ],
    [{ profile: 'cloudflare' }, { rank: 8, maxRank: 8 }],
    [
      { profile: 'cloudflare', max_rank: 32 },
      { rank: 32, maxRank: 32 },
    ],
    [{ profile: 'fireworks' }, { rank: 64, maxRank: 64, minRank: 4 }],
    [
      { profile: 'fireworks', max_rank: 4 },
      { rank: 4, maxRank: 4, minRank: 4 },
    ],
    [{ profile: 'tensorrt-llm' }, { rank: 64, maxRank: 64 }],
    [
      { profile: 'sglang', max_rank: 32 },
      { rank: 32, maxRank: 32 },
    ],
    [
      { profile: 'peft', max_rank: 3000 },
      { rank: 3000, maxRank: 3000 },
    ],
    // Without a policy and without a limit, modules keep their rank; only the encoding follows the profile.
    [{ profile: 'peft' }, { rank: null, maxRank: NONE }],
    [
      { profile: 'sglang', dtype: 'float16' },
      { rank: null, maxRank: NONE, dtype: 'float16' },
    ],
    // With a policy: the policy within the limits.
    [
      { rank: 8, profile: 'vllm' },
      { rank: 8, maxRank: 16 },
    ],
    [
      { rank: 64, profile: 'vllm', max_rank: 64 },
      { rank: 64, maxRank: 64 },
    ],
    [
      { rank: 200, profile: 'sglang' },
      { rank: 200, maxRank: NONE },
    ],
    [
      { energy: 0.9, profile: 'vllm' },
      { rank: null, maxRank: 16 },
    ],
    [
      { energy: 0.9, profile: 'fireworks', min_rank: 2 },
      { rank: null, minRank: 4, maxRank: 64 },
    ],
    [
      { energy: 0.9, profile: 'fireworks', min_rank: 6 },
      { rank: null, minRank: 6, maxRank: 64 },
    ],
    // Fields that the target sets stay.
    [
      { rank: 4, profile: 'vllm', scale: 'keep', dtype: 'float16', split: 'b' },
      { rank: 4, maxRank: 16, scale: 'keep', dtype: 'float16', split: 'b' },
    ],
    [
      { energy: 0.9, profile: 'vllm', uniform: false },
      { rank: null, maxRank: 16, uniform: false },
    ],
    // Budgets choose different ranks, if the server accepts those.
    [
      { budget_bytes: 1000, profile: 'peft' },
      { rank: null, maxRank: NONE, uniform: false },
    ],
    [
      { budget_bytes: 1000, profile: 'vllm' },
      { rank: null, maxRank: 16, uniform: false },
    ],
    // So do the ranks of kohya.
    [
      { ratio: 4, compat: 'kohya', profile: 'vllm' },
      { rank: null, maxRank: 16, uniform: false },
    ],
    [
      { ratio: 4, compat: 'kohya', profile: 'sglang' },
      { rank: null, maxRank: NONE, uniform: true },
    ],
    [
      { budget_bytes: 1000, profile: 'sglang' },
      { rank: null, maxRank: NONE, uniform: true },
    ],
    [
      { budget_parameters: 1000, profile: 'lorax' },
      { rank: null, maxRank: NONE, uniform: true, allowedRanks: LORAX.allowed_ranks!.ranks },
    ],
    // LoRAX applies a wrong scaling to padded ranks, so only 8 and multiples of 16 are possible.
    [
      { profile: 'lorax', max_rank: 40 },
      { rank: 32, maxRank: 40, allowedRanks: LORAX.allowed_ranks!.ranks },
    ],
    [
      { budget_parameters: 1000, profile: 'tensorrt-llm' },
      { rank: null, maxRank: 64, uniform: true },
    ],
    [
      { rank_pattern: { q_proj: 8 }, profile: 'sglang', uniform: true },
      { rank: null, maxRank: NONE },
    ],
  ];
  for (const [target, expected] of table) {
    it(`completes ${JSON.stringify(target)}`, () => {
      assert.deepEqual(applied(target), { ...usual, ...expected });
    });
  }

  const refused: [Target, RegExp][] = [
    [{ profile: 'vllm', max_rank: 1024 }, /max_rank is 1024.*vllm accepts at most 512 \(--max-lora-rank\)/],
    [{ profile: 'cloudflare', max_rank: 33 }, /max_rank is 33.*cloudflare accepts at most 32/],
    [{ profile: 'fireworks', max_rank: 3 }, /max_rank is 3.*fireworks accepts no rank below 4/],
    [{ rank: 2, profile: 'fireworks' }, /rank is 2.*no rank below 4/],
    [
      { rank: 64, profile: 'vllm' },
      /rank is 64, but vllm accepts at most 16 here; set max_rank to 64 if --max-lora-rank allows it/,
    ],
    [{ rank: 1024, profile: 'vllm' }, /rank is 1024, but vllm accepts at most 16 here\.$/],
    [{ rank: 65, profile: 'fireworks' }, /rank is 65, but fireworks accepts at most 64 here\.$/],
    [{ rank: 64, max_rank: 32, profile: 'vllm' }, /rank is 64, but vllm accepts at most 32 here\.$/],
    [
      { rank_pattern: { 'a.b': 99 }, profile: 'vllm' },
      /rank_pattern\["a\.b"\] is 99, but vllm accepts at most 16/,
    ],
    [{ min_rank: 20, energy: 0.9, profile: 'vllm' }, /min_rank is 20.*16/],
    [{ energy: 0.9, uniform: false, profile: 'sglang' }, /uniform is false.*sglang needs one rank/],
    [{ energy: 0.9, uniform: false, profile: 'lorax' }, /uniform is false.*lorax/],
    [{ budget_bytes: 9, uniform: false, profile: 'tensorrt-llm' }, /uniform is false.*tensorrt-llm/],
    [{ rank: 4, profile: 'lorax' }, /rank is 4, which does not work in lorax \(others are padded.*: use 8\./],
    [{ rank: 12, profile: 'lorax' }, /: use 8 or 16\./],
    [{ rank: 600, profile: 'lorax' }, /: use 512\./],
    [{ profile: 'lorax', max_rank: 7 }, /No rank from 1 to 7 works in lorax: set limits that include 8\./],
    [
      { energy: 0.9, min_rank: 600, profile: 'lorax' },
      /No rank from 600 up works in lorax: .* include 512\./,
    ],
    [{ rank_pattern: { q: 8 }, profile: 'lorax' }, /rank_pattern gives.*lorax needs one for all/],
    [{ rank_pattern: { q: 8 }, profile: 'sglang' }, /rank_pattern gives.*sglang needs one for all/],
    [{ rank: 8, scale: 'keep', profile: 'fireworks' }, /scale is "keep".*fireworks.*"fold"/],
  ];
  for (const [target, message] of refused) {
    it(`refuses ${JSON.stringify(target)} in one sentence`, () => {
      const error = errorOf(() => applyProfile(target));
      assert.equal(error.code, 'VALIDATION_FAILED');
      assert.equal(error.kind.status, 400);
      assert.match(error.message, message);
      assert.match(error.message, /^[^.]*(?:\.[^ ][^.]*)*\.$/, 'one sentence');
    });
  }

  it('that is unknown is refused with the names of all profiles', () => {
    for (const profile of ['vLLM', 'ollama', '__proto__', 'toString']) {
      const error = errorOf(() => applyProfile({ rank: 1, profile }));
      assert.equal(error.code, 'UNKNOWN_PROFILE');
      assert.equal(error.kind.status, 400);
      for (const { name } of PROFILES) assert.ok(error.message.includes(name), name);
    }
  });

  it('may limit dtypes and ranks', () => {
    const narrow: Profile = {
      ...VLLM,
      name: 'narrow',
      dtypes: ['float16'],
      allowed_ranks: { ranks: [4, 8, 32], reason: 'a test' },
    };
    assert.equal(applyGivenProfile({ rank: 4, profile: 'narrow' }, narrow).target.dtype, 'float16');
    assert.deepEqual(
      applyGivenProfile({ energy: 0.5, profile: 'narrow' }, narrow).limits.allowedRanks,
      [4, 8, 32],
    );
    const { target } = applyGivenProfile({ profile: 'narrow' }, narrow);
    assert.ok('rank' in target && target.rank === 8, 'the largest allowed within the cap of 16');
    assert.match(
      errorOf(() => applyGivenProfile({ rank: 5, profile: 'narrow' }, narrow)).message,
      /rank is 5, which does not work in narrow \(a test\): use 4 or 8\./,
    );
    assert.match(
      errorOf(() => applyGivenProfile({ rank: 4, dtype: 'float32', profile: 'narrow' }, narrow)).message,
      /dtype is "float32", but narrow accepts only float16/,
    );
  });

  it('changes nothing when it is applied again', () => {
    for (const [target] of table) {
      const once = applyProfile(target);
      assert.deepEqual(applyProfile(once.target), once);
    }
  });
});

describe('the targets of a request', () => {
  it('are checked together, and the wrong one is named by its place', () => {
    checkTargets([{ rank: 4 }, { profile: 'vllm' }]);
    const error = errorOf(() => checkTargets([{ rank: 4 }, { rank: 65, profile: 'fireworks' }]));
    assert.match(error.message, /^targets\[1\]: rank is 65/);
    const [place] = error.context.errors as { pointer: string; detail: string }[];
    assert.equal(place!.pointer, '/targets/1');
    assert.equal(error.context.limit, 64);
  });
});

describe('vLLM’s --max-lora-rank', () => {
  it('is the smallest permitted value that is not below the rank', () => {
    const found = [1, 2, 8, 9, 16, 17, 33, 129, 257, 321, 512].map((rank) => settingFor(VLLM, rank));
    assert.deepEqual(found, [1, 8, 8, 16, 16, 32, 64, 256, 320, 512, 512]);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 512 }), (rank) => {
        const step = settingFor(VLLM, rank);
        assert.ok(VLLM.max_rank.steps!.includes(step) && step >= rank);
        assert.ok(!VLLM.max_rank.steps!.some((other) => other >= rank && other < step));
      }),
    );
  });
});
