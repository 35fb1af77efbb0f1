import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { UsageError } from '../../src/cli/command-error.ts';
import { expiryTime } from '../../src/cli/field-value.ts';

const NOW_MS = Date.parse('2026-01-01T00:00:00Z');

describe('endOf', () => {
  it('reads minutes, hours, days, weeks and years', () => {
    const cases = {
      '30m': '2026-01-01T00:30:00.000Z',
      '36h': '2026-01-02T12:00:00.000Z',
      '90d': '2026-04-01T00:00:00.000Z',
      '2w': '2026-01-15T00:00:00.000Z',
      '1y': '2027-01-01T00:00:00.000Z',
    };
    for (const [text, end] of Object.entries(cases))
      assert.equal(expiryTime(text, NOW_MS).toISOString(), end);
    assert.equal(expiryTime('100y', NOW_MS).getTime(), NOW_MS + 3_153_600_000_000);
  });

  it('refuses a text that is not a duration, a duration of zero, and one that is too long', () => {
    for (const text of [
      '',
      '0d',
      '90',
      'd',
      '-1d',
      '1.5d',
      '1 d',
      '90D',
      '101y',
      '99999999999999999999m',
      '1d2h',
    ]) {
      assert.throws(() => expiryTime(text, NOW_MS), UsageError, text);
    }
  });
});
