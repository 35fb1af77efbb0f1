import assert from 'node:assert/strict';
import { AppError } from '../../../src/errors/app-error.ts';

/** Asserts that the conversion is refused in these words, naming this tensor or option. */
export function refuses(run: () => unknown, words: RegExp, named?: string): void {
  assert.throws(run, (error) => {
    assert.ok(error instanceof AppError, String(error));
    assert.equal(error.code, 'FORMAT_NOT_CONVERTIBLE');
    assert.match(error.message, words);
    const { tensor, option } = error.context as { tensor?: string; option?: string };
    if (named !== undefined) assert.equal(tensor ?? option, named);
    return true;
  });
}
