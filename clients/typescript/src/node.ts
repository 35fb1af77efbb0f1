import type * as crypto from 'node:crypto';
import type * as fs from 'node:fs/promises';
import type * as path from 'node:path';

interface Builtins {
  readonly 'node:fs/promises': typeof fs;
  readonly 'node:path': typeof path;
  readonly 'node:crypto': typeof crypto;
}

/**
 * A module of Node, or undefined in a browser. It is looked up at run time, so that bundlers for browsers do not try
 * to include it.
 */
export function builtin<N extends keyof Builtins>(name: N): Builtins[N] | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } };
  return process?.getBuiltinModule?.(name) as Builtins[N] | undefined;
}

/** A module of Node for calls that take paths. @throws TypeError outside Node */
export function nodeModule<N extends keyof Builtins>(name: N): Builtins[N] {
  const found = builtin(name);
  if (!found) throw new TypeError('Paths are for Node: here, give a Blob, bytes or a stream.');
  return found;
}
