import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { AppError } from '../../src/errors/app-error.ts';

/** Whether an error is a STORAGE_FAILED that states where and what, and contains no secret anywhere. */
export function isStorageFailure(
  pattern: RegExp,
  secrets: readonly string[] = [],
): (error: unknown) => boolean {
  return (error) => {
    assert(error instanceof AppError, inspect(error));
    assert.equal(error.code, 'STORAGE_FAILED');
    assert.ok(error.retryable);
    assert.match(error.message, pattern);
    const everything = inspect(error, { depth: 10, showHidden: true });
    for (const secret of secrets) assert.ok(!everything.includes(secret), everything);
    return true;
  };
}
