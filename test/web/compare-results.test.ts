import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compareResults } from '../../web/src/text/compare-results.ts';

const result = (module_relative_error: number, relative_error: number, bytes: number) => ({
  module_relative_error,
  relative_error,
  bytes,
});

describe('the sentences that compare two results', () => {
  it('name both errors if they disagree, and no difference of sizes that cannot be seen', () => {
    assert.equal(
      compareResults(result(0.139, 0.2, 370_010), result(0.109, 0.22, 369_990), []),
      'The second is closer to its source: its mean module error is 10.9\u00a0% instead of 13.9\u00a0%, 3.00\u00a0points less. ' +
        'Over all modules together, where large updates count more, the first is closer, by 2.00\u00a0points. ' +
        'Both files have the same size, 370\u00a0kB.',
    );
  });

  it('name one error if both agree', () => {
    const text = compareResults(result(0.1, 0.1, 1000), result(0.2, 0.3, 500), []);
    assert.match(text, /^The first is closer .*less\. The file of the second is 50\.0\u00a0% smaller/);
  });
});
