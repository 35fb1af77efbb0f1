import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { ProcessReadiness, type ReadinessOptions } from '../../src/app/readiness.ts';
import type { Risk } from '../../src/dispatch/job-queue.ts';
import { AppError } from '../../src/errors/app-error.ts';

const NEVER = (): Promise<never> => new Promise(() => {});
const ATTEMPT_MS = 1_200;

function failing(code: ConstructorParameters<typeof AppError>[0], detail: string): () => Promise<never> {
  return async () => {
    throw new AppError(code, detail);
  };
}

/**
 * How each part behaves, which a test can change while the checks run, and the changes that were reported.
 */
function open(onChange?: ReadinessOptions['onChange']) {
  const parts = {
    reads: async () => {},
    writes: async () => {},
    database: async () => {},
    queue: async (): Promise<readonly Risk[]> => [],
  };
  const readiness = new ProcessReadiness({
    store: { checkReads: () => parts.reads(), check: () => parts.writes() },
    database: { check: () => parts.database() },
    queue: { check: () => parts.queue() },
    ...(onChange && { onChange }),
  });
  return { parts, readiness };
}

const codes = async (readiness: ProcessReadiness): Promise<string[]> => {
  const { status, reasons } = await readiness.check();
  return [status, ...reasons.map(({ part, code }) => `${part} ${code}`)];
};

describe('ProcessReadiness', () => {
  it('is unready only if reads fail, the database is away, or a vital part is missing', async () => {
    const { parts, readiness } = open();
    assert.deepEqual(await codes(readiness), ['ready']);
    parts.writes = failing('STORAGE_FULL', 'full');
    parts.queue = failing('QUEUE_UNAVAILABLE', 'away');
    assert.deepEqual(await codes(readiness), ['degraded', 'storage STORAGE_FULL', 'queue QUEUE_UNAVAILABLE']);
    parts.reads = failing('STORAGE_FAILED', 'gone');
    assert.equal((await readiness.check()).status, 'unready');
    parts.reads = async () => {};
    parts.database = failing('DATABASE_UNAVAILABLE', 'away');
    assert.equal((await readiness.check()).status, 'unready');
    parts.database = async () => {};
    parts.queue = async () => [];
    parts.writes = async () => {};
    readiness.add('secrets', failing('SECRETS_UNAVAILABLE', 'another key'));
    assert.deepEqual(await codes(readiness), ['degraded', 'secrets SECRETS_UNAVAILABLE']);
    readiness.add('provider', failing('PROVIDER_UNAVAILABLE', 'no CUDA'), { isVital: true });
    assert.equal((await readiness.check()).status, 'unready');
  });

  it('counts a part that is only at risk as usable', async () => {
    const { parts, readiness } = open();
    parts.queue = async () => [{ code: 'QUEUE_EVICTS', detail: 'x' }];
    const { status, parts: found } = await readiness.check();
    assert.equal(status, 'degraded');
    assert.deepEqual(found, [
      { part: 'storage', isUsable: true },
      { part: 'database', isUsable: true },
      { part: 'queue', isUsable: true },
    ]);
  });

  it('counts a slow storage as degraded, and one that never answered as missing', async () => {
    const { parts, readiness } = open();
    await readiness.check();
    parts.reads = () => new Promise((resolve) => setTimeout(resolve, 10 * ATTEMPT_MS));
    assert.deepEqual(await codes(readiness), ['degraded', 'storage STORAGE_FAILED']);
    const hanging = open();
    hanging.parts.reads = NEVER;
    assert.deepEqual(await codes(hanging.readiness), ['unready', 'storage STORAGE_FAILED']);
  });

  it('does not count the time during which the process itself was blocked', async () => {
    const { parts, readiness } = open();
    parts.reads = async () => {
      for (let reads = 0; reads < 3; reads++) await readFile(import.meta.filename);
    };
    const looked = codes(readiness);
    setImmediate(() => {
      const startMs = performance.now();
      while (performance.now() - startMs < ATTEMPT_MS);
    });
    assert.deepEqual(await looked, ['ready']);
  });

  it('counts a storage that does not answer for long as missing, and starts no second check meanwhile', async (t) => {
    const { parts, readiness } = open();
    await readiness.check();
    let checks = 0;
    parts.reads = () => {
      checks++;
      return NEVER();
    };
    assert.equal((await readiness.check()).status, 'degraded');
    t.mock.method(performance, 'now', () => 1e9);
    assert.equal((await readiness.check()).status, 'unready');
    assert.equal(checks, 1);
  });

  it('reports each reason once when it appears and once when it is gone', async () => {
    const reported: string[] = [];
    const { parts, readiness } = open(({ part, code }, { isThere, isUsable }) =>
      reported.push(`${part} ${code} ${isThere} ${isUsable}`),
    );
    await readiness.check();
    parts.queue = async () => [{ code: 'QUEUE_EVICTS', detail: 'x' }];
    await readiness.check();
    await readiness.check();
    parts.queue = failing('QUEUE_FULL', 'full');
    await readiness.check();
    parts.queue = async () => [];
    await readiness.check();
    await readiness.check();
    assert.deepEqual(reported, [
      'queue QUEUE_EVICTS true true',
      'queue QUEUE_FULL true false',
      'queue QUEUE_EVICTS false true',
      'queue QUEUE_FULL false false',
    ]);
  });
});
