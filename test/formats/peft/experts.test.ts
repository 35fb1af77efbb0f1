import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Adapter, ModulePlan } from '../../../src/adapter/adapter.ts';
import { expertParameters } from '../../../src/formats/peft/expert-parameters.ts';
import { readPeft } from '../../../src/formats/peft/read-peft.ts';
import { planPeftOutput } from '../../../src/formats/peft/write-peft.ts';
import { layOut, type TensorSpec } from '../../../src/safetensors/layout.ts';
import { adapterOf, configOf, headerOf, linear, refusal, tensor } from './build.ts';

const OWNER = 'model.layers.0.mlp.experts';
const TARGETS = ['mlp.experts.gate_up_proj', 'mlp.experts.down_proj'];

/** Factors of E experts of rank r, stacked as in PEFT. */
const stack = (path: string, experts: number, r: number, out: number, inside: number): TensorSpec[] => [
  tensor(`${path}.lora_A.weight`, [experts * r, inside]),
  tensor(`${path}.lora_B.weight`, [out, r * experts]),
];

const both = [...stack(OWNER, 3, 4, 16, 8), ...stack(`${OWNER}.base_layer`, 3, 4, 24, 10)];
const names = ({ modules }: Adapter): string[] => modules.map(({ name }) => name);

describe('the parameter that a wrapper represents', () => {
  const paths = [OWNER, `${OWNER}.base_layer`, 'model.layers.0.q_proj'];
  const rows: readonly (readonly [string, string[], string[], (string[] | undefined)[]])[] = [
    ['no targets', paths, [], [undefined, undefined, undefined]],
    [
      'gate_up_proj is registered first, so it is the inner one',
      paths,
      TARGETS,
      [[`${OWNER}.down_proj`], [`${OWNER}.gate_up_proj`], undefined],
    ],
    ['one of them alone', [OWNER], [TARGETS[0]!], [[`${OWNER}.gate_up_proj`]]],
    [
      'names that nobody knows the order of',
      paths,
      ['experts.w1', 'experts.w2'],
      [[`${OWNER}.w1`, `${OWNER}.w2`], [`${OWNER}.w1`, `${OWNER}.w2`], undefined],
    ],
    ['a target that only looks like an end', [OWNER], ['xperts.w1'], [undefined]],
    ['a target without a path fits everywhere', ['a.b'], ['weight'], [['a.b.weight']]],
  ];
  for (const [what, given, targets, expected] of rows) {
    it(what, () => {
      const found = expertParameters(given, targets);
      assert.deepEqual(
        given.map((path) => found.get(path)),
        expected,
      );
    });
  }

  it('is refused if a module has more parameters than possible, counted for that module only', () => {
    const targets = Array.from({ length: 65 }, (_, index) => `w${index}`);
    const error = refusal(() => expertParameters([OWNER], targets));
    assert.equal(error.code, 'CONFIG_TOO_LARGE');
    assert.match(error.message, /target_parameters.*64.*"model\.layers\.0\.mlp\.experts"/);
    assert.equal(expertParameters([OWNER], [...targets.slice(1), 'w1']).get(OWNER)?.length, 64);
    const elsewhere = targets.map((name) => `other.${name}`);
    assert.deepEqual(expertParameters([OWNER], [...elsewhere, 'w']).get(OWNER), [`${OWNER}.w`]);
  });
});

