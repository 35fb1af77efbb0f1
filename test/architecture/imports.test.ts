import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, it } from 'node:test';
import { cyclicLayers, LAYERS, OWNERS, ROOMS, type SourceFile, violations } from './rules.ts';

const ROOT = join(import.meta.dirname, '../..');
const SRC = join(ROOT, 'src');

function sourceFiles(): SourceFile[] {
  return readdirSync(SRC, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path: relative(SRC, path), text: readFileSync(path, 'utf8') }));
}

describe('the sources', () => {
  it('keep all rules', () => {
    assert.deepEqual(violations(sourceFiles()), []);
  });

  it('have layers that depend on each other in one direction', () => {
    assert.deepEqual(cyclicLayers(), []);
    assert.deepEqual(cyclicLayers({ a: ['b'], b: ['c'], c: ['a'], d: ['a'] }), ['a', 'b', 'c']);
    for (const [layer, rooms] of Object.entries(ROOMS)) assert.deepEqual(cyclicLayers(rooms), [], layer);
  });

  it('have rules only for folders that exist', () => {
    for (const [layer, rooms] of Object.entries(ROOMS)) {
      const folders = readdirSync(join(SRC, layer), { withFileTypes: true }).filter((entry) =>
        entry.isDirectory(),
      );
      assert.deepEqual(Object.keys(rooms).sort(), folders.map(({ name }) => name).sort(), layer);
    }
  });

  it('have rules only for layers that exist', () => {
    const present = new Set(readdirSync(SRC));
    assert.deepEqual(
      [...Object.keys(LAYERS), ...Object.values(LAYERS).flat()].filter((layer) => !present.has(layer)),
      [],
    );
  });

  it('have an owner for every dependency, and owners for nothing else', () => {
    const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    const family = (name: string): string => (name in OWNERS ? name : `${name.split('/')[0]}/*`);
    assert.deepEqual(new Set(Object.keys(manifest.dependencies).map(family)), new Set(Object.keys(OWNERS)));
  });
});

describe('the rules', () => {
  const broken = (path: string, text: string): string[] => violations([{ path, text }]);

  it('refuse an import against the direction', () => {
    assert.deepEqual(broken('core/spectrum.ts', `import { AppError } from '../errors/app-error.ts';\n`), [
      'core/spectrum.ts: core must not import errors',
    ]);
    assert.deepEqual(broken('http/paging.ts', `export * from '../resources/jobs/store.ts';\n`), [
      'http/paging.ts: http must not import resources',
    ]);
    assert.deepEqual(broken('storage/disk.ts', `const x = await import('../queue/worker.ts');\n`), [
      'storage/disk.ts: storage must not import queue',
    ]);
    assert.deepEqual(broken('core/onnx/graph.ts', `import type { Config } from '../../app/config.ts';\n`), [
      'core/onnx/graph.ts: core must not import app',
    ]);
  });

  it('allow an import along the direction and within a layer', () => {
    assert.deepEqual(broken('squeeze/squeeze.ts', `import { gram } from '../core/onnx/gram.ts';\n`), []);
    assert.deepEqual(broken('core/onnx/graph.ts', `import { wire } from './wire.ts';\n`), []);
    assert.deepEqual(broken('core/spectrum.ts', `// import { x } from '../app/http-app.ts';\n`), []);
  });

  it('refuse an import against the direction inside a layer', () => {
    assert.deepEqual(broken('formats/pairs/split.ts', `import { read } from '../kohya/read.ts';\n`), [
      'formats/pairs/split.ts: pairs must not import kohya',
    ]);
    assert.deepEqual(broken('formats/new/read.ts', `import { split } from '../pairs/split.ts';\n`), [
      'formats/new/read.ts: "new" is not a known folder of formats',
    ]);
    assert.deepEqual(broken('formats/kohya/read.ts', `import { split } from '../pairs/split.ts';\n`), []);
    assert.deepEqual(broken('formats/formats.ts', `import { kohya } from './kohya/kohya.ts';\n`), []);
    assert.deepEqual(broken('formats/kohya/read.ts', `import type { Format } from '../format.ts';\n`), []);
  });

  it('let only code that answers requests import a workspace', () => {
    const text = `import { workspaceOf } from '../own-workspace.ts';\n`;
    assert.deepEqual(broken('resources/jobs/event-routes.ts', text), []);
    assert.deepEqual(broken('resources/jobs/store.ts', text), [
      'resources/jobs/store.ts: must not import resources/own-workspace.ts',
    ]);
    const all = `import type { Workspaces } from '../workspaces.ts';\n`;
    assert.equal(broken('resources/jobs/routes.ts', all).length, 1);
  });

  it('read imports that span lines', () => {
    assert.equal(broken('json/parse.ts', `import {\n  a,\n  b,\n} from '../resources/a.ts';\n`).length, 1);
  });

  it('let only its owner import a package', () => {
    assert.deepEqual(broken('squeeze/squeeze.ts', `import { Tensor } from 'onnxruntime-node';\n`), [
      'squeeze/squeeze.ts: must not import onnxruntime-node',
    ]);
    assert.equal(
      broken('dispatch/worker-fleet.ts', `import multipart from '@fastify/multipart';\n`).length,
      1,
    );
    assert.equal(broken('http/server.ts', `import _ from 'left-pad';\n`).length, 1);
    assert.deepEqual(broken('http/server.ts', `import multipart from '@fastify/multipart';\n`), []);
    assert.equal(broken('core/random.ts', `import { randomBytes } from 'node:crypto';\n`).length, 1);
    assert.deepEqual(broken('resources/jobs/store.ts', `import { randomBytes } from 'node:crypto';\n`), []);
  });

  it('allow process.env only in the files of the configuration', () => {
    assert.equal(broken('http/server.ts', 'const port = process.env.PORT;\n').length, 1);
    assert.deepEqual(broken('app/config.ts', 'const port = process.env.PORT;\n'), []);
  });

  it('refuse a name that two files export', () => {
    const [a, b] = ['json/parse.ts', 'json/write.ts'];
    const schema = 'export const Page = 1;\nexport type Page = number;\n';
    assert.deepEqual(violations([{ path: a, text: schema }]), []);
    assert.deepEqual(
      violations([
        { path: a, text: schema },
        { path: b, text: 'export async function Page() {}\n' },
      ]),
      ['json/write.ts: json/parse.ts exports Page too'],
    );
  });

  it('refuse long files, barrels and unknown layers', () => {
    assert.deepEqual(broken('json/parse.ts', '\n'.repeat(401)), ['json/parse.ts: 401 lines, at most 400']);
    assert.deepEqual(broken('json/parse.ts', '\n'.repeat(400)), []);
    assert.equal(broken('json/index.ts', '').length, 1);
    assert.deepEqual(broken('helpers/strings.ts', ''), [
      'helpers/strings.ts: "helpers" is not a known layer',
    ]);
  });
});
