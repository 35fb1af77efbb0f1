import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Adapter, OutputPlan, ScaleMode } from '../../../src/adapter/adapter.ts';
import { readPeft } from '../../../src/formats/peft/read-peft.ts';
import { planPeftOutput } from '../../../src/formats/peft/write-peft.ts';
import type { TensorSpec } from '../../../src/safetensors/layout.ts';
import fc from '../../fast-check.ts';
import { adapterOf, headerOf, linear, tensor } from './build.ts';

const CONFIG = 'adapter_config.json';

const planOf = (adapter: Adapter, scale: ScaleMode, rankOf: (rank: number) => number): OutputPlan =>
  planPeftOutput(
    adapter,
    adapter.modules.map((module) => ({
      module,
      rank: rankOf(module.rank),
      dtypeA: module.a.dtype,
      dtypeB: module.b.dtype,
    })),
    { scale, provenance: new Map() },
  );

const reread = (output: OutputPlan): Adapter =>
  readPeft(headerOf(output.tensors, output.metadata), output.files.get(CONFIG)!).adapter;

type Kind = 'linear' | 'conv' | 'embedding';

function factors(name: string, kind: Kind, rank: number, dtype: string): TensorSpec[] {
  if (kind === 'linear') return linear(name, rank, 16, 32, dtype);
  if (kind === 'conv')
    return [
      tensor(`${name}.lora_A.weight`, [rank, 3, 5, 7], dtype),
      tensor(`${name}.lora_B.weight`, [16, rank, 1, 1], dtype),
    ];
  return [
    tensor(`${name}.lora_embedding_A`, [rank, 20], dtype),
    tensor(`${name}.lora_embedding_B`, [16, rank], dtype),
  ];
}

describe('PEFT output: written, read, written', () => {
  const modules = fc.uniqueArray(
    fc.record({
      // Some are suffixes of others, some differ only at characters that are special in expressions.
      name: fc.oneof(
        fc.constantFrom('q', 'a.q', 'b.a.q', 'axq', 'l.1.q', 'l.10.q', 'x+y.q', 'x(1).q', 'n-1'),
        fc
          .stringMatching(/^[a-z0-9_]{1,8}(?:\.[a-z0-9_]{1,8}){0,2}$/)
          .filter((name) => !/lora_|__proto__/.test(name)),
      ),
      kind: fc.constantFrom<Kind>('linear', 'conv', 'embedding'),
      rank: fc.integer({ min: 1, max: 9 }),
      alpha: fc.option(
        fc.oneof(fc.integer({ min: -64, max: 64 }), fc.double({ min: 1e-3, max: 1e3, noNaN: true })),
        {
          nil: undefined,
        },
      ),
      dtype: fc.constantFrom('F16', 'BF16', 'F32'),
    }),
    { minLength: 1, maxLength: 6, selector: ({ name }) => name },
  );
  const exact = (name: string): string => `^${name.replace(/[.+()-]/g, '\\$&')}`;

  it('is unchanged, at any ranks and scale', () => {
    fc.assert(
      fc.property(
        modules,
        fc.record({
          lora_alpha: fc.oneof(
            fc.integer({ min: -64, max: 64 }),
            fc.double({ min: 1e-3, max: 1e3, noNaN: true }),
          ),
          use_rslora: fc.boolean(),
          modules_to_save: fc.constantFrom(null, ['head']),
          use_dora: fc.boolean(),
        }),
        fc.nat(7),
        fc.constantFrom<ScaleMode>('fold', 'keep', 'sqrt'),
        (made, fields, cut, scale) => {
          const adapter = adapterOf(
            [
              ...made.flatMap(({ name, kind, rank, dtype }) => factors(name, kind, rank, dtype)),
              ...made.flatMap(({ name }) =>
                fields.use_dora ? [tensor(`${name}.lora_magnitude_vector`, [16])] : [],
              ),
              ...(fields.modules_to_save ? [tensor('head.weight', [2, 8], 'F64')] : []),
            ],
            {
              ...fields,
              rank_pattern: Object.fromEntries(made.map(({ name, rank }) => [exact(name), rank])),
              alpha_pattern: Object.fromEntries(
                made.flatMap(({ name, alpha }) => (alpha === undefined ? [] : [[exact(name), alpha]])),
              ),
            },
          );
          const first = planOf(adapter, scale, (rank) => Math.max(1, rank - cut));
          const again = reread(first);
          const second = planOf(again, scale, (rank) => rank);
          assert.deepEqual(
            second.tensors.map(({ source: _, ...written }) => written),
            first.tensors.map(({ source: _, ...written }) => written),
          );
          assert.ok(second.tensors.every(({ source }) => source.kind === 'copy'));
          assert.equal(
            Buffer.from(second.files.get(CONFIG)!).toString(),
            Buffer.from(first.files.get(CONFIG)!).toString(),
          );
          assert.deepEqual(second.metadata, first.metadata);
          assert.deepEqual(second.layout, first.layout);
          assert.deepEqual(
            again.modules.map(({ name, kind, m, n }) => [name, kind, m, n]),
            adapter.modules.map(({ name, kind, m, n }) => [name, kind, m, n]),
          );
        },
      ),
      { numRuns: 300 },
    );
  });
});
