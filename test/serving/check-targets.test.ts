import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FormatName } from '../../src/adapter/format-name.ts';
import { FORMAT_NAMES } from '../../src/adapter/format-name.ts';
import type { Target } from '../../src/contract/target.ts';
import type { AppError } from '../../src/errors/app-error.ts';
import { checkTargets } from '../../src/serving/check-targets.ts';
import { PROFILES } from '../../src/serving/profiles.ts';

describe('a profile and a format', () => {
  it('can be combined if the server loads the format, in every profile', () => {
    for (const { name: profile, title, formats } of PROFILES) {
      checkTargets([{ rank: 8, profile }, ...formats.map((format) => ({ rank: 8, profile, format }))]);
      for (const format of FORMAT_NAMES.filter((name) => !formats.includes(name))) {
        assert.throws(() => checkTargets([{ rank: 8, profile, format }]), {
          code: 'VALIDATION_FAILED',
          message: `targets[0]: profile is "${profile}", and ${title} loads ${formats[0]}, but format is "${format}": set format to "${formats[0]}".`,
        });
      }
    }
  });

  it('are accepted if only one of them is given', () => {
    for (const format of FORMAT_NAMES) checkTargets([{ rank: 8, format }]);
  });

  it('give the reason for an impossible combination, from the record of the adapter', () => {
    const cases: [target: Target, from: FormatName, words: RegExp][] = [
      [{ rank: 2, format: 'xlabs' }, 'peft', /written in diffusers, kohya, mlx, gguf/],
      [{ rank: 2, format: 'kohya' }, 'cloneofsimo', /written in no other/],
      [{ rank: 2, format: 'gguf' }, 'peft', /needs format_options.architecture/],
      [{ rank: 2, format: 'gguf', format_options: { architecture: 'none' } }, 'peft', /"none"/],
      [{ rank: 2, profile: 'vllm' }, 'kohya', /the adapter is in the format kohya: set format to "peft"/],
      [{ rank: 2, profile: 'llama-cpp' }, 'peft', /llama\.cpp loads gguf.*set format to "gguf"/],
      [{ rank: 2, profile: 'llama-cpp' }, 'kohya', /which cannot become gguf: choose another profile/],
      [{ rank: 2, profile: 'vllm' }, 'xlabs', /which cannot become peft: choose another profile/],
      [{ rank_pattern: { '(': 2 } }, 'peft', /rank_pattern/],
    ];
    for (const [target, format, words] of cases) {
      assert.throws(
        () => checkTargets([{ rank: 8 }, target], { format }),
        (error: AppError) => {
          assert.equal(error.code, 'VALIDATION_FAILED');
          assert.match(error.message, words);
          const { errors } = error.context as { readonly errors: readonly { readonly pointer: string }[] };
          return errors[0]!.pointer === '/targets/1';
        },
      );
    }
    checkTargets([{ rank: 2, format: 'gguf', format_options: { architecture: 'qwen2' } }], {
      format: 'peft',
    });
    checkTargets([{ rank: 2, profile: 'vllm', format: 'peft' }], { format: 'kohya' });
    checkTargets([{ rank: 2, profile: 'llama-cpp' }], { format: 'gguf' });
    checkTargets([{ rank: 2, profile: 'mlx-lm', format: 'mlx' }], { format: 'gguf' });
  });
});
