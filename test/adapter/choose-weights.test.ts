import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chooseWeights, chosenWeights } from '../../src/adapter/choose-weights.ts';
import { isPickleName, isWeightsName } from '../../src/adapter/file-names.ts';
import { AppError } from '../../src/errors/app-error.ts';

const CONFIG = 'adapter_config.json';

function refusal(...names: readonly string[]): AppError {
  try {
    chooseWeights(names, 'the folder');
  } catch (error) {
    assert.ok(error instanceof AppError);
    return error;
  }
  return assert.fail('it was not refused');
}

describe('an adapter among the files of a folder', () => {
  it('is the file with a usual name, whatever other files there are', () => {
    for (const [names, weights] of [
      [['adapter_model.safetensors'], 'adapter_model.safetensors'],
      [['0000100_adapters.safetensors', 'adapters.safetensors'], 'adapters.safetensors'],
      [['adapters.safetensors', 'adapter_model.safetensors', 'x.gguf'], 'adapter_model.safetensors'],
      [['a.safetensors', 'pytorch_lora_weights.safetensors'], 'pytorch_lora_weights.safetensors'],
    ] as const) {
      assert.deepEqual(chooseWeights(names, ''), { weights: [weights], config: null, card: null });
      assert.deepEqual(chooseWeights([CONFIG, ...names], ''), {
        weights: [weights],
        config: CONFIG,
        card: null,
      });
    }
  });

  it('is the only file of weights', () => {
    for (const weights of ['my style.safetensors', 'x.gguf'])
      assert.deepEqual(chooseWeights(['README.md', 'adapter_model.bin', weights], ''), {
        weights: [weights],
        config: null,
        card: 'README.md',
      });
  });

  it('may be split over several files, all of which must be there', () => {
    const [one, two] = ['x-00001-of-00002.safetensors', 'x-00002-of-00002.safetensors'];
    const index = 'x.safetensors.index.json';
    assert.deepEqual(chooseWeights([two!, CONFIG, one!, index, 'y.safetensors.index.json'], ''), {
      weights: [one, two, index],
      config: CONFIG,
      card: null,
    });
    assert.deepEqual(chooseWeights([two!, one!], ''), { weights: [one, two], config: null, card: null });
    const half = refusal(two!, index);
    assert.equal(half.code, 'FILE_MISSING');
    assert.deepEqual(half.context.missing, [one]);
    // A file with a usual name is the adapter, whatever files are beside it.
    assert.deepEqual(chooseWeights([one!, 'adapter_model.safetensors'], '').weights, [
      'adapter_model.safetensors',
    ]);
    assert.match(refusal(one!, two!, 'z.safetensors').message, /3 weights files/);
    // Naming one part selects all parts.
    assert.deepEqual(chosenWeights([one!, two!, 'z.safetensors'], two!), {
      weights: [one, two],
      config: null,
      card: null,
    });
  });

  it('is not guessed if there are several', () => {
    const error = refusal('b.gguf', 'a.safetensors', CONFIG);
    assert.equal(error.code, 'FILE_MISSING');
    assert.match(
      error.message,
      /the folder contains 2 weights files \("a\.safetensors", "b\.gguf"\), .*specify the one to use/,
    );
    const many = refusal(...Array.from({ length: 4000 }, (_, i) => `${'n'.repeat(100)}${i}.gguf`));
    assert.ok(many.message.length < 800, many.message);
  });

  it('is missing if there is none; for a pickle the message explains how to convert it', () => {
    const nothing = refusal();
    assert.match(
      nothing.message,
      /contains no weights file \(adapter_model\.safetensors, .*\) and no adapter_config\.json/,
    );
    assert.deepEqual(nothing.context.missing, ['adapter_model.safetensors', CONFIG]);
    assert.deepEqual(refusal(CONFIG).context.missing, ['adapter_model.safetensors']);
    const pickle = refusal(CONFIG, 'pytorch_model.bin');
    assert.equal(pickle.code, 'PICKLE_REFUSED');
    assert.match(pickle.message, /torch\.load\('pytorch_model\.bin'/);
  });
});

describe('file names', () => {
  it('of weights have a known extension and are not paths', () => {
    for (const name of ['a.gguf', 'ü x.safetensors', '..safetensors', `${'x'.repeat(150)}.gguf`])
      assert.ok(isWeightsName(name), name);
    for (const name of [
      ...['.gguf', 'a/b.gguf', 'a\\b.gguf', 'a\n.gguf', 'a.gguf\n', 'a.gguf.bin', 'A.GGUF', ''],
      ...[`${'x'.repeat(151)}.gguf`, 'safetensors', 'a.safetensors/'],
    ])
      assert.ok(!isWeightsName(name), JSON.stringify(name));
  });

  it('of pickles are those that torch.save is usually given', () => {
    for (const name of ['a.bin', 'b.PT', 'c.pth', 'd.ckpt', 'e.pkl']) assert.ok(isPickleName(name), name);
    for (const name of ['a.bin.safetensors', 'bin', 'a.json']) assert.ok(!isPickleName(name), name);
  });
});
