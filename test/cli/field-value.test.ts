import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { UsageError } from '../../src/cli/command-error.ts';
import { type FieldSchema, fieldValue, fieldValues } from '../../src/cli/field-value.ts';
import { MergeSource, SqueezeOptions } from '../../src/contract/job-request.ts';
import { TargetFields } from '../../src/contract/target.ts';

const { method, power_iterations, seed } = SqueezeOptions.properties as Record<string, FieldSchema>;
const {
  rank: RANK,
  energy: ENERGY,
  tolerance: TOLERANCE,
  ratio: RATIO,
  profile: PROFILE,
} = TargetFields.properties as Record<'rank' | 'energy' | 'tolerance' | 'ratio' | 'profile', FieldSchema>;

describe('fieldValue', () => {
  it('reads what the contract allows', () => {
    const cases: [string, FieldSchema, unknown][] = [
      ['1', RANK, 1],
      ['65536', RANK, 65536],
      ['1', ENERGY, 1],
      ['0.9', ENERGY, 0.9],
      ['9e-1', ENERGY, 0.9],
      ['0', TOLERANCE, 0],
      ['1e7', RATIO, 1e7],
      ['-1000000', MergeSource.properties.weight as FieldSchema, -1e6],
      ['exact', method!, 'exact'],
      ['auto', power_iterations!, 'auto'],
      ['3', power_iterations!, 3],
      ['4294967295', seed!, 4294967295],
    ];
    for (const [text, schema, value] of cases) assert.equal(fieldValue('--x', text, schema), value);
  });

  it('refuses everything else, naming the option, the text and what is allowed', () => {
    const cases: [string, FieldSchema, RegExp][] = [
      ['0', RANK, /^--x is "0" but must be a whole number from 1 to 65536$/],
      ['65537', RANK, /65537/],
      ['4.5', RANK, /4\.5/],
      ['1e3', RANK, /whole number/],
      ['', RANK, /""/],
      [' ', ENERGY, /" "/],
      ['four', RANK, /four/],
      ['0x10', RANK, /0x10/],
      ['Infinity', RATIO, /number from 1 to 10000000/],
      ['NaN', ENERGY, /NaN/],
      ['0', ENERGY, /a number above 0 and at most 1$/],
      ['1', TOLERANCE, /a number of at least 0 and below 1$/],
      ['Exact', method!, /must be rsvd or exact$/],
      ['65', power_iterations!, /a whole number from 0 to 64 or auto$/],
      ['', PROFILE, /1 to 64 characters/],
    ];
    for (const [text, schema, words] of cases) {
      assert.throws(
        () => fieldValue('--x', text, schema),
        (error) => error instanceof UsageError && words.test(error.message),
        `${text} against ${fieldValues(schema)}`,
      );
    }
  });
});
