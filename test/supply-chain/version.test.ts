import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

const ROOT = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

interface Manifest {
  readonly version: string;
}

const { version } = JSON.parse(read('package.json')) as Manifest;
const { packages } = JSON.parse(read('package-lock.json')) as { packages: Record<string, Manifest> };
const versionIn = (path: string, pattern: RegExp): string[] =>
  [...read(path).matchAll(pattern)].map(([, found]) => found!);

/** Everything that is released states its version; test/deploy checks Compose and Kubernetes. */
const VERSIONS_IN: Readonly<Record<string, readonly string[]>> = {
  'package-lock.json': [packages['']!.version, packages['clients/typescript']!.version],
  'clients/typescript/package.json': [
    (JSON.parse(read('clients/typescript/package.json')) as Manifest).version,
  ],
  'clients/python/pyproject.toml': versionIn('clients/python/pyproject.toml', /^version = "(.*)"$/gm),
  Dockerfile: versionIn('Dockerfile', /org\.opencontainers\.image\.version="(.*?)"/g),
};

describe('the version', () => {
  for (const [place, versions] of Object.entries(VERSIONS_IN)) {
    it(`is that of package.json in ${place}`, () => {
      assert.ok(versions.length > 0);
      for (const each of versions) assert.equal(each, version);
    });
  }
});
