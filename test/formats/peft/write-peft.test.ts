import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type {
  Adapter,
  FactorDtype,
  ModulePlan,
  OutputPlan,
  ScaleMode,
} from '../../../src/adapter/adapter.ts';
import { readPeft } from '../../../src/formats/peft/read-peft.ts';
import { planPeftOutput } from '../../../src/formats/peft/write-peft.ts';
import type { TensorSpec } from '../../../src/safetensors/layout.ts';
import fc from '../../fast-check.ts';
import { adapterOf, headerOf, linear, PREFIX, refusal, tensor } from './build.ts';
import { type ConfigFile, parseOracleConfig, peftModule } from './peft-oracle.ts';

const NO_PROVENANCE = new Map<string, string>();

function plansOf(
  adapter: Adapter,
  rankOf: (name: string, rank: number) => number,
  dtype?: FactorDtype,
): ModulePlan[] {
  return adapter.modules.map((module) => ({
    module,
    rank: rankOf(module.name, module.rank),
    dtypeA: dtype ?? module.a.dtype,
    dtypeB: dtype ?? module.b.dtype,
  }));
}

function plan(
  adapter: Adapter,
  rankOf: (name: string, rank: number) => number,
  scale: ScaleMode,
): OutputPlan {
  return planPeftOutput(adapter, plansOf(adapter, rankOf), { scale, provenance: NO_PROVENANCE });
}

const configText = (output: OutputPlan): string =>
  Buffer.from(output.files.get('adapter_config.json')!).toString('utf8');
const configIn = (output: OutputPlan): ConfigFile => JSON.parse(configText(output)) as ConfigFile;

/** The written files, read again. */
function reread(output: OutputPlan): Adapter {
  return readPeft(headerOf(output.tensors, output.metadata), output.files.get('adapter_config.json')!)
    .adapter;
}

