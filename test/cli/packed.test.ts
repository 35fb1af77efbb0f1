import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { environment, ROOT } from './command.ts';
import { contentOf } from './printed-result.ts';

const runFile = promisify(execFile);
const PAGE = readFileSync(join(ROOT, 'docs/command.md'), 'utf8');
const ADAPTER = join(ROOT, 'examples/adapters/gpt2-lora-r8');
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };

/** A line of docs/command.md, without its comment. */
function line(beginning: string): string {
  const found = PAGE.split('\n').find((each) => each.startsWith(beginning));
  return (found ?? assert.fail(beginning)).replace(/ +#.*$/, '');
}

describe('the package of the command, installed on a bare machine', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'cli-packed-'));
  const prefix = join(scratch, 'prefix');
  const bin = join(prefix, 'bin/lora-squeeze');
  let reason: string | undefined;
  before(async () => {
    assert.ok(existsSync(join(ROOT, 'dist/cli/main.js')), 'run `npm run build` before');
    const source = join(scratch, 'source');
    mkdirSync(source);
    for (const name of ['package.json', 'dist', 'LICENSE', 'README.md'])
      cpSync(join(ROOT, name), join(source, name), { recursive: true });
    const env = { ...process.env, npm_config_prefix: prefix, npm_config_loglevel: 'error' };
    await runFile('sh', ['-euc', line('npm pack')], { cwd: source, env });
    const install = runFile('sh', ['-euc', line('npm install -g')], { cwd: source, env });
    reason = await install.then(
      () => undefined,
      (error: Error) => error.message,
    );
  });
  after(() => rmSync(scratch, { recursive: true, force: true }));

  it('squeezes an adapter with nothing but Node on the PATH', async (test) => {
    if (reason !== undefined && /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT/.test(reason))
      return test.skip('no package registry can be reached');
    assert.equal(reason, undefined);
    const env = { ...environment(), PATH: [dirname(process.execPath), '/usr/bin', '/bin'].join(delimiter) };
    assert.equal((await runFile(bin, ['--version'], { env })).stdout, `${version}\n`);
    const out = join(scratch, 'out');
    await runFile(bin, ['squeeze', ADAPTER, '--rank', '4', '--out', out], { env, cwd: scratch });
    assert.ok(contentOf(out).has('adapter_model.safetensors'));
    const keys = { ...env, DATA_DIR: join(scratch, 'data') };
    const { stdout } = await runFile(bin, ['keys', 'create', '--tenant', 'team-a', '--make-tenant'], {
      env: keys,
    });
    assert.match(stdout, /^lsq_\w+\n$/);
  });
});
