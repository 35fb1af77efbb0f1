import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findAdapters } from '../../src/transfer/find-adapters.ts';

const among = (...paths: string[]) => findAdapters(paths).map(({ path, name }) => `${path} as ${name}`);

describe('adapters found among files', () => {
  it('are folders with a configuration or weights with a usual name, and every other file of weights', () => {
    assert.deepEqual(
      among(
        'b/adapter_model.safetensors',
        'b/adapter_config.json',
        'b/README.md',
        'b/checkpoint-500/adapter_model.safetensors',
        'a/adapter_config.json',
        'a/strange.safetensors',
        'loose/one.safetensors',
        'loose/two.gguf',
        'loose/notes.txt',
        'old/pytorch_model.bin',
      ),
      [
        'a as a',
        'b as b',
        'b/checkpoint-500 as b/checkpoint-500',
        'loose/one.safetensors as loose/one',
        'loose/two.gguf as loose/two',
      ],
    );
  });

  it('may have weights that are split over several files', () => {
    assert.deepEqual(
      among(
        'a/x-00002-of-00002.safetensors',
        'a/x-00001-of-00002.safetensors',
        'a/y-00001-of-00001.safetensors',
        'b/adapter_config.json',
        'b/x-00001-of-00002.safetensors',
        'b/x-00002-of-00002.safetensors',
      ),
      ['a/x-00001-of-00002.safetensors as a/x', 'a/y-00001-of-00001.safetensors as a/y', 'b as b'],
    );
  });

  it('may be the folder itself', () => {
    assert.deepEqual(among('adapters.safetensors', 'adapter_config.json'), [' as ']);
    assert.deepEqual(among('x.safetensors'), ['x.safetensors as x']);
    assert.deepEqual(among(), []);
  });

  it('have different names', () => {
    assert.deepEqual(among('x/adapter_config.json', 'x.gguf', 'x.safetensors', 'x-2.gguf'), [
      'x as x',
      'x-2.gguf as x-2',
      'x.gguf as x-3',
      'x.safetensors as x-4',
    ]);
  });
});
