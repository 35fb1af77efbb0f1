import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FORMAT_NAMES } from '../../src/adapter/format-name.ts';
import { checkTargets } from '../../src/serving/check-targets.ts';
import { PROFILES } from '../../src/serving/profiles.ts';

describe('a profile and a format', () => {
  it('go together where the format is that which the place loads, in every profile', () => {
    for (const { name: profile, files } of PROFILES) {
      assert.ok(files.length === 0 || files.includes('adapter_model.safetensors'), profile);
      checkTargets([
        { rank: 8, profile },
        { rank: 8, profile, format: 'peft' },
      ]);
      for (const format of FORMAT_NAMES.filter((name) => name !== 'peft')) {
        assert.throws(() => checkTargets([{ rank: 8, profile, format }]), {
          code: 'VALIDATION_FAILED',
          message: `targets[0]: profile is "${profile}", which loads adapters of PEFT, but format is "${format}": leave out one of them, or say format "peft".`,
        });
      }
    }
  });

  it('are free where there is but one of them', () => {
    for (const format of FORMAT_NAMES) checkTargets([{ rank: 8, format }]);
  });
});
