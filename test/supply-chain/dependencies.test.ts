import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { isAccepted, type LockedPackage, lockedPackages, READ_LICENCES } from '../../scripts/dependencies.ts';

const ROOT = join(import.meta.dirname, '../..');

interface Bill {
  readonly bomFormat: string;
  readonly metadata: { readonly component: { readonly name: string } };
  readonly components: readonly { readonly name: string; readonly version: string; readonly purl?: string }[];
}

describe('the dependencies', () => {
  let packages: LockedPackage[];
  before(async () => {
    packages = await lockedPackages(ROOT);
    assert.ok(packages.length > 100);
  });

  it('have licences that permit distribution', () => {
    const shipped = packages.filter(({ isDev }) => !isDev);
    const wrong = shipped.filter(
      ({ path, licence }) => !READ_LICENCES.has(path) && (licence === null || !isAccepted(licence)),
    );
    assert.deepEqual(
      wrong.map(({ path, licence }) => `${path}: ${licence}`),
      [],
    );
  });

  it('are pinned by content, whatever their registry', () => {
    const loose = packages.filter(
      ({ integrity, resolved }) => !integrity?.startsWith('sha512-') || resolved !== null,
    );
    assert.deepEqual(
      loose.map(({ path, resolved }) => `${path}: ${resolved}`),
      [],
    );
  });

  it('run nothing when they are installed', () => {
    assert.match(readFileSync(join(ROOT, '.npmrc'), 'utf8'), /^ignore-scripts=true$/m);
  });

  it('are listed completely in a bill of materials', async () => {
    const { stdout } = await promisify(execFile)('npm', ['run', '--silent', 'sbom'], {
      cwd: ROOT,
      maxBuffer: 64 * 1024 * 1024,
    });
    const bill = JSON.parse(stdout) as Bill;
    assert.equal(bill.bomFormat, 'CycloneDX');
    assert.equal(bill.metadata.component.name, 'lora-squeeze', 'npm says the name of the folder');
    const listed = new Set(bill.components.map(({ name, version }) => `${name}@${version}`));
    const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    for (const name of Object.keys(manifest.dependencies)) {
      const version = packages.find(({ path }) => path === `node_modules/${name}`)!.version;
      assert.ok(listed.has(`${name}@${version}`), name);
    }
    const dev = packages.find(({ path }) => path === 'node_modules/@redocly/cli')!;
    assert.ok(!listed.has(`@redocly/cli@${dev.version}`), 'what is only for developing is not shipped');
  });

  it('are listed for an image with the packages of the system, Node and ONNX Runtime', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'squeeze-bill-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    writeFileSync(join(folder, 'os-release'), 'NAME="Debian GNU/Linux"\nID=debian\n');
    writeFileSync(join(folder, 'packages.txt'), 'libstdc++6 14.2.0-19 amd64\nredis-server 5:8.0.2-3 amd64\n');
    const { stdout } = await promisify(execFile)('npx', ['tsx', 'scripts/sbom.ts', folder], {
      cwd: ROOT,
      maxBuffer: 64 * 1024 * 1024,
    });
    const purls = (JSON.parse(stdout) as Bill).components.map(({ purl }) => purl);
    const runtime = packages.find(({ path }) => path === 'node_modules/onnxruntime-node')!.version;
    for (const purl of [
      'pkg:deb/debian/libstdc%2B%2B6@14.2.0-19?arch=amd64',
      'pkg:deb/debian/redis-server@5%3A8.0.2-3?arch=amd64',
      `pkg:generic/node@${process.versions.node}`,
      `pkg:generic/onnxruntime@${runtime}`,
    ])
      assert.ok(purls.includes(purl), purl);
  });
});

describe('a licence', () => {
  it('is accepted or refused by its expression', () => {
    for (const good of ['MIT', '(MIT OR CC0-1.0)', 'GPL-3.0-only OR Apache-2.0', 'MIT AND ISC'])
      assert.ok(isAccepted(good), good);
    for (const bad of ['GPL-3.0-only', 'MIT AND GPL-2.0-only', 'SEE LICENSE IN LICENSE', 'UNLICENSED', ''])
      assert.ok(!isAccepted(bad), bad);
  });
});
