import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { OutputPlan } from '../../../src/adapter/adapter.ts';
import { CLONEOFSIMO } from '../../../src/formats/cloneofsimo/cloneofsimo.ts';
import { readAdapter } from '../../../src/formats/read-adapter.ts';
import { summarise } from '../../../src/formats/summary.ts';
import fc from '../../fast-check.ts';
import { readSafetensors } from '../../oracle/safetensors.ts';
import {
  inputOf,
  planOf,
  read,
  refusal,
  reread,
  shapesOf,
  type TensorSource,
  tensor,
  writtenTensors,
} from '../pairs/build.ts';

const REAL = fileURLToPath(
  new URL('../../fixtures/adapters/cloneofsimo-analog-svd-r4/analog_svd_rank4.safetensors', import.meta.url),
);

const pair = (module: string, rank: number, dtype = 'F32'): TensorSource[] => [
  tensor(`${module}:up`, [8, rank], dtype),
  tensor(`${module}:down`, [rank, 9], dtype),
];
const conv = (module: string, rank: number): TensorSource[] => [
  tensor(`${module}:up`, [8, rank, 1, 1]),
  tensor(`${module}:down`, [rank, 5, 3, 3]),
];

/**
 * What the project's own loader reads from a file (lora_diffusion/lora.py, `parse_safeloras`): ranks by model
 * and position.
 */
function parsedByProject(tensors: readonly TensorSource[], metadata: ReadonlyMap<string, string>) {
  const models = new Map<string, { target: unknown; ranks: number[] }>();
  for (const { name, shape } of tensors) {
    const [model, position, direction] = name.split(':');
    const info = metadata.get(model!);
    if (!info) throw new Error(`Tensor ${model} has no metadata - is this a Lora safetensor?`);
    if (info === '<embed>') continue;
    const found = models.get(model!) ?? { target: JSON.parse(info) as unknown, ranks: [] };
    const declared = Number(metadata.get(`${name.slice(0, name.lastIndexOf(':'))}:rank`));
    assert.equal(shape[direction === 'up' ? 1 : 0], declared, name);
    found.ranks[Number(position)] = declared;
    models.set(model!, found);
  }
  return models;
}

describe('a real file of cloneofsimo/lora', () => {
  const source = readSafetensors(REAL);

  it('is recognised and read completely', async () => {
    const { adapter, staging } = await readAdapter({ weightsPath: REAL, configBytes: null });
    assert.deepEqual([adapter.format, staging], ['cloneofsimo', null]);
    assert.equal(adapter.modules.length, source.tensors.size / 2);
    for (const { name, a, b, rank, m, n, scale, kind } of adapter.modules) {
      const [down, up] = [source.tensors.get(`${name}:down`)!, source.tensors.get(`${name}:up`)!];
      assert.deepEqual([kind, scale, rank], ['linear', 1, 4]);
      assert.deepEqual(
        [
          [rank, n],
          [m, rank],
        ],
        [down.shape, up.shape],
      );
      assert.deepEqual([a.name, b.name, a.dtype], [`${name}:down`, `${name}:up`, 'F16']);
      assert.equal(a.endByte - a.beginByte, down.bytes.length);
    }
    const numbers = [...source.tensors.values()].reduce((sum, { bytes }) => sum + bytes.length / 2, 0);
    const { format, modules, ranks, alpha, dtypes, parameters, passthrough_tensors, warnings } =
      summarise(adapter);
    assert.deepEqual(
      { format, modules, ranks, alpha, dtypes, parameters, passthrough_tensors, warnings },
      {
        format: 'cloneofsimo',
        modules: 192,
        ranks: { min: 4, max: 4 },
        alpha: 4,
        dtypes: ['F16'],
        parameters: numbers,
        passthrough_tensors: 0,
        warnings: [],
      },
    );
  });

  it('planned at rank 2 can be read by the project itself', async () => {
    const { adapter } = await readAdapter({ weightsPath: REAL, configBytes: null });
    const plan = planOf(CLONEOFSIMO, adapter, 'fold', (name) => (name.startsWith('unet') ? 2 : 3));
    const parsed = parsedByProject(writtenTensors(plan), plan.metadata);
    assert.deepEqual([...parsed.keys()].sort(), ['text_encoder', 'unet']);
    for (const [model, { target, ranks }] of parsed) {
      assert.deepEqual(target, JSON.parse(source.metadata[model]!));
      assert.ok(ranks.every((rank) => rank === (model === 'unet' ? 2 : 3)));
    }
    const again = await reread(CLONEOFSIMO, plan);
    assert.deepEqual(again.warnings, []);
  });
});

