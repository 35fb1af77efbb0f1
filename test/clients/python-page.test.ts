import assert from 'node:assert/strict';
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { BUILD, type InstalledPackage, installPackage } from './installed-package.ts';
import { type Ended, runProgram, skipWithoutPython } from './python.ts';
import { serviceFixture } from './service-fixture.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PAGE = readFileSync(join(ROOT, 'docs/python.md'), 'utf8');
const README = readFileSync(join(ROOT, 'clients/python/README.md'), 'utf8');
const ADDRESS = 'http://127.0.0.1:8080';

const blocksOf = (page: string, language: string) =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(([, code]) => code!);

describe('docs/python.md, with the package as it is installed', {
  skip: skipWithoutPython('httpx', 'tqdm', ...BUILD),
}, () => {
  const fixture = serviceFixture('python-page');
  let installed: InstalledPackage;
  before(async () => {
    installed = await installPackage(fixture.folder);
    for (const name of ['my-adapter', 'adapter'])
      cpSync(join(ROOT, 'examples/adapters/gpt2-lora-r8'), join(fixture.folder, name), { recursive: true });
  });

  /** As a user does: saved under a name, and called. */
  function saved(name: string, code: string, ...args: readonly string[]): Promise<Ended> {
    const path = join(fixture.folder, name);
    assert.ok(code.includes(ADDRESS), 'it says where the service is');
    writeFileSync(path, code.replaceAll(ADDRESS, fixture.service.url));
    return runProgram(path, args, { python: installed.python, cwd: fixture.folder, folders: [] });
  }

  it('has a script that squeezes a folder', async () => {
    const [script] = blocksOf(PAGE, 'python');
    const call = blocksOf(PAGE, 'sh').find((block) => block.startsWith('python squeeze.py '))!;
    const [, args, printed] = /^python squeeze\.py (.*)\n# (.*)\n$/.exec(call)!;
    const { code, stdout, stderr } = await saved('squeeze.py', script!, ...args!.split(' '));
    assert.equal(code, 0, stderr);
    assert.equal(stdout, `${printed}\n`);
    assert.match(stderr, /upload adapter_model\.safetensors: 100%/, 'bars of tqdm');
    assert.ok(existsSync(join(fixture.folder, 'squeezed/adapter_model.safetensors')));
    const refused = await saved('squeeze.py', script!, 'my-adapter', '0', 'never');
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /^VALIDATION_FAILED: .*rank/m);
  });

  it('has steps, batches, events and errors that do what they say', async () => {
    const [, ...rest] = blocksOf(PAGE, 'python');
    const { code, stdout, stderr } = await saved('steps.py', rest.join('\n'));
    assert.equal(code, 0, stderr);
    for (const line of [
      /^\{'rank': \d+\}$/m,
      /^succeeded \[0\.\d+, 0\.\d+\]$/m,
      /^ad_\w+ my-adapter$/m,
      /^\[2, 3, 4\]$/m,
      /^1 succeeded$/m,
      /^state queued$/m,
      /^state succeeded$/m,
      /^job_\w+ failed: BUDGET_TOO_SMALL False$/m,
    ])
      assert.match(stdout, line);
    assert.deepEqual(readdirSync(join(fixture.folder, 'results')).sort(), ['0', '1']);
    assert.match(readFileSync(join(fixture.folder, 'report.html'), 'utf8'), /^<!doctype html>/i);
  });

  it('has a README whose example runs', async () => {
    const [example] = blocksOf(README, 'python');
    const { code, stdout, stderr } = await saved('readme.py', example!.replace('rank=16', 'rank=4'));
    assert.equal(code, 0, stderr);
    assert.ok(Number(stdout) < 0.2);
  });
});
