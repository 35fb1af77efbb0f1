import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SucceededResult } from '../../src/contract/job.ts';
import type { Report } from '../../src/contract/report.ts';
import { documents, type Ended } from './command.ts';

/** The record of a result that the command prints for programs. */
export interface PrintedResult {
  readonly folder: string;
  readonly out: string;
  readonly result: SucceededResult;
  readonly files: readonly { name: string; sha256: string; bytes: number }[];
  readonly sources: Report['sources'];
  readonly method: Report['method'];
  readonly error?: { code: string; detail: string };
}

/** The only result of a run that must have succeeded without other output. */
export function parseResult(ended: Omit<Ended, 'signal'>): PrintedResult {
  assert.equal(ended.code, 0, ended.stderr);
  assert.equal(ended.stderr, '');
  const made = documents<PrintedResult>(ended.stdout);
  assert.equal(made.length, 1);
  return made[0]!;
}

/** A result without the id of its adapter, which differs each time. */
export function withoutAdapterId<R extends { readonly adapter_id: string }>({ adapter_id: _, ...rest }: R) {
  return rest;
}

/** Every file of a folder by its name. */
export const contentOf = (folder: string): Map<string, Buffer> =>
  new Map(
    readdirSync(folder)
      .sort()
      .map((name) => [name, readFileSync(join(folder, name))]),
  );

/** Asserts that two folders have the same files, byte for byte. */
export function assertSameFiles(actual: string, expected: string): void {
  const [left, right] = [contentOf(actual), contentOf(expected)];
  assert.deepEqual([...left.keys()], [...right.keys()]);
  for (const [name, bytes] of right) assert.ok(bytes.equals(left.get(name)!), `${name} differs`);
}
