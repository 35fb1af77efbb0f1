import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RecordedJobRequest } from '../../../../src/contract/job-request.ts';
import type { Target } from '../../../../src/contract/target.ts';
import { requestDigest } from '../../../../src/resources/jobs/executions/execution-key.ts';

const squeeze = (targets: Target[], more: object = {}): RecordedJobRequest => ({
  kind: 'squeeze',
  adapter_id: 'ad_1',
  targets,
  ...more,
});
const digest = (work: RecordedJobRequest, build = '1.0.0'): string => requestDigest(work, build);

describe('the digest of a request', () => {
  const same: [what: string, one: RecordedJobRequest, other: RecordedJobRequest][] = [
    [
      'defaults of the options',
      squeeze([{ rank: 2 }]),
      squeeze([{ rank: 2 }], {
        options: { seed: 0, oversampling: 10, method: 'rsvd', power_iterations: 'auto' },
      }),
    ],
    ['no options and empty ones', squeeze([{ rank: 2 }]), squeeze([{ rank: 2 }], { options: {} })],
    [
      'defaults of a target',
      squeeze([{ rank: 2 }]),
      squeeze([
        {
          dtype: 'match',
          split: 'balanced',
          revive: false,
          projections: false,
          rank: 2,
        },
      ]),
    ],
    [
      'budgets are not uniform by default',
      squeeze([{ budget_bytes: 10_000 }]),
      squeeze([{ budget_bytes: 10_000, uniform: false }]),
    ],
    [
      'budgets are relative by default',
      squeeze([{ budget_parameters: 10_000 }]),
      squeeze([{ budget_parameters: 10_000, criterion: 'relative' }]),
    ],
    [
      'the order of keys',
      squeeze([{ energy: 0.9, scale: 'keep' }]),
      { targets: [{ scale: 'keep', energy: 0.9 }], adapter_id: 'ad_1', kind: 'squeeze' },
    ],
    [
      'weights of a merge',
      { kind: 'merge', sources: [{ adapter_id: 'ad_1' }, { adapter_id: 'ad_2' }], targets: [{ rank: 2 }] },
      {
        kind: 'merge',
        sources: [
          { weight: 1, adapter_id: 'ad_1' },
          { adapter_id: 'ad_2', weight: 1 },
        ],
        targets: [{ rank: 2 }],
      },
    ],
    [
      'what results are called and how long they live',
      squeeze([{ rank: 2 }, { rank: 3 }]),
      squeeze([{ rank: 2, results: { name: 'x', ttl_seconds: 60 } }, { rank: 3 }], {
        results: { labels: { team: 'search' } },
      }),
    ],
  ];
  for (const [what, one, other] of same) {
    it(`is the same: ${what}`, () => assert.equal(digest(one), digest(other)));
  }

  it('is different for everything that changes the results', () => {
    const pattern = (...entries: [string, number][]) =>
      squeeze([{ rank_pattern: Object.fromEntries(entries) }]);
    const works: RecordedJobRequest[] = [
      squeeze([{ rank: 2 }]),
      squeeze([{ rank: 3 }]),
      squeeze([{ rank: 2 }, { rank: 3 }]),
      squeeze([{ rank: 3 }, { rank: 2 }]),
      squeeze([{ rank: 2 }], { adapter_id: 'ad_2' }),
      squeeze([{ rank: 2 }], { options: { seed: 1 } }),
      squeeze([{ rank: 2, scale: 'keep' }]),
      // If given explicitly, they also apply where they would not by default.
      squeeze([{ rank: 2, scale: 'fold' }]),
      squeeze([{ rank: 2, uniform: true }]),
      squeeze([{ rank: 2, uniform: false }]),
      // A profile decides what is left open, so these three differ.
      squeeze([{ rank: 2, profile: 'vllm' }]),
      squeeze([{ rank: 2, profile: 'vllm', scale: 'fold' }]),
      squeeze([{ rank: 2, profile: 'sglang' }]),
      squeeze([{ ratio: 4 }]),
      squeeze([{ ratio: 4, compat: 'kohya' }]),
      squeeze([{ ratio: 4, compat: 'kohya', uniform: true }]),
      squeeze([{ budget_bytes: 10_000 }]),
      squeeze([{ budget_bytes: 10_000, uniform: true }]),
      squeeze([{ budget_bytes: 10_000, criterion: 'energy' }]),
      // The first matching pattern applies.
      pattern(['q_proj', 2], ['.*', 4]),
      pattern(['.*', 4], ['q_proj', 2]),
      { kind: 'analyze', adapter_id: 'ad_1' },
      { kind: 'merge', sources: [{ adapter_id: 'ad_1' }], targets: [{ rank: 2 }] },
      { kind: 'merge', sources: [{ adapter_id: 'ad_1', weight: 0.5 }], targets: [{ rank: 2 }] },
      {
        kind: 'merge',
        sources: [{ adapter_id: 'ad_1' }, { adapter_id: 'ad_2' }],
        targets: [{ rank: 2 }],
      },
      {
        kind: 'merge',
        sources: [{ adapter_id: 'ad_2' }, { adapter_id: 'ad_1' }],
        targets: [{ rank: 2 }],
      },
    ];
    const digests = works.map((work) => digest(work));
    for (const [i, one] of digests.entries()) {
      assert.match(one, /^[0-9a-f]{64}$/);
      assert.equal(digests.indexOf(one), i, JSON.stringify([works[digests.indexOf(one)], works[i]]));
    }
  });

  it('is different for another build', () => {
    assert.notEqual(digest(squeeze([{ rank: 2 }]), '1.0.0'), digest(squeeze([{ rank: 2 }]), '1.0.1'));
  });
});
