import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AppError } from '../../src/errors/app-error.ts';
import { DIFFUSERS } from '../../src/formats/diffusers/diffusers.ts';
import { linear as diffusersLinear, packed } from './diffusers/build.ts';
import { adapterOf as kohyaAdapterOf, pair, refusalOf, zeros } from './kohya/build.ts';
import { configOf, layer, readMade } from './mlx/build.ts';
import { read, tensor } from './pairs/build.ts';
import { adapterOf, linear, tensor as peftTensor, refusal } from './peft/build.ts';

/** The setting of a file, and those of its two modules that have a magnitude vector. */
type Make = (isDora: boolean, withVector: readonly string[]) => unknown;

const MODULES = ['model.layers.0.self_attn.q_proj', 'model.layers.0.self_attn.v_proj'] as const;
const [Q, V] = MODULES;

/** Formats whose configuration has one setting for all modules. */
const FORMATS: Readonly<Record<string, { make: Make; setting: RegExp; vector: (module: string) => string }>> =
  {
    peft: {
      make: (isDora, withVector) =>
        adapterOf(
          [
            ...MODULES.flatMap((module) => linear(module, 4)),
            ...withVector.map((module) => peftTensor(`${module}.lora_magnitude_vector`, [16])),
          ],
          { use_dora: isDora },
        ),
      setting: /use_dora: true in adapter_config\.json/,
      vector: (module) => `base_model.model.${module}.lora_magnitude_vector`,
    },
    mlx: {
      make: (isDora, withVector) =>
        readMade(
          [
            ...MODULES.flatMap((module) => layer(module, 4)),
            ...withVector.map((module) => ({ name: `${module}.m`, dtype: 'F32', shape: [16] })),
          ],
          configOf({}, { fine_tune_type: isDora ? 'dora' : 'lora' }),
        ),
      setting: /fine_tune_type: "dora" in adapter_config\.json/,
      vector: (module) => `${module}.m`,
    },
  };

function checkMismatch(error: unknown, ...named: readonly (RegExp | string)[]): true {
  assert.ok(error instanceof AppError && error.code === 'LORA_MAGNITUDE_MISMATCH', String(error));
  assert.equal(error.kind.status, 422);
  for (const one of named) {
    assert.ok(
      typeof one === 'string' ? error.message.includes(one) : one.test(error.message),
      `${one}: ${error.message}`,
    );
  }
  return true;
}

for (const [format, { make, setting, vector }] of Object.entries(FORMATS)) {
  describe(`DoRA of ${format}`, () => {
    it('with a vector for each module is read, and LoRA without any too', () => {
      make(true, MODULES);
      make(false, []);
    });

    it('without any vector is refused, naming the setting and the tensors', () => {
      checkMismatch(
        refusal(() => make(true, [])),
        setting,
        '2 of 2 modules',
        vector(Q),
        vector(V),
      );
    });

    it('with a vector for some modules is refused, naming those without', () => {
      const error = refusal(() => make(true, [Q]));
      checkMismatch(error, setting, '1 of 2 modules', vector(V));
      assert.ok(!error.message.includes(vector(Q)));
    });

    it('with vectors but without the setting is refused, because loaders would ignore the vectors', () => {
      checkMismatch(
        refusal(() => make(false, [V])),
        setting,
        vector(V),
        /loaders ignore them/,
      );
    });
  });
}

describe('DoRA of PEFT', () => {
  it('a vector of a module without factors is refused', () => {
    const error = refusal(() =>
      adapterOf([...linear('q', 4), peftTensor('k.lora_magnitude_vector', [16])], { use_dora: true }),
    );
    assert.equal(error.code, 'LORA_UNPAIRED');
    assert.match(error.message, /k\.lora_magnitude_vector.*"k"/);
  });

  it('two vectors of one module are refused', () => {
    const twice = ['q.lora_magnitude_vector', 'q.lora_magnitude_vector.weight'].map((name) =>
      peftTensor(name, [16]),
    );
    const error = refusal(() => adapterOf([...linear('q', 4), ...twice], { use_dora: true }));
    assert.equal(error.code, 'LORA_DUPLICATE_MODULE');
  });

  it('names some of many missing vectors', () => {
    const tensors = Array.from({ length: 40 }, (_, i) => linear(`layers.${i}.q`, 4)).flat();
    checkMismatch(
      refusal(() => adapterOf(tensors, { use_dora: true })),
      '40 of 40 modules',
      'and 37 more',
    );
  });
});

describe('DoRA of diffusers', () => {
  const factors = ['a', 'b'].flatMap((name) => diffusersLinear(`transformer.${name}`, 4));
  const vector = (name: string) => tensor(`transformer.${name}.lora_magnitude_vector`, [12]);
  const configOf = (isDora: boolean) =>
    packed({
      'transformer.r': 4,
      'transformer.lora_alpha': 4,
      'transformer.target_modules': ['a', 'b'],
      'transformer.use_dora': isDora,
    });
  const setting = /transformer\.use_dora: true in lora_adapter_metadata/;

  it('with the metadata: all vectors or none, as it specifies', async () => {
    await read(DIFFUSERS, [...factors, vector('a'), vector('b')], configOf(true));
    await assert.rejects(read(DIFFUSERS, factors, configOf(true)), (error) =>
      checkMismatch(error, setting, '2 of 2 modules', 'transformer.a.lora_magnitude_vector'),
    );
    await assert.rejects(read(DIFFUSERS, [...factors, vector('a'), vector('b')], configOf(false)), (error) =>
      checkMismatch(error, setting, /"transformer\.a\.lora_magnitude_vector", "transformer\.b/),
    );
  });

  it('without it, one vector makes all modules of its component DoRA, and no others', async () => {
    const text = diffusersLinear('text_encoder.c', 4);
    await read(DIFFUSERS, [...factors, ...text, vector('a'), vector('b')]);
    await assert.rejects(read(DIFFUSERS, [...factors, vector('a')]), (error) =>
      checkMismatch(error, /Other modules have/, '"transformer.b.lora_magnitude_vector"'),
    );
  });

  it('in files for ComfyUI, each module for itself', async () => {
    const names = ['x', 'y'].flatMap((name) => diffusersLinear(`diffusion_model.blocks.0.${name}`, 4));
    await read(DIFFUSERS, [...names, tensor('diffusion_model.blocks.0.x.dora_scale', [12, 1])]);
  });
});

describe('DoRA of kohya and LyCORIS', () => {
  it('each module for itself: some may be LoRA', async () => {
    const adapter = await kohyaAdapterOf({
      ...pair('lora_unet_x', 2),
      ...pair('lora_unet_y', 2),
      'lora_unet_x.dora_scale': zeros([12, 1]),
    });
    assert.match(adapter.warnings.join(), /DoRA/);
  });

  it('a vector of a module without factors is refused, whatever the name of the module', async () => {
    for (const name of ['lora_unet_y', 'diffusion_model.y']) {
      const error = await refusalOf({ ...pair('lora_unet_x', 2), [`${name}.dora_scale`]: zeros([12, 1]) });
      assert.equal(error.code, 'LORA_UNPAIRED');
    }
  });
});
