import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Client } from '../e2e/client.ts';
import { fixtureAdapters } from '../e2e/fixtures.ts';
import { startService } from '../e2e/service.ts';

const ROOT = join(import.meta.dirname, '../..');
/** The limit that docs/image.md promises; the current content takes 96 MB. */
const MAX_BYTES = 140_000_000;

/** Every file below a folder, relative to it. */
const filesOf = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));

describe('the content of /app in the image', () => {
  const folder = mkdtempSync(join(tmpdir(), 'squeeze-shipped-'));
  const app = join(folder, 'app');
  let files: string[];
  before(() => {
    if (!existsSync(join(ROOT, 'dist/main.js'))) execFileSync('npm', ['run', 'build'], { cwd: ROOT });
    execFileSync('npx', ['tsx', 'scripts/ship.ts', app], { cwd: ROOT });
    files = filesOf(app);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('is small', () => {
    const bytes = files.reduce((sum, file) => sum + lstatSync(join(app, file)).size, 0);
    assert.ok(bytes < MAX_BYTES, `${bytes} bytes`);
  });

  it('has nothing that only developers need', () => {
    const found = (pattern: RegExp) => files.filter((file) => pattern.test(file));
    assert.deepEqual(found(/\.map$|\.d\.[cm]?ts$/), []);
    assert.deepEqual(found(/node_modules\/(?:@typescript|typescript|vite|tsx|npm|esbuild|@biomejs)\//), []);
    assert.deepEqual(found(/node_modules\/.*\/(?:tests?|__tests__|docs|examples?|benchmarks?)\//), []);
  });

  it('has addons and libraries for this platform only', () => {
    const native = files.filter((file) => /\.(?:node|dll|dylib|so(?:\.\d+)*)$/.test(file));
    assert.ok(native.some((file) => file.includes('onnxruntime-node')));
    assert.ok(native.some((file) => file.includes('@photostructure/sqlite')));
    assert.ok(native.some((file) => file.includes('resvg-js-')));
    for (const file of native) {
      assert.doesNotMatch(file, /darwin|win32|android/);
      // Executable and Linkable Format, and the machine that this Node is built for.
      const head = readFileSync(join(app, file)).subarray(0, 20);
      const own = readFileSync(process.execPath).subarray(0, 20);
      assert.deepEqual([head.toString('latin1', 1, 4), head[18]], ['ELF', own[18]], file);
    }
  });

  it('keeps the licence of every package that has one', () => {
    const isLicence = (file: string) => /licen[cs]e/i.test(file);
    const packages = files.filter((file) => /node_modules\/(?:@[^/]+\/)?[^/]+\/package\.json$/.test(file));
    assert.ok(packages.length > 50);
    for (const file of packages.map((name) => join(name, '..'))) {
      const had = readdirSync(join(ROOT, file)).filter(isLicence);
      assert.deepEqual(readdirSync(join(app, file)).filter(isLicence), had, file);
    }
  });

  it('serves, squeezes and answers without other files', async () => {
    const service = await startService({ dataDir: join(folder, 'data'), app });
    try {
      const client = new Client(service.url);
      const { adapter } = await client.upload(fixtureAdapters()[0]!.dir);
      const job = await client.squeeze(adapter.id, [{ rank: 2 }]);
      assert.equal(job.state, 'succeeded', JSON.stringify(job.error));
      const page = await client.fetch('/');
      assert.match(page.headers.get('content-type') ?? '', /html/);
      const docs = await client.fetch('/docs/');
      assert.ok(docs.status < 400, `${docs.status}`);
    } finally {
      await service.stop();
    }
  });
});