describe('planPeftOutput: scales', () => {
  const three = ['a.q', 'b.q', 'b.k'];
  const uneven = (config: Readonly<Record<string, unknown>> = {}): Adapter =>
    adapterOf(
      three.flatMap((name) => linear(name, 4)),
      config,
    );

  it('fold, uniform: alpha = r, no patterns', () => {
    const config = configIn(
      plan(uneven({ use_rslora: true, rank_pattern: {}, alpha_pattern: { q: 3 } }), () => 2, 'fold'),
    );
    assert.deepEqual(
      [config.r, config.lora_alpha, config.use_rslora, config.rank_pattern, config.alpha_pattern],
      [2, 2, false, {}, {}],
    );
  });

  it('fold, different ranks: alpha = rank for each', () => {
    const ranks: Record<string, number> = { 'a.q': 1, 'b.q': 3, 'b.k': 2 };
    const config = configIn(plan(uneven(), (name) => ranks[name]!, 'fold'));
    assert.deepEqual([config.r, config.lora_alpha], [3, 3]);
    assert.deepEqual(config.rank_pattern, { 'a.q': 1, 'b.k': 2 });
    assert.deepEqual(config.alpha_pattern, { 'a.q': 1, 'b.k': 2 });
    for (const name of three) assert.deepEqual(peftModule(config, name), { rank: ranks[name], scale: 1 });
  });

  it('keep, uniform: alpha follows the rank, as a fraction if necessary', () => {
    const kept = (alpha: number, rank: number, useRslora = false): ConfigFile =>
      configIn(plan(uneven({ lora_alpha: alpha, use_rslora: useRslora }), () => rank, 'keep'));
    assert.equal(kept(8, 2).lora_alpha, 4);
    assert.equal(kept(1, 3).lora_alpha, 0.75);
    assert.equal(kept(0, 2).lora_alpha, 0);
    const rslora = kept(8, 2, true);
    assert.equal(rslora.use_rslora, true);
    assert.ok(Math.abs(rslora.lora_alpha - 4 * Math.SQRT2) < 1e-15);
    assert.equal(kept(6, 1, true).lora_alpha, 3);
  });

  it('keep writes whole alphas if only rounding errors would make them fractions', () => {
    const alphaAt = (alpha: number, from: number, to: number): number =>
      configIn(plan(adapterOf(linear('q', from, 64, 64), { r: from, lora_alpha: alpha }), () => to, 'keep'))
        .lora_alpha;
    assert.notEqual((29 / 7) * 7, 29);
    assert.notEqual((50 / 11) * 11, 50);
    assert.deepEqual([alphaAt(29, 7, 7), alphaAt(50, 11, 11)], [29, 50]);
    // and never otherwise
    assert.deepEqual([alphaAt(10, 4, 3), alphaAt(1, 64, 1), alphaAt(98 / 3, 49, 3)], [7.5, 1 / 64, 2]);
  });

  it('keep, modules with different scales: the most frequent alpha is the global one', () => {
    const config = configIn(plan(uneven({ alpha_pattern: { 'a.q': 1 } }), () => 2, 'keep'));
    assert.deepEqual([config.r, config.lora_alpha, config.rank_pattern], [2, 4, {}]);
    assert.deepEqual(config.alpha_pattern, { 'a.q': 0.5 });
  });

  it('PEFT gives every module its planned rank and scale, whatever the names, ranks and alphas', () => {
    // Names that are suffixes of each other, contain characters of expressions, or differ only at a dot.
    const names = [
      'q',
      'a.q',
      'b.a.q',
      'a',
      'axq',
      'b.axq',
      '1',
      'n.1',
      'n.10',
      '10',
      'x+y.q',
      'x(1).q',
      'q.a',
      'n-1.q',
    ];
    const rank = fc.integer({ min: 1, max: 6 });
    const modules = fc.uniqueArray(
      fc.record({
        name: fc.constantFrom(...names),
        old: rank,
        squeeze: fc.nat(5),
        alpha: fc.constantFrom(1, 2, 3.7, 16),
      }),
      { minLength: 1, maxLength: 9, selector: ({ name }) => name },
    );
    const exact = (name: string): string => `^${name.replace(/[.+()\-[\]]/g, '\\$&')}`;
    fc.assert(
      fc.property(
        modules,
        fc.boolean(),
        fc.constantFrom<ScaleMode>('fold', 'keep'),
        (chosen, useRslora, mode) => {
          const adapter = adapterOf(
            chosen.flatMap(({ name, old }) => linear(name, old)),
            {
              use_rslora: useRslora,
              rank_pattern: Object.fromEntries(chosen.map(({ name, old }) => [exact(name), old])),
              alpha_pattern: Object.fromEntries(chosen.map(({ name, alpha }) => [exact(name), alpha])),
            },
          );
          const target = new Map(chosen.map(({ name, old, squeeze }) => [name, Math.max(1, old - squeeze)]));
          const output = plan(adapter, (name) => target.get(name)!, mode);
          const again = reread(output);
          for (const { name, old, alpha } of chosen) {
            const { rank: found, scale } = peftModule(parseOracleConfig(configText(output)), name);
            const expected = mode === 'fold' ? 1 : alpha / (useRslora ? Math.sqrt(old) : old);
            assert.equal(found, target.get(name), name);
            assert.ok(Math.abs(scale - expected) <= 4e-16 * expected, `${name}: ${scale}, not ${expected}`);
            assert.equal(
              again.modules.find((module) => module.name === name)!.scale,
              scale,
              `${name} read again`,
            );
          }
        },
      ),
      { numRuns: 600 },
    );
  });

  it('uses plain paths as keys unless they match another module', () => {
    const keysFor = (...names: string[]): string[] => {
      const adapter = adapterOf(names.flatMap((name) => linear(name, 4)));
      const output = plan(adapter, (name) => (name === names[0] ? 1 : 4), 'fold');
      return Object.keys(configIn(output).rank_pattern!);
    };
    assert.deepEqual(keysFor('m.layers.0.q', 'm.layers.1.q'), ['m.layers.0.q']);
    assert.deepEqual(keysFor('a.q', 'b.a.q'), ['^a\\.q']);
    assert.deepEqual(keysFor('a.q', 'axq'), ['^a\\.q']);
    assert.deepEqual(keysFor('b.a.q', 'a.q'), ['b.a.q']);
    assert.deepEqual(keysFor('a+b', 'c'), ['^a\\+b']);
    const nested = adapterOf(['a.q', 'b.a.q', 'c'].flatMap((name) => linear(name, 4)));
    const output = plan(nested, (name) => ({ 'a.q': 1, 'b.a.q': 2 })[name] ?? 4, 'fold');
    assert.deepEqual(Object.keys(configIn(output).rank_pattern!), ['b.a.q', 'a.q']);
  });

  it('writes exact keys at once for very many modules, and reads them again', () => {
    const names = Array.from({ length: 3000 }, (_, index) => `l.${index}.q`);
    const adapter = adapterOf(names.flatMap((name) => linear(name, 4, 4, 4)));
    const rankOf = (name: string): number => 1 + (Number(name.split('.')[1]) % 3);
    const output = plan(adapter, rankOf, 'fold');
    assert.equal(configIn(output).rank_pattern?.['^l\\.3\\.q'], 1);
    for (const { name, rank, scale } of reread(output).modules)
      assert.deepEqual([rank, scale], [rankOf(name), 1], name);
  });

  it('refuses to write a configuration that could not be uploaded again', () => {
    const names = Array.from(
      { length: 6000 },
      (_, index) => `model.${'x'.repeat(200)}.${index}.mlp.experts.0.gate_proj`,
    );
    const adapter = adapterOf(
      names.flatMap((name) => linear(name, 2, 4, 4)),
      { r: 2 },
    );
    const { code, message } = refusal(() =>
      plan(adapter, (name) => (/[13579]\.mlp/.test(name) ? 1 : 2), 'fold'),
    );
    assert.equal(code, 'CONFIG_TOO_LARGE');
    assert.match(message, /uniform/);
    assert.equal(configIn(plan(adapter, () => 1, 'fold')).r, 1);
  });
});

