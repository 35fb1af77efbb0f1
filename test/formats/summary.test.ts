import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { summarise } from '../../src/formats/summary.ts';
import { adapterOf, linear, tensor } from './peft/build.ts';

describe('summarise', () => {
  it('counts only the factors', () => {
    const adapter = adapterOf(
      [
        ...linear('a.q', 4, 16, 32, 'F32'),
        ...linear('b.q', 2, 10, 20, 'BF16'),
        tensor('c.lora_A.weight', [8, 3, 5, 5], 'F16'),
        tensor('c.lora_B.weight', [6, 8, 1, 1], 'BF16'),
        tensor('head.weight', [100, 100], 'F64'),
        tensor('head.bias', [100], 'F64'),
      ],
      { base_model_name_or_path: 'org/base', lora_alpha: 1.5, rank_pattern: { 'b.q': 2, c: 8 } },
    );
    assert.deepEqual(summarise(adapter), {
      format: 'peft',
      base_model: 'org/base',
      modules: 3,
      ranks: { min: 2, max: 8 },
      alpha: 1.5,
      dtypes: ['BF16', 'F16', 'F32'],
      parameters: 4 * (16 + 32) + 2 * (10 + 20) + 8 * (6 + 75),
      passthrough_tensors: 2,
      size: [
        { what: 'lora', tensors: 6, bytes: 4 * 4 * 48 + 2 * 2 * 30 + 2 * 8 * 81 },
        { what: 'biases', tensors: 1, bytes: 800 },
        { what: 'other', tensors: 1, bytes: 80_000 },
      ],
      warnings: [],
    });
  });

  it("passes on the reader's warnings", () => {
    const summary = summarise(adapterOf(linear('q', 8), '{"peft_type":"LORA","init_lora_weights":"pissa"}'));
    assert.equal(summary.base_model, null);
    assert.deepEqual(
      summary.warnings.map((warning) => /init_lora_weights|no r,|no lora_alpha,/.exec(warning)?.[0]),
      ['init_lora_weights', 'no r,', 'no lora_alpha,'],
    );
  });
});
