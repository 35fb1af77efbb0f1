import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { RunRecord } from '../../src/contract/run.ts';
import { BUILD, installPackage, PACKAGE } from './installed-package.ts';
import { PYTHON, runInstalled, skipWithoutPython } from './python.ts';
import { serviceFixture } from './service-fixture.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

interface TenLines {
  readonly package: string;
  readonly lines: number;
  readonly run: RunRecord;
  readonly ranks: readonly number[];
  readonly config: number;
  readonly lost: number;
}

const versionOf = (text: string): string | undefined => /"?version"?[ :=]+"([\d.]+)"/.exec(text)?.[1];

describe('the package for Python', {
  skip: skipWithoutPython('httpx', 'torch', 'safetensors', ...BUILD),
}, () => {
  const fixture = serviceFixture('package');
  const run = (program: string, ...args: readonly string[]) => promisify(execFile)(program, args);
  let python: string;
  let installed: string;
  before(async () => {
    ({ python, folder: installed } = await installPackage(fixture.folder));
  });

  it('has the version of the service, its licence and its annotations', async () => {
    assert.ok(existsSync(join(installed, 'py.typed')));
    const version = versionOf(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    assert.equal(versionOf(readFileSync(join(PACKAGE, 'pyproject.toml'), 'utf8')), version);
    const output = await run(python, '-I', '-c', 'import lora_squeeze; print(lora_squeeze.__version__)');
    assert.equal(output.stdout.trim(), version);
    const [metadata] = readdirSync(join(installed, '..')).filter((name) =>
      /^lora_squeeze-.*\.dist-info$/.test(name),
    );
    assert.equal(metadata, `lora_squeeze-${version}.dist-info`);
    const licence = readFileSync(join(installed, '..', metadata!, 'licenses/LICENSE'), 'utf8');
    assert.equal(licence, readFileSync(join(ROOT, 'LICENSE'), 'utf8'));
  });

  it('needs only httpx for the client', async () => {
    const client =
      'import sys, lora_squeeze; sys.exit(" ".join({"numpy", "safetensors", "torch", "tqdm"} & set(sys.modules)) or None)';
    await run(python, '-I', '-c', client);
  });

  it('has a blocking client with the same calls as the asynchronous one', async () => {
    const sync = join(PACKAGE, 'src/lora_squeeze/sync');
    const written = join(fixture.folder, 'sync');
    mkdirSync(written);
    await run(PYTHON, join(PACKAGE, 'write_sync.py'), written);
    const names = readdirSync(written);
    assert.ok(names.includes('client.py'));
    for (const name of names)
      assert.ok(
        readFileSync(join(written, name), 'utf8') === readFileSync(join(sync, name), 'utf8'),
        `${name}: run \`python3 clients/python/write_sync.py\``,
      );
  });

  it('has annotations that mypy accepts', { skip: skipWithoutPython('mypy') }, async () => {
    // Annealing is checked by hand, because mypy needs half a minute to read torch.
    const names = ['__init__.py', 'aio', 'contract.py', 'core', 'errors.py', 'sync', 'version.py'];
    const paths = names.map((name) => join(PACKAGE, 'src/lora_squeeze', name));
    // Every line it is asked to ignore must contain an error.
    paths.push(join(import.meta.dirname, 'typed_use.py'));
    const cache = ['--cache-dir', join(fixture.folder, 'mypy')];
    const options = ['--strict', '--python-version', '3.9', '--python-executable', PYTHON, ...cache];
    await run(PYTHON, '-m', 'mypy', ...options, ...paths);
  });

  it('has the types of the current contract', async () => {
    const written = join(fixture.folder, 'contract.py');
    await run(process.execPath, '--import', 'tsx', join(ROOT, 'scripts/write-python-contract.ts'), written);
    const kept = readFileSync(join(PACKAGE, 'src/lora_squeeze/contract.py'), 'utf8');
    assert.ok(readFileSync(written, 'utf8') === kept, 'run `npm run client`');
  });

  it('has types that programs can read as well, such as libraries that validate data', async () => {
    const read = [
      'import typing, lora_squeeze.contract as contract',
      'records = [each for each in vars(contract).values() if typing.is_typeddict(each)]',
      'for record in records: typing.get_type_hints(record, include_extras=True)',
      'print(len(records))',
    ];
    const { stdout } = await run(python, '-I', '-c', read.join('\n'));
    assert.ok(Number(stdout) > 100, stdout);
  });

  it('runs the ten lines of the documents once it is installed', async () => {
    const pages = ['docs/annealing.md', 'clients/python/README.md'].map((page) => join(ROOT, page));
    const [example, same] = pages.map((page) =>
      [...readFileSync(page, 'utf8').matchAll(/^```python\n([\s\S]*?)^```/gm)]
        .map(([, code]) => code!)
        .find((code) => code.includes('annealer.step')),
    );
    assert.equal(same, example);
    const trained = await runInstalled<TenLines>(python, 'ten_lines.py', fixture.service.url, pages[0]!);
    assert.equal(realpathSync(join(trained.package, '..')), installed);
    assert.ok(trained.lines <= 14, `${trained.lines} lines`);
    assert.deepEqual(
      trained.run.checkpoints.map(({ rank_after }) => rank_after!.max),
      // The layers of the test have 16 features.
      [16, 16, 8],
    );
    assert.deepEqual([...trained.ranks, trained.config], [8, 8, 8]);
    assert.ok(trained.lost < 0.5, `${trained.lost} of the loss is left`);
  });
});