describe('planPeftOutput: the configuration', () => {
  it('keeps all other fields in their order', () => {
    const source =
      '{"zeta":1,"lora_dropout":0.05,"r":4,"target_modules":["q"],"peft_type":"LORA","nested":{"b":[{}],"a":[]},' +
      '"lora_alpha":8,"revision":null,"ünï":"\\u001b","auto_mapping":{"parent_library":"x"}}';
    const output = plan(adapterOf(linear('q', 4), source), () => 2, 'fold');
    const before = JSON.parse(source) as Record<string, unknown>;
    const after = configIn(output);
    assert.deepEqual(after, {
      ...before,
      r: 2,
      lora_alpha: 2,
      use_rslora: false,
      rank_pattern: {},
      alpha_pattern: {},
    });
    assert.deepEqual(Object.keys(after).slice(0, Object.keys(before).length), Object.keys(before));
    assert.deepEqual(JSON.parse(configText(output)), after);
    assert.match(configText(output), /^\{\n {2}"zeta": 1,\n[\s\S]*\n\}\n$/);
  });

  it('removes initialisations that would be repeated at the new rank', () => {
    const fields = {
      init_lora_weights: 'pissa_niter_4',
      loftq_config: { bits: 4 },
      eva_config: { rho: 2 },
      corda_config: null,
    };
    const config = configIn(plan(adapterOf(linear('q', 4), fields), () => 2, 'fold'));
    assert.deepEqual(
      [config.init_lora_weights, config.loftq_config, config.eva_config, config.corda_config],
      [true, {}, null, null],
    );
    assert.ok(!('lora_ga_config' in config));
  });

  it('keeps harmless initialisations', () => {
    for (const init of [true, false, 'gaussian']) {
      const fields = { init_lora_weights: init, loftq_config: { bits: 4 } };
      const config = configIn(plan(adapterOf(linear('q', 4), fields), () => 2, 'fold'));
      assert.deepEqual([config.init_lora_weights, config.loftq_config], [init, { bits: 4 }]);
    }
  });

  it('gives the same bytes for the same input', () => {
    const bytes = (): string => configText(plan(adapterOf(linear('q', 4)), () => 3, 'keep'));
    assert.equal(bytes(), bytes());
  });
});