describe('cloneofsimo', () => {
  const metadata = {
    unet: '["ResnetBlock2D", "GEGLU"]',
    'unet:0:rank': '4',
    'unet:10:rank': '2',
    'unet:2:rank': '3',
    '<s1>': '<embed>',
  };
  const file = [...pair('unet:0', 4), ...pair('unet:10', 2), ...conv('unet:2', 3), tensor('<s1>', [768])];

  it('is read with convolutions and learned embeddings', async () => {
    const adapter = await read(CLONEOFSIMO, file, metadata);
    assert.deepEqual(
      adapter.modules.map(({ name, kind, rank, m, n, scale }) => [name, kind, rank, m, n, scale]),
      [
        ['unet:0', 'linear', 4, 8, 9, 1],
        ['unet:10', 'linear', 2, 8, 9, 1],
        ['unet:2', 'conv', 3, 8, 45, 1],
      ],
    );
    assert.deepEqual(
      adapter.passthrough.map(({ name }) => name),
      ['<s1>'],
    );
    assert.deepEqual(adapter.warnings, []);
  });

  it('recognises only its own names, and no folder with a configuration', () => {
    const own = inputOf(file);
    assert.ok(CLONEOFSIMO.recognises(own));
    assert.equal(CLONEOFSIMO.recognises({ ...own, configBytes: new Uint8Array() }), false);
    assert.equal(CLONEOFSIMO.recognises({ header: null, gguf: null, configBytes: null }), false);
    for (const name of ['unet.x.lora_A.weight', 'unet:x:up', 'unet:0:mid', 'unet:00:up', 'a:b:0:up']) {
      assert.equal(CLONEOFSIMO.recognises(inputOf([tensor(name, [4, 4])])), false, name);
    }
  });

  it('writes the ranks of all modules, and keeps the rest of the metadata', async () => {
    const adapter = await read(CLONEOFSIMO, file, metadata);
    const provenance = new Map([['lora_squeeze.version', '1']]);
    const plan = planOf(CLONEOFSIMO, adapter, 'fold', (_, rank) => rank - 1, { provenance });
    assert.equal(plan.weightsName, 'lora.safetensors');
    assert.deepEqual(Object.fromEntries(plan.metadata), {
      ...metadata,
      'unet:0:rank': '3',
      'unet:10:rank': '1',
      'unet:2:rank': '2',
      'lora_squeeze.version': '1',
    });
    assert.deepEqual(
      plan.tensors.map(({ name, shape, source }) => [name, shape, source.kind]),
      [
        ['unet:0:down', [3, 9], 'factor'],
        ['unet:0:up', [8, 3], 'factor'],
        ['unet:10:down', [1, 9], 'factor'],
        ['unet:10:up', [8, 1], 'factor'],
        ['unet:2:down', [2, 5, 3, 3], 'factor'],
        ['unet:2:up', [8, 2, 1, 1], 'factor'],
        ['<s1>', [768], 'copy'],
      ],
    );
    parsedByProject(writtenTensors(plan), plan.metadata);
  });

  it('names the tensors of converted adapters by their order', async () => {
    const like = await read(CLONEOFSIMO, file, metadata);
    const converted = {
      ...like,
      modules: like.modules.map((module, index) => ({ ...module, name: `unet.layer.${index}`, scale: 0.5 })),
      metadata: new Map([['unet', '[]']]),
    };
    const plan: OutputPlan = planOf(CLONEOFSIMO, converted, 'fold', () => 1);
    assert.deepEqual(Object.fromEntries(plan.metadata), {
      unet: '[]',
      'unet:0:rank': '1',
      'unet:10:rank': '1',
      'unet:2:rank': '1',
    });
    const error = await refusal(() => planOf(CLONEOFSIMO, converted, 'keep'));
    assert.deepEqual([error.code, error.context.scale], ['FORMAT_NEEDS_FOLD', 0.5]);
    const [module] = like.modules;
    const strange = { ...like, modules: [{ ...module!, a: { ...module!.a, name: 'x.lora_A' } }] };
    assert.throws(() => planOf(CLONEOFSIMO, strange, 'fold'), RangeError);
  });

  it('warns of missing metadata, and writes the ranks', async () => {
    const adapter = await read(CLONEOFSIMO, pair('unet:0', 4));
    assert.match(adapter.warnings[0]!, /lacks 1 rank, such as that of module "unet:0"/);
    assert.match(adapter.warnings[1]!, /classes of "unet"/);
    assert.equal(planOf(CLONEOFSIMO, adapter, 'keep').metadata.get('unet:0:rank'), '4');
  });

  it('refuses what is contradictory or unknown', async () => {
    const declared = { unet: '[]', 'unet:0:rank': '4' };
    const own = pair('unet:0', 4);
    const cases: readonly (readonly [TensorSource[], Record<string, string>, code: string, named: string])[] =
      [
        [own, { ...declared, 'unet:0:rank': '8' }, 'CONFIG_RANK_MISMATCH', 'unet:0:rank'],
        [own, { ...declared, 'unet:0:rank': '4.0' }, 'CONFIG_RANK', 'unet:0:rank'],
        [own, { ...declared, 'unet:0:rank': '-4' }, 'CONFIG_RANK', 'unet:0:rank'],
        [[...own, pair('unet:1', 4)[0]!], declared, 'LORA_UNPAIRED', 'unet:1:up'],
        [[...own, tensor('unet:01:up', [4, 4])], declared, 'UNSUPPORTED_LORA_VARIANT', 'unet:01:up'],
        [[...own, tensor('unet:0:mid', [4, 4])], declared, 'UNSUPPORTED_LORA_VARIANT', 'unet:0:mid'],
        [[...own, tensor('unet.x.lora_diag', [4])], declared, 'UNSUPPORTED_LORA_VARIANT', 'unet.x.lora_diag'],
        [[...own, tensor('unet.x.lora_A.weight', [4, 4])], declared, 'FORMAT_MIXED', 'unet.x.lora_A.weight'],
        [[...own, tensor('lora_te_x.alpha', [])], declared, 'FORMAT_MIXED', 'lora_te_x.alpha'],
        [[tensor('<s1>', [768])], declared, 'NO_LORA_TENSORS', '1 tensor,'],
      ];
    for (const [tensors, meta, code, named] of cases) {
      const error = await refusal(() => read(CLONEOFSIMO, tensors, meta));
      assert.equal(error.code, code, error.message);
      assert.ok(error.message.includes(named), error.message);
    }
  });

  it('is unchanged after writing, reading and writing again', async () => {
    const layers = fc.uniqueArray(
      fc.record({
        model: fc.constantFrom('unet', 'text_encoder'),
        position: fc.nat({ max: 200 }),
        rank: fc.integer({ min: 1, max: 6 }),
        isConv: fc.boolean(),
      }),
      { minLength: 1, maxLength: 8, selector: ({ model, position }) => `${model}:${position}` },
    );
    await fc.assert(
      fc.asyncProperty(layers, fc.boolean(), fc.integer({ min: 1, max: 6 }), async (made, isTold, cap) => {
        const tensors = made.flatMap(({ model, position, rank, isConv }) =>
          (isConv ? conv : pair)(`${model}:${position}`, rank),
        );
        const ranks = made.map(({ model, position, rank }) => [`${model}:${position}:rank`, String(rank)]);
        const meta = { unet: '["A"]', text_encoder: '["B"]', ...(isTold ? Object.fromEntries(ranks) : {}) };
        const adapter = await read(CLONEOFSIMO, tensors, meta);
        const once = planOf(CLONEOFSIMO, adapter, 'fold');
        const again = await reread(CLONEOFSIMO, once);
        assert.deepEqual(shapesOf(again), shapesOf(adapter));
        assert.deepEqual(planOf(CLONEOFSIMO, again, 'keep').layout, once.layout);
        const squeezed = planOf(CLONEOFSIMO, adapter, 'fold', (_, rank) => Math.min(cap, rank));
        parsedByProject(writtenTensors(squeezed), squeezed.metadata);
        await reread(CLONEOFSIMO, squeezed);
      }),
      { numRuns: 60 },
    );
  });
});
