import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KOHYA } from '../../../src/formats/kohya/kohya.ts';
import { buildSafetensors } from '../../oracle/safetensors.ts';
import { adapterOf, alphaTensor, inputOf, pair, read, refusalOf, type Tensors, zeros } from './build.ts';

const U = 'lora_unet_down_blocks_0_attn1_to_q';

const namesIn = (entries: readonly { readonly name: string }[]) => entries.map(({ name }) => name);

describe('the pairs in a file of kohya', () => {
  it('give a module each, in name order, whatever its prefix', async () => {
    const prefixes = ['te', 'te1', 'te2', 'te3', 'unet', 'transformer', 'prior_unet'].map(
      (one) => `lora_${one}_x`,
    );
    const paths = ['lycoris_x', ...prefixes, 'diffusion_model.x', 'input_blocks_1_1_proj_in'];
    const adapter = await adapterOf(Object.assign({}, ...[...paths].reverse().map((path) => pair(path, 4))));
    assert.deepEqual(namesIn(adapter.modules), [...paths].sort());
    assert.equal(adapter.format, 'kohya');
    assert.deepEqual(adapter.warnings, []);
  });

  it('have the scale of alpha and of the rank in their shape', async () => {
    const { modules, alpha, configRank } = await adapterOf({
      ...pair('lora_unet_a', 4, { alpha: 1 }),
      ...pair('lora_unet_b', 8, { alpha: 1 }),
      ...pair('lora_unet_c', 8, { alpha: -12 }),
    });
    assert.deepEqual(
      modules.map(({ scale, rank }) => [scale, rank]),
      [
        [1 / 4, 4],
        [1 / 8, 8],
        [-12 / 8, 8],
      ],
    );
    assert.deepEqual([alpha, configRank], [1, 8]);
  });

  it('have alphas of any dtype and shape, which are remembered', async () => {
    const wholeI64 = { dtype: 'I64', shape: [1], bytes: new Uint8Array(BigInt64Array.of(6n).buffer) };
    const { modules } = await adapterOf({ ...pair(U, 4), [`${U}.alpha`]: wholeI64 });
    assert.equal(modules[0]!.scale, 1.5);
    assert.deepEqual(modules[0]!.alpha, { name: `${U}.alpha`, dtype: 'I64', shape: [1] });
  });

  it('have their rank as alpha if that is absent or 0', async () => {
    const [absent, zero] = await Promise.all([adapterOf(pair(U, 4)), adapterOf(pair(U, 4, { alpha: 0 }))]);
    assert.deepEqual([absent.modules[0]!.scale, zero.modules[0]!.scale], [1, 1]);
    assert.equal(absent.modules[0]!.alpha, undefined);
    assert.equal(zero.modules[0]!.alpha!.name, `${U}.alpha`);
  });

  it('of convolutions are flattened', async () => {
    const { modules } = await adapterOf({
      ...pair('lora_unet_a', 4, { m: 20, n: 6, kernel: [3, 3] }),
      ...pair('lora_unet_b', 4, { m: 20, n: 6, kernel: [1, 1] }),
      ...pair('lora_unet_c', 4, { m: 20, n: 6, kernel: [3] }),
    });
    assert.deepEqual(
      modules.map(({ kind, m, n, rank }) => [kind, m, n, rank]),
      [
        ['conv', 20, 54, 4],
        ['conv', 20, 6, 4],
        ['conv', 20, 18, 4],
      ],
    );
  });

  it('of the parts of a split projection are separate modules with one alpha', async () => {
    const parts = (i: number): Tensors => ({
      [`${U}.lora_down.${i}.weight`]: zeros([4, 10]),
      [`${U}.lora_up.${i}.weight`]: zeros([5, 4]),
    });
    const { modules } = await adapterOf({
      ...parts(0),
      ...parts(1),
      ...parts(2),
      [`${U}.alpha`]: alphaTensor(2),
    });
    assert.deepEqual(
      modules.map(({ name, scale, alpha }) => [name, scale, alpha!.name]),
      [0, 1, 2].map((i) => [`${U}.${i}`, 0.5, `${U}.alpha`]),
    );
  });

  it('are used where they are, without staging', async () => {
    const file = buildSafetensors(pair(U, 4, { alpha: 4 }));
    const input = inputOf(file);
    const { adapter, staging } = await KOHYA.read(input);
    assert.equal(staging, null);
    const [module] = adapter.modules;
    for (const entry of [module!.a, module!.b]) {
      assert.deepEqual(
        entry,
        input.header!.tensors.find(({ name }) => name === entry.name),
      );
    }
  });

  it('are separated from other tensors, which are carried over, and from alphas', async () => {
    const carried: Tensors = {
      [`${U}.dora_scale`]: zeros([12, 1]),
      [`${U}.diff_b`]: zeros([12]),
      'lora_unet_norm.w_norm': zeros([12]),
      'lora_unet_norm.b_norm': zeros([12]),
      'lora_unet_norm2.diff': zeros([12]),
      'bundle_emb.cat.clip_l': zeros([2, 8]),
      'bundle_emb.cat.string_to_param.*': zeros([2, 8]),
      'text_projection.weight': zeros([3, 3], 'I8'),
      'snake.alpha': zeros([1, 8, 1]),
    };
    const { passthrough, warnings } = await adapterOf({ ...pair(U, 4, { alpha: 2 }), ...carried });
    assert.deepEqual(namesIn(passthrough), Object.keys(carried).sort());
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]!, /^DoRA: .*dora_scale/);
  });

  it('come with the base model and the metadata', async () => {
    const metadata = { ss_base_model_version: 'sdxl_base_v1-0', ss_network_dim: '4' };
    const adapter = await adapterOf(pair(U, 4), metadata);
    assert.equal(adapter.baseModel, 'sdxl_base_v1-0');
    assert.deepEqual([...adapter.metadata], Object.entries(metadata));
    assert.equal((await adapterOf(pair(U, 4))).baseModel, null);
  });
});