describe('planPeftOutput: tensors', () => {
  const mixed: readonly TensorSpec[] = [
    tensor('head.weight', [2, 8], 'F64'),
    ...linear('lin', 4, 16, 32, 'BF16'),
    tensor('conv.lora_A.weight', [4, 3, 5, 7]),
    tensor('conv.lora_B.weight', [16, 4, 1, 1]),
    tensor('emb.lora_embedding_A', [4, 100]),
    tensor('emb.lora_embedding_B', [64, 4]),
  ];
  const shapesIn = (output: OutputPlan): unknown[] =>
    output.tensors.map(({ name, dtype, shape, source }) => [
      name.slice(PREFIX.length),
      dtype,
      shape,
      source.kind,
    ]);

  it('keeps names and dimensions, with factors first in the order of the modules', () => {
    const adapter = adapterOf(mixed);
    const output = planPeftOutput(
      adapter,
      plansOf(adapter, () => 2, 'F16'),
      { scale: 'fold', provenance: NO_PROVENANCE },
    );
    assert.deepEqual(shapesIn(output), [
      ['conv.lora_A.weight', 'F16', [2, 3, 5, 7], 'factor'],
      ['conv.lora_B.weight', 'F16', [16, 2, 1, 1], 'factor'],
      ['emb.lora_embedding_A', 'F16', [2, 100], 'factor'],
      ['emb.lora_embedding_B', 'F16', [64, 2], 'factor'],
      ['lin.lora_A.weight', 'F16', [2, 32], 'factor'],
      ['lin.lora_B.weight', 'F16', [16, 2], 'factor'],
      ['head.weight', 'F64', [2, 8], 'copy'],
    ]);
    assert.deepEqual(
      output.tensors.flatMap(({ source }) =>
        source.kind === 'factor' ? [[source.factor, source.moduleIndex]] : [],
      ),
      [
        ['a', 0],
        ['b', 0],
        ['a', 1],
        ['b', 1],
        ['a', 2],
        ['b', 2],
      ],
    );
    assert.deepEqual(
      reread(output).modules.map(({ name, kind, rank, m, n }) => [name, kind, rank, m, n]),
      adapter.modules.map(({ name, kind, m, n }) => [name, kind, 2, m, n]),
    );
  });

  it('copies a module only if rank, dtypes and scale stay', () => {
    const sourcesOf = (
      alpha: number,
      scale: ScaleMode,
      rank: number,
      dtypeB: FactorDtype = 'F32',
    ): string[] => {
      const adapter = adapterOf(linear('q', 4), { lora_alpha: alpha });
      const plans = plansOf(adapter, () => rank).map((one) => ({ ...one, dtypeB }));
      const output = planPeftOutput(adapter, plans, { scale, provenance: NO_PROVENANCE });
      return output.tensors.map(({ source }) => source.kind);
    };
    assert.deepEqual(sourcesOf(8, 'keep', 4), ['copy', 'copy']);
    assert.deepEqual(sourcesOf(4, 'fold', 4), ['copy', 'copy']);
    assert.deepEqual(sourcesOf(8, 'fold', 4), ['factor', 'factor']);
    assert.deepEqual(sourcesOf(8, 'keep', 3), ['factor', 'factor']);
    assert.deepEqual(sourcesOf(8, 'keep', 4, 'BF16'), ['factor', 'factor']);
  });

  it('folds a scale into a bias that shares it, and leaves the bias unchanged if the scale stays', () => {
    const adapter = adapterOf([...linear('q', 4), tensor('q.lora_B.bias', [16])], { lora_bias: true });
    const biasOf = ({ tensors }: OutputPlan) => {
      const { source, dtype } = tensors.find(({ name }) => name.endsWith('.bias'))!;
      assert.ok(source.kind === 'copy');
      return [dtype, source.entry.multiplier];
    };
    const kept = plan(adapter, () => 2, 'keep');
    assert.deepEqual(peftModule(configIn(kept), 'q'), { rank: 2, scale: 2 });
    assert.deepEqual(biasOf(kept), ['F32', undefined]);
    assert.equal(configIn(kept).lora_bias, true);
    const folded = plan(adapter, () => 2, 'fold');
    assert.deepEqual(peftModule(configIn(folded), 'q'), { rank: 2, scale: 1 });
    assert.deepEqual(biasOf(folded), ['F32', 2]);
    assert.deepEqual(biasOf(plan(adapter, () => 1, 'sqrt')), ['F32', 0.5]);
  });

  it('adds to the metadata and never loses "format"', () => {
    const metadataOf = (source: ReadonlyMap<string, string>): [string, string][] => {
      const adapter = adapterOf(linear('q', 4), {}, source);
      const provenance = new Map([['lora_squeeze.method', 'rsvd']]);
      return [
        ...planPeftOutput(
          adapter,
          plansOf(adapter, () => 1),
          { scale: 'fold', provenance },
        ).metadata,
      ];
    };
    const added = ['lora_squeeze.method', 'rsvd'];
    assert.deepEqual(metadataOf(new Map()), [['format', 'pt'], added]);
    assert.deepEqual(
      metadataOf(
        new Map([
          ['format', 'np'],
          ['note', 'x'],
          ['lora_squeeze.method', 'exact'],
        ]),
      ),
      [['format', 'np'], ['note', 'x'], added].sort((x, y) => order(x[0]!) - order(y[0]!)),
    );
  });

  it('refuses plans of another adapter', () => {
    const adapter = adapterOf([...linear('q', 4), ...linear('k', 4)]);
    const plans = plansOf(adapter, () => 2);
    const options = { scale: 'fold', provenance: NO_PROVENANCE } as const;
    assert.throws(() => planPeftOutput(adapter, plans.slice(1), options), RangeError);
    assert.throws(() => planPeftOutput(adapter, [...plans].reverse(), options), RangeError);
    assert.throws(
      () =>
        planPeftOutput(
          adapter,
          plansOf(adapter, () => 5),
          options,
        ),
      RangeError,
    );
  });
});

const order = (key: string): number => ['format', 'note', 'lora_squeeze.method'].indexOf(key);
