import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Session } from '../../src/engine/ort.ts';
import { resolveProvider } from '../../src/engine/provider.ts';
import { AppError } from '../../src/errors/app-error.ts';

const hasCuda = await resolveProvider('cuda').then(
  () => true,
  () => false,
);

describe('the execution provider', () => {
  it('is the CPU on request, without a reason', async () => {
    const provider = await resolveProvider('cpu');
    assert.match(provider.onnxruntime, /^\d+\.\d+\.\d+/);
    assert.deepEqual(
      { ...provider, onnxruntime: '' },
      { name: 'cpu', requested: 'cpu', onnxruntime: '', fallback_reason: null },
    );
  });

  it('falls back from auto to the CPU and gives the reason in one line', {
    skip: hasCuda && 'SKIPPED: CUDA is here',
  }, async () => {
    const provider = await resolveProvider('auto');
    assert.equal(provider.name, 'cpu');
    assert.equal(provider.requested, 'auto');
    assert.match(provider.fallback_reason!, /cuda/i);
    assert.doesNotMatch(provider.fallback_reason!, /\n/);
  });

  it('refuses cuda if CUDA does not load', {
    skip: hasCuda && 'SKIPPED: CUDA is here',
  }, async () => {
    await assert.rejects(resolveProvider('cuda'), (error) => {
      assert.ok(error instanceof AppError);
      assert.equal(error.code, 'PROVIDER_UNAVAILABLE');
      assert.equal(error.retryable, false);
      assert.match(error.message, /CUDA/);
      return true;
    });
  });

  it('is CUDA for auto if CUDA loads', {
    skip: !hasCuda && 'SKIPPED: no CUDA on this machine',
  }, async () => {
    assert.equal((await resolveProvider('auto')).name, 'cuda');
  });
});

describe('a session', () => {
  it('refuses a file that is not a model', async () => {
    await assert.rejects(Session.create(Uint8Array.of(1, 2, 3), 'cpu'));
  });
});