describe('experts: reading', () => {
  it('makes a module of each expert, whatever the nesting and orientation', () => {
    const adapter = adapterOf([...linear('model.layers.0.q_proj', 4), ...both], {
      target_parameters: TARGETS,
    });
    assert.deepEqual(names(adapter), [
      ...[0, 1, 2].map((index) => `${OWNER}.down_proj#${index}`),
      ...[0, 1, 2].map((index) => `${OWNER}.gate_up_proj#${index}`),
      'model.layers.0.q_proj',
    ]);
    assert.deepEqual(
      adapter.modules.map(({ m, n, rank, scale, expert }) => [m, n, rank, scale, expert?.index]),
      [
        ...[0, 1, 2].map((index) => [16, 8, 4, 2, index]),
        ...[0, 1, 2].map((index) => [24, 10, 4, 2, index]),
        [16, 32, 4, 2, undefined],
      ],
    );
  });

  it('plans a file in which each expert has its factors in one piece, and copies everything else', () => {
    const header = headerOf([...both, tensor('score.weight', [2, 8], 'BF16')]);
    const { adapter, staging } = readPeft(header, configOf({ target_parameters: TARGETS }));
    const { offsets } = layOut(staging!.tensors, new Map());
    const at = new Map(staging!.tensors.map(({ name }, index) => [name, offsets[index]!]));
    for (const { a, b, expert, m, n, rank } of adapter.modules) {
      assert.equal(a.beginByte, at.get(a.name)! + expert!.index * rank * n * 4);
      assert.equal(b.beginByte, at.get(b.name)! + expert!.index * rank * m * 4);
      assert.deepEqual([a.endByte - a.beginByte, b.endByte - b.beginByte], [rank * n * 4, rank * m * 4]);
      assert.deepEqual(
        [a.shape, b.shape],
        [
          [rank, n],
          [m, rank],
        ],
      );
    }
    const [head] = adapter.passthrough;
    assert.equal(head!.beginByte, at.get(head!.name));
    assert.deepEqual(
      staging!.tensors.map(({ source }) => source.kind),
      ['copy', 'permute', 'copy', 'permute', 'copy'],
    );
  });

  it('needs no other file if no module has experts', () => {
    const header = headerOf([...linear('mlp.router', 4)]);
    const { adapter, staging } = readPeft(header, configOf({ target_parameters: ['router.weight'] }));
    assert.deepEqual([names(adapter), staging], [['mlp.router'], null]);
  });

  it('uses rank and alpha of the full name of the parameter, like PEFT', () => {
    const tensors = [...stack(OWNER, 3, 4, 16, 8), ...stack(`${OWNER}.base_layer`, 6, 2, 24, 10)];
    const { modules } = adapterOf(tensors, {
      target_parameters: TARGETS,
      rank_pattern: { 'experts.gate_up_proj': 2, experts: 5 },
      alpha_pattern: { '.*gate_up_proj': 16 },
      use_rslora: true,
    });
    assert.deepEqual(
      modules.map(({ rank, scale, expert }) => [rank, scale, expert!.count]),
      [...Array(3).fill([4, 8 / 2, 3]), ...Array(6).fill([2, 16 / Math.sqrt(2), 6])],
    );
  });

  it('reads ordinary modules correctly beside a target without a path', () => {
    const config = { target_parameters: ['gate_up_proj'], rank_pattern: { q: 6 } };
    const adapter = adapterOf([...linear('q', 6), ...stack('experts', 3, 4, 16, 8)], config);
    assert.deepEqual(
      adapter.modules.map(({ name, rank }) => [name, rank]),
      [...[0, 1, 2].map((index) => [`experts.gate_up_proj#${index}`, 4]), ['q', 6]],
    );
  });

  const refusals: readonly (readonly [string, TensorSpec[], object, string, string])[] = [
    ['rows that are no multiple of r', stack(OWNER, 1, 6, 16, 8), {}, 'CONFIG_RANK_MISMATCH', '[6, 8]'],
    [
      'factors that disagree',
      [tensor(`${OWNER}.lora_A.weight`, [12, 8]), tensor(`${OWNER}.lora_B.weight`, [16, 8])],
      {},
      'CONFIG_RANK_MISMATCH',
      'not a stack of experts',
    ],
    ['an expert without B', stack(OWNER, 3, 4, 16, 8).slice(0, 1), {}, 'LORA_UNPAIRED', OWNER],
    [
      'ranks of parameters that cannot be distinguished',
      stack(OWNER, 3, 4, 16, 8),
      { target_parameters: ['experts.w1', 'experts.w2'], rank_pattern: { w1: 2 } },
      'UNSUPPORTED_LORA_VARIANT',
      `${OWNER}.w1 and ${OWNER}.w2`,
    ],
  ];
  for (const [what, tensors, config, code, words] of refusals) {
    it(`refuses ${what}`, () => {
      const error = refusal(() => adapterOf(tensors, { target_parameters: TARGETS, ...config }));
      assert.equal(error.code, code, error.message);
      assert.ok(error.message.includes(words), error.message);
    });
  }
});

