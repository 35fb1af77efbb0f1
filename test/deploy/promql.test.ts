import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parsePromql, scrapedSeries, unknownIn } from './promql.ts';

const known = scrapedSeries();

describe('the checker of PromQL', () => {
  it('finds selectors, matchers and groupings', () => {
    const { selectors, groupedBy } = parsePromql(
      'sum by (le) (rate(a_bucket{x="1", y=~"b|c"}[5m])) / on (z) d:e',
    );
    assert.deepEqual(selectors, [
      {
        metric: 'a_bucket',
        matchers: [
          { label: 'x', value: '1' },
          { label: 'y', value: 'b|c' },
        ],
      },
      { metric: 'd:e', matchers: [] },
    ]);
    assert.deepEqual(groupedBy, ['le', 'z']);
  });

  it('refuses what is not PromQL', () => {
    for (const broken of ['sum(rate(up[5m])', 'rate(up[5m]', 'up{job=}', 'sum by le (up)'])
      assert.throws(() => parsePromql(broken), /PromQL breaks/, broken);
  });

  it('reports metrics, labels and groupings that do not exist', () => {
    assert.deepEqual(
      unknownIn('sum by (kind) (rate(lora_squeeze_jobs_total{state="failed"}[5m]))', known),
      [],
    );
    for (const [expression, missing] of [
      ['lora_squeeze_job_total', 'no metric "lora_squeeze_job_total"'],
      ['lora_squeeze_relative_error_ratio', 'no metric'],
      ['lora_squeeze_jobs_total{code="x"}', 'has no label "code"'],
      ['sum by (code) (lora_squeeze_jobs_total)', 'nothing has the label "code"'],
      ['lora_squeeze_relative_error_ratio_sum{le="1"}', 'has no label "le"'],
    ] as const)
      assert.match(unknownIn(expression, known).join(), new RegExp(missing), expression);
  });
});
