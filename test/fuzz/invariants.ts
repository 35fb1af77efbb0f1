import assert from 'node:assert/strict';
import type { Adapter, TensorEntry } from '../../src/adapter/adapter.ts';
import type { StagedTensor } from '../../src/adapter/staging-plan.ts';
import { AppError } from '../../src/errors/app-error.ts';
import type { ReadAdapter } from '../../src/formats/format.ts';
import { summarise } from '../../src/formats/summary.ts';
import type { GgufHeader } from '../../src/gguf/header.ts';
import type { SafetensorsHeader } from '../../src/safetensors/header.ts';
import { layOut } from '../../src/safetensors/layout.ts';

/** Runs a reader; a refusal gives undefined. @throws any error that is not a refusal of the client's file */
export function orRefused<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    checkRefusal(error);
    return undefined;
  }
}

/**
 * What may be thrown for a bad file: an AppError that blames the client, is not retryable, and has a message
 * of reasonable length.
 */
export function checkRefusal(error: unknown): void {
  if (!(error instanceof AppError)) throw error;
  assert.ok(error.kind.status < 500 && !error.retryable, `${error.code}: ${error.message}`);
  assert.ok(error.message.length > 5 && error.message.length < 2_000, error.message);
  // Errors are sent to the client as JSON.
  JSON.stringify(error.context);
}

/** The content of a file must never reach the prototypes of all objects. */
export function assertNoPollution(): void {
  assert.deepEqual(Object.keys(Object.prototype), []);
  assert.deepEqual(Object.keys(Array.prototype), []);
  for (const name of ['polluted', 'x', 'r', 'rank', 'dtype'])
    assert.equal(({} as Record<string, unknown>)[name], undefined, name);
}

/** Tensors are inside the file, one after the other, with different names. */
function assertTensors(tensors: readonly TensorEntry[], dataBegin: number, totalBytes: number): void {
  assert.equal(new Set(tensors.map(({ name }) => name)).size, tensors.length);
  let end = dataBegin;
  for (const { name, shape, beginByte, endByte } of tensors) {
    assert.ok(beginByte >= end && endByte >= beginByte && endByte <= totalBytes, name);
    for (const extent of shape) assert.ok(Number.isSafeInteger(extent) && extent >= 0, name);
    end = endByte;
  }
}

export const assertSafetensors = ({ tensors, dataBegin, metadata }: SafetensorsHeader, bytes: number) => {
  assertTensors(tensors, dataBegin, bytes);
  assert.equal(tensors.at(-1)?.endByte ?? dataBegin, bytes, 'every byte belongs to one tensor or the header');
  for (const [key, value] of metadata) assert.ok(typeof key === 'string' && typeof value === 'string');
};

export const assertGguf = ({ tensors, dataBegin, alignment }: GgufHeader, bytes: number) => {
  assertTensors(tensors, dataBegin, bytes);
  for (const { beginByte } of tensors) assert.equal((beginByte - dataBegin) % alignment, 0);
};

/**
 * What every reader promises of an adapter (src/adapter/adapter.ts).
 * @param sourceBytes of the file; factors are in it, or in the files that the plans make from it
 */
export function assertAdapter({ adapter, decoding, staging }: ReadAdapter, sourceBytes: number): void {
  const { modules, passthrough } = adapter;
  if (decoding) assertStaging(decoding.tensors, sourceBytes);
  const bytes = decoding ? layOut(decoding.tensors, new Map()).totalBytes : sourceBytes;
  assert.ok(modules.length > 0);
  const names = modules.map(({ name }) => name);
  assert.deepEqual(names, [...new Set(names)].sort(byCodeUnit), 'sorted, each once');
  assert.deepEqual(
    passthrough.map(({ name }) => name),
    passthrough.map(({ name }) => name).toSorted(byCodeUnit),
  );
  for (const module of modules) assertModule(module);
  assert.ok(Number.isFinite(adapter.alpha) && Number.isSafeInteger(adapter.configRank));
  assert.ok(adapter.configRank >= 1, 'configRank');
  if (staging) assertStaging(staging.tensors, bytes);
  else {
    for (const { name, beginByte, endByte } of [...modules.flatMap(({ a, b }) => [a, b]), ...passthrough])
      assert.ok(beginByte >= 0 && endByte >= beginByte && endByte <= bytes, name);
  }
  // Users see it as JSON.
  JSON.stringify(summarise(adapter));
}

function assertModule({ name, a, b, rank, m, n, scale }: Adapter['modules'][number]): void {
  for (const size of [rank, m, n])
    assert.ok(Number.isSafeInteger(size) && size >= 1, `${name}: ${rank}, ${m}×${n}`);
  assert.ok(Number.isFinite(scale), `${name}: scale ${scale}`);
  const elements = ({ shape }: TensorEntry) => shape.reduce((product, extent) => product * extent, 1);
  assert.equal(elements(a), rank * n, `${name}: A`);
  assert.equal(elements(b), m * rank, `${name}: B`);
}

function assertStaging(tensors: readonly StagedTensor[], bytes: number): void {
  assert.equal(new Set(tensors.map(({ name }) => name)).size, tensors.length);
  for (const { name, source } of tensors) {
    if (source.kind === 'derived') continue;
    const { beginByte, endByte } = source.entry;
    assert.ok(beginByte >= 0 && endByte >= beginByte && endByte <= bytes, name);
  }
}

const byCodeUnit = (x: string, y: string): number => (x < y ? -1 : x > y ? 1 : 0);
