import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AppError, jobFailure } from '../../src/errors/app-error.ts';
import { ERROR_KINDS, type ErrorCode } from '../../src/errors/error-kinds.ts';
import { decodeError, encodeError, givesUp } from '../../src/queue/error-codec.ts';
import fc from '../fast-check.ts';

/** What BullMQ does with an error sent to the parent: own properties, through JSON, into a new Error. */
function cross(error: Error): Error {
  const own = Object.fromEntries(
    Object.getOwnPropertyNames(error).map((name) => [name, Reflect.get(error, name)]),
  );
  return Object.assign(new Error(), JSON.parse(JSON.stringify(own)));
}

const codes = Object.keys(ERROR_KINDS) as ErrorCode[];
const contexts = fc.dictionary(
  fc.stringMatching(/^[a-z_]{1,12}$/),
  fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null), fc.array(fc.integer())),
);

describe('an AppError of the compute process', () => {
  it('arrives with its code, message and context, and is retried only if that can help', () => {
    fc.assert(
      fc.property(fc.constantFrom(...codes), fc.string(), contexts, (code, message, context) => {
        const sent = new AppError(code, message, context);
        const received = cross(encodeError(sent));
        const decoded = decodeError(received);
        assert.equal(decoded.code, code);
        assert.equal(decoded.message, message);
        assert.deepEqual({ ...decoded.context }, { ...context });
        assert.equal(givesUp(received), !ERROR_KINDS[code].retryable);
      }),
    );
  });
});

describe('any other error', () => {
  it('arrives as INTERNAL, is retried, and does not expose its own code', () => {
    const received = cross(encodeError(Object.assign(new TypeError('x is undefined'), { code: 'ERR_X' })));
    assert.equal(givesUp(received), false);
    const { code, message, context } = decodeError(received);
    assert.deepEqual([code, message, context], ['INTERNAL', 'x is undefined', {}]);
  });

  it('is decoded whatever its type', () => {
    assert.equal(decodeError(new Error('plain')).code, 'INTERNAL');
    assert.equal(decodeError(Object.assign(new Error('gone'), { code: 'ENOENT' })).code, 'INTERNAL');
  });
});

describe('the end of a compute process', () => {
  it('names the signal or the exit code', () => {
    const killed = decodeError(new Error('Unexpected exit code: null signal: SIGKILL'));
    assert.deepEqual([killed.code, killed.context], ['WORKER_CRASHED', { signal: 'SIGKILL' }]);
    assert.match(killed.message, /memory/);
    const aborted = decodeError(new Error('Unexpected exit code: null signal: SIGABRT'));
    assert.doesNotMatch(aborted.message, /memory/);
    const left = decodeError(new Error('Unexpected exit code: 7 signal: null'));
    assert.deepEqual([left.code, left.context], ['WORKER_CRASHED', { exit_code: 7 }]);
  });
});

describe('jobFailure', () => {
  it('omits an empty context', () => {
    assert.deepEqual(jobFailure(new AppError('STORAGE_FULL', 'No space.')), {
      code: 'STORAGE_FULL',
      title: 'The storage, the database or a disk is full',
      detail: 'No space.',
      retryable: true,
    });
  });
});