describe('a file of kohya: refusals', () => {
  const good = pair(U, 4);
  const OTHERS: readonly (readonly [what: string, tensors: Tensors, code: string, named: string])[] = [
    [
      'down without up',
      { [`${U}.lora_down.weight`]: zeros([4, 8]) },
      'LORA_UNPAIRED',
      `${U}.lora_down.weight`,
    ],
    ['up without down', { ...good, 'lora_te_a.lora_up.weight': zeros([8, 4]) }, 'LORA_UNPAIRED', 'lora_te_a'],
    ['an alpha alone', { ...good, 'lora_te_a.alpha': alphaTensor(1) }, 'LORA_UNPAIRED', 'lora_te_a.alpha'],
    [
      'a magnitude alone',
      { ...good, 'lora_te_a.dora_scale': zeros([4]) },
      'LORA_UNPAIRED',
      'lora_te_a.dora_scale',
    ],
    [
      'a core without its pair',
      { ...good, 'lora_te_a.lora_mid.weight': zeros([4, 4, 3, 3]) },
      'LORA_UNPAIRED',
      'lora_te_a',
    ],
    ['ranks that differ', { ...good, [`${U}.lora_up.weight`]: zeros([12, 3]) }, 'LORA_RANK_MISMATCH', U],
    [
      'a grouped convolution',
      { [`${U}.lora_down.weight`]: zeros([4, 8, 3, 3]), [`${U}.lora_up.weight`]: zeros([12, 2, 1, 1]) },
      'UNSUPPORTED_LORA_VARIANT',
      'grouped',
    ],
    [
      'a kernel in up',
      { [`${U}.lora_down.weight`]: zeros([4, 8, 1, 1]), [`${U}.lora_up.weight`]: zeros([12, 4, 3, 3]) },
      'LORA_RANK_DIMS',
      U,
    ],
    [
      'a vector',
      { ...good, [`${U}.lora_down.weight`]: zeros([40]) },
      'LORA_RANK_DIMS',
      `${U}.lora_down.weight`,
    ],
    ['rank 0', pair(U, 0), 'LORA_RANK_ZERO', `${U}.lora_down.weight`],
    ['integers', pair(U, 4, { dtype: 'I8' }), 'UNSUPPORTED_DTYPE', `${U}.lora_down.weight`],
    ['block scales', { ...good, 'lora_te_a.scales': zeros([4], 'F8_E8M0') }, 'UNSUPPORTED_DTYPE', 'F8_E8M0'],
    [
      'an alpha that is no number',
      { ...good, [`${U}.alpha`]: alphaTensor(Number.NaN) },
      'NON_FINITE_WEIGHTS',
      `${U}.alpha`,
    ],
    ['OFT', { ...good, 'lora_te_a.oft_blocks': zeros([4, 4, 4]) }, 'UNSUPPORTED_LORA_VARIANT', 'OFT'],
    ['GLoRA', { 'lora_te_a.a1.weight': zeros([4, 4]) }, 'UNSUPPORTED_LORA_VARIANT', 'GLoRA'],
    [
      'IA3',
      { 'lora_te_a.weight': zeros([4, 1]), 'lora_te_a.on_input': zeros([], 'I8') },
      'UNSUPPORTED_LORA_VARIANT',
      'IA3',
    ],
    [
      'an unknown tensor of a module',
      { ...good, [`${U}.gate`]: alphaTensor(1) },
      'UNSUPPORTED_LORA_VARIANT',
      `${U}.gate`,
    ],
    [
      'a scalar of several numbers',
      { ...good, [`${U}.scalar`]: zeros([2]) },
      'LORA_RANK_DIMS',
      `${U}.scalar`,
    ],
    [
      'a scalar that is NaN',
      { ...good, [`${U}.scalar`]: alphaTensor(Number.NaN) },
      'NON_FINITE_WEIGHTS',
      `${U}.scalar`,
    ],
    [
      'a scalar without factors',
      { ...good, 'lora_te_a.scalar': alphaTensor(1) },
      'LORA_UNPAIRED',
      'lora_te_a.scalar',
    ],
    [
      'a scalar of a whole difference',
      { 'lora_te_a.diff': zeros([4, 4]), 'lora_te_a.scalar': alphaTensor(1) },
      'UNSUPPORTED_LORA_VARIANT',
      'lora_te_a.scalar',
    ],
    [
      'an unknown tensor of a module without prefix',
      { ...pair('diffusion_model.x', 4), 'diffusion_model.x.reshape_weight': zeros([2]) },
      'UNSUPPORTED_LORA_VARIANT',
      'diffusion_model.x.reshape_weight',
    ],
    ['two spellings', { ...good, [`${U}.lora_down`]: zeros([4, 8]) }, 'LORA_DUPLICATE_MODULE', U],
    ['two algorithms', { ...good, [`${U}.hada_w1_a`]: zeros([4, 8]) }, 'LORA_DUPLICATE_MODULE', U],
    ['a pair and a difference', { ...good, [`${U}.diff`]: zeros([12, 10]) }, 'LORA_DUPLICATE_MODULE', U],
    [
      'names of PEFT',
      { ...good, 'unet.x.lora_A.weight': zeros([4, 8]) },
      'FORMAT_MIXED',
      'unet.x.lora_A.weight',
    ],
    [
      'names of diffusers',
      { ...good, 'unet.x.lora.up.weight': zeros([4, 8]) },
      'FORMAT_MIXED',
      'unet.x.lora.up',
    ],
    ['nothing but norms', { 'lora_unet_norm.w_norm': zeros([4]) }, 'NO_LORA_TENSORS', '1 tensor,'],
  ];
  for (const [what, tensors, code, named] of OTHERS) {
    it(`${what}: ${code}`, async () => {
      const error = await refusalOf(tensors);
      assert.equal(error.code, code, error.message);
      assert.ok(error.message.includes(named), error.message);
    });
  }

  it('valid neighbours of these are accepted', async () => {
    await read({ ...good, [`${U}.diff_b`]: zeros([12]), [`${U}.dora_scale`]: zeros([1, 10]) });
    await read({ ...pair('diffusion_model.x', 4), 'diffusion_model.y.reshape_weight': zeros([2]) });
  });

  it('a file with a configuration, or without a header, is not recognised', () => {
    const { header } = inputOf(buildSafetensors(good));
    assert.ok(KOHYA.recognises({ header, gguf: null, configBytes: null }));
    assert.ok(!KOHYA.recognises({ header, gguf: null, configBytes: Buffer.from('{}') }));
    assert.ok(!KOHYA.recognises({ header: null, gguf: null, configBytes: null }));
  });
});
