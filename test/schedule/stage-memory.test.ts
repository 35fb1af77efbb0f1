import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { stageSize } from '../../src/schedule/stage-memory.ts';
import fc from '../fast-check.ts';
import { refusal } from './requests.ts';

/** q and v of 32 layers, and a wide one: 8192·64 + 15104 = 539,392 parameters for each rank. */
const MODULES = [
  { out_features: 4096, in_features: 4096, count: 64 },
  { out_features: 11008, in_features: 4096 },
];

describe('what a stage trains', () => {
  it('is one row and one column of every module for each rank', () => {
    assert.equal(stageSize(1, { modules: MODULES }).parameters, 539_392);
    assert.equal(stageSize(16, { modules: MODULES }).parameters, 8_630_272);
  });

  it('is not stated without modules', () => {
    assert.deepEqual(stageSize(16, { dtype: 'float16', optimizer: 'sgd' }), {
      parameters: null,
      memory: null,
    });
  });

  it('continues to grow above the largest rank of a module', () => {
    assert.equal(stageSize(64, { modules: [{ out_features: 8, in_features: 8 }] }).parameters, 1024);
  });
});

describe('the memory of a stage', () => {
  const perParameter = (
    dtype?: 'float32' | 'float16' | 'bfloat16',
    optimizer?: 'adam' | 'adam_8bit' | 'sgd_momentum' | 'sgd',
  ) => {
    const { parameters, memory } = stageSize(4, {
      modules: MODULES,
      ...(dtype ? { dtype } : {}),
      ...(optimizer ? { optimizer } : {}),
    });
    return Object.values(memory!).map((bytes) => bytes / parameters!);
  };

  it('is that of weights, gradients and optimizer: float32 and Adam by default', () => {
    assert.deepEqual(perParameter(), [4, 4, 8, 16]);
    assert.deepEqual(perParameter('bfloat16'), [2, 2, 8, 12]);
    assert.deepEqual(perParameter('float16', 'adam_8bit'), [2, 2, 2, 6]);
    assert.deepEqual(perParameter('float32', 'sgd_momentum'), [4, 4, 4, 12]);
    assert.deepEqual(perParameter('float32', 'sgd'), [4, 4, 0, 8]);
  });

  it('is exact up to the largest number of JSON, and refused above it', () => {
    const features = fc.integer({ min: 1, max: 2 ** 31 });
    const modules = fc.array(
      fc.record({ out_features: features, in_features: features, count: fc.integer({ min: 1, max: 1e6 }) }),
      { minLength: 1, maxLength: 5 },
    );
    fc.assert(
      fc.property(modules, fc.constantFrom(1, 2, 64, 65536), (made, rank) => {
        const exact = made.reduce(
          (sum, { out_features, in_features, count }) =>
            sum + BigInt(count) * (BigInt(out_features) + BigInt(in_features)) * BigInt(rank),
          0n,
        );
        const request = { source_rank: rank, target_rank: 1, total_steps: 1000, modules: made };
        if (exact * 16n > BigInt(Number.MAX_SAFE_INTEGER)) {
          const error = refusal(request);
          assert.equal(error.code, 'SCHEDULE_INVALID');
          assert.match(error.message, new RegExp(`9007199254740991 bytes at rank ${rank}\\b`));
        } else {
          const { parameters, memory } = stageSize(rank, request);
          assert.equal(BigInt(parameters!), exact);
          assert.equal(BigInt(memory!.total_bytes), exact * 16n);
        }
      }),
    );
  });
});
