import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AppError } from '../../src/errors/app-error.ts';
import { isMissing, s3Error } from '../../src/storage/s3/s3-error.ts';

const PLACE = 's3://bucket/prefix/a/b';
/** A response of the store as the SDK throws it. */
const answer = (name: string, httpStatusCode: number, more: object = {}): Error =>
  Object.assign(new Error('as the store puts it'), { name, $metadata: { httpStatusCode }, ...more });
const ofNode = (code: string, more: object = {}): Error =>
  Object.assign(new Error(`${code}: what happened`), { code, ...more });

describe('s3Error', () => {
  const codeOf = (error: unknown): string => s3Error('write', PLACE, error).code;
  const messageOf = (error: unknown): string => s3Error('write', PLACE, error).message;

  it('distinguishes a full store and a full disk from other faults', () => {
    assert.equal(codeOf(answer('QuotaExceeded', 403)), 'STORAGE_FULL');
    assert.equal(codeOf(answer('XMinioStorageFull', 507)), 'STORAGE_FULL');
    assert.equal(codeOf(answer('Unknown', 507)), 'STORAGE_FULL');
    assert.equal(codeOf(ofNode('ENOSPC')), 'STORAGE_FULL');
    assert.equal(codeOf(answer('SlowDown', 503)), 'STORAGE_FAILED');
    assert.equal(codeOf('odd'), 'STORAGE_FAILED');
  });

  it('states where, what and what to check first', () => {
    const start = 'The storage could not write s3://bucket/prefix/a/b';
    assert.equal(messageOf(answer('SlowDown', 503)), `${start} (SlowDown, HTTP 503).`);
    assert.equal(
      messageOf(answer('NoSuchBucket', 404)),
      `${start} (NoSuchBucket, HTTP 404). No bucket has this name.`,
    );
    assert.equal(
      messageOf(ofNode('ECONNRESET', { name: 'TimeoutError' })),
      `${start} (ECONNRESET). The connection was closed.`,
    );
    assert.equal(
      messageOf(new Error('Region is missing')),
      `${start} (RegionMissing). AWS_REGION is not set.`,
    );
    const none = Object.assign(new Error('none'), { name: 'CredentialsProviderError' });
    assert.match(messageOf(none), /No credentials were found: set AWS_ACCESS_KEY_ID/);
  });

  it('names no path of this machine', () => {
    const message = messageOf(ofNode('EACCES', { path: '/srv/secret', syscall: 'open' }));
    assert.equal(message, 'The storage could not write (EACCES).');
  });

  it('removes what the SDK attaches to its errors', () => {
    const { cause } = s3Error(
      'write',
      PLACE,
      answer('Denied', 403, { AWSAccessKeyId: 'id', StringToSign: 'x' }),
    );
    assert.deepEqual([(cause as Error).name, (cause as Error).message], ['Denied', 'as the store puts it']);
    assert.ok(!('AWSAccessKeyId' in (cause as object)) && !('$metadata' in (cause as object)));
  });

  it('passes an AppError through', () => {
    const error = new AppError('ADAPTER_NOT_FOUND', 'x');
    assert.equal(s3Error('write', PLACE, error), error);
  });
});

describe('isMissing', () => {
  it('distinguishes a missing object from a missing bucket', () => {
    assert.ok(isMissing(answer('NoSuchKey', 404)));
    assert.ok(isMissing(answer('NotFound', 404)));
    assert.ok(!isMissing(answer('NoSuchBucket', 404)));
    assert.ok(!isMissing(answer('AccessDenied', 403)));
    assert.ok(!isMissing(ofNode('ENOENT')));
  });
});