describe('experts: writing', () => {
  const config = { target_parameters: TARGETS };
  const plan = (adapter: Adapter, rankOf: (name: string) => number, scale: 'fold' | 'keep' = 'fold') =>
    planPeftOutput(
      adapter,
      adapter.modules.map(
        (module): ModulePlan => ({ module, rank: rankOf(module.name), dtypeA: 'F32', dtypeB: 'F32' }),
      ),
      { scale, provenance: new Map() },
    );

  it('stacks them again, in the order of the experts, not of their names', () => {
    const adapter = adapterOf(stack(OWNER, 12, 4, 16, 8), { target_parameters: [TARGETS[0]!] });
    const output = plan(adapter, () => 2);
    assert.deepEqual(
      output.tensors.map(({ shape, source }) => [shape, source.kind === 'arranged' && source.axes]),
      [
        [
          [24, 8],
          [0, 1, 2],
        ],
        [
          [16, 24],
          [1, 2, 0],
        ],
      ],
    );
    const { source } = output.tensors[0]!;
    assert.ok(source.kind === 'arranged');
    assert.deepEqual(
      source.parts.map(({ moduleIndex }) => adapter.modules[moduleIndex]!.expert!.index),
      [...Array(12).keys()],
    );
  });

  it('writes the rank of one expert into the configuration, and can be read again', () => {
    for (const scale of ['fold', 'keep'] as const) {
      const adapter = adapterOf(both, config);
      const output = plan(adapter, () => 3, scale);
      const bytes = output.files.get('adapter_config.json')!;
      const fields = JSON.parse(Buffer.from(bytes).toString());
      assert.deepEqual([fields.r, fields.rank_pattern, fields.alpha_pattern], [3, {}, {}]);
      const again = readPeft(headerOf(output.tensors), bytes).adapter;
      assert.deepEqual(names(again), names(adapter));
      for (const module of again.modules) {
        assert.deepEqual([module.rank, module.scale], [3, scale === 'fold' ? 1 : 2]);
      }
    }
  });

  it('writes ranks of two parameters under their names', () => {
    const adapter = adapterOf([...linear('q', 4), ...both], config);
    const output = plan(adapter, (name) => (name.includes('gate_up') ? 2 : name === 'q' ? 4 : 1));
    const bytes = output.files.get('adapter_config.json')!;
    const fields = JSON.parse(Buffer.from(bytes).toString());
    assert.deepEqual(fields.rank_pattern, { [`${OWNER}.gate_up_proj`]: 2, [`${OWNER}.down_proj`]: 1 });
    const again = readPeft(headerOf(output.tensors), bytes).adapter;
    assert.deepEqual(
      again.modules.map(({ rank, expert }) => [rank, expert?.count]),
      [
        [1, 3],
        [1, 3],
        [1, 3],
        [2, 3],
        [2, 3],
        [2, 3],
        [4, undefined],
      ],
    );
  });

  it('writes one rank for parameters that cannot be distinguished, and refuses two', () => {
    const adapter = adapterOf([...linear('q', 4), ...both], {
      target_parameters: ['experts.w1', 'experts.w2'],
    });
    const output = plan(adapter, (name) => (name === 'q' ? 4 : 2));
    const bytes = output.files.get('adapter_config.json')!;
    assert.deepEqual(JSON.parse(Buffer.from(bytes).toString()).rank_pattern, {
      [`${OWNER}.w1`]: 2,
      [`${OWNER}.w2`]: 2,
    });
    assert.equal(readPeft(headerOf(output.tensors), bytes).adapter.modules.length, 7);
    const error = refusal(() => plan(adapter, (name) => (name.includes('base_layer') ? 2 : 1)));
    assert.equal(error.code, 'FORMAT_NOT_WRITABLE');
    assert.match(error.message, /experts\.w1/);
  });

  it('refuses experts of one tensor with different ranks', () => {
    const adapter = adapterOf(both, config);
    const error = refusal(() => plan(adapter, (name) => (name.endsWith('#1') ? 2 : 1)));
    assert.equal(error.code, 'FORMAT_NOT_WRITABLE');
  });
});
