import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { IS_BUNDLED } from '../bundles.ts';
import { fixtureAdapters } from '../e2e/fixtures.ts';
import { environment, ROOT } from './command.ts';
import { contentOf, type PrintedResult } from './printed-result.ts';

const GPT2 = fixtureAdapters().find(({ name }) => name === 'peft-gpt2-mycguo')!.dir;
const runFile = promisify(execFile);
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  version: string;
  bin: Record<string, string>;
};

describe('the package', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'cli-built-'));
  // Bundled tests use the current build; when tests run from source, dist may be outdated.
  const built = IS_BUNDLED ? ROOT : join(scratch, 'package');
  const bin = join(scratch, 'bin', 'lora-squeeze');
  before(async () => {
    if (!IS_BUNDLED) {
      for (const name of ['package.json', 'tsconfig.json', 'vite.config.ts', 'src', 'web']) {
        cpSync(join(ROOT, name), join(built, name), { recursive: true });
      }
      symlinkSync(join(ROOT, 'node_modules'), join(built, 'node_modules'));
      await runFile('npm', ['run', 'build', '--silent'], { cwd: built });
    }
    // As npm links it.
    mkdirSync(join(scratch, 'bin'));
    symlinkSync(join(built, manifest.bin['lora-squeeze']!), bin);
  });
  after(() => rmSync(scratch, { recursive: true, force: true }));

  it('has a command that can be run by its name after the build', async () => {
    const { stdout } = await runFile(bin, ['--version'], { env: environment() });
    assert.equal(stdout, `${manifest.version}\n`);
  });

  it('creates a key with the command of docs/keys.md exactly as written', async () => {
    const page = readFileSync(join(ROOT, 'docs/keys.md'), 'utf8');
    const line = /^\$ (node dist\/cli\/main\.js keys create .*)$/m.exec(page)![1]!;
    const env = { ...environment(), DATA_DIR: join(scratch, 'data') };
    const { stdout } = await runFile('sh', ['-euc', line], { cwd: built, env });
    assert.match(stdout, /^lsq_\w+\n$/);
  });

  it('squeezes with the built engine', async () => {
    const out = join(scratch, 'out');
    const args = ['squeeze', GPT2, '--rank', '4', '--out', out];
    const { stdout, stderr } = await runFile(bin, args, { env: environment() });
    assert.equal(stderr, '');
    assert.equal((JSON.parse(stdout) as PrintedResult).result.rank.max, 4);
    assert.deepEqual(
      [...contentOf(out).keys()],
      ['README.md', 'adapter_config.json', 'adapter_model.safetensors'],
    );
  });
});
