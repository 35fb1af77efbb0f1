import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fixtureAdapters } from '../e2e/fixtures.ts';
import { documents, ENTRY, environment, ROOT, run } from './command.ts';
import type { PrintedResult } from './printed-result.ts';

const GPT2 = fixtureAdapters().find(({ name }) => name === 'peft-gpt2-mycguo')!.dir;
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
const hasScript = spawnSync('script', ['--version']).status === 0;

describe('on a terminal', { skip: hasScript ? false : 'script is not installed (Debian: bsdutils)' }, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'cli-terminal-'));
  after(() => rmSync(scratch, { recursive: true, force: true }));

  /**
   * Runs the command with a pseudo-terminal as all of its streams. @param redirection in the syntax of a
   * shell
   */
  async function onTerminal(
    args: readonly string[],
    redirection = '',
  ): Promise<{ code: number | null; shown: string }> {
    const command = [process.execPath, ...ENTRY, ...args].map(quoted).join(' ') + redirection;
    const child = spawn('script', ['-qec', command, '/dev/null'], {
      cwd: ROOT,
      env: environment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let shown = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      shown += text;
    });
    const [code] = await once(child, 'close');
    return { code: code as number | null, shown };
  }

  it('squeeze shows a progress bar, removes it at the end, and prints a summary in words', async () => {
    const out = join(scratch, 'words');
    const { code, shown } = await onTerminal([
      'squeeze',
      GPT2,
      '--rank',
      '4',
      '--profile',
      'vllm',
      '--out',
      out,
    ]);
    assert.equal(code, 0, shown);
    const percents = [...shown.matchAll(/peft-gpt2-mycguo \[[█░]{30}\] (\d+) % (\w+)/g)].map(([, done]) =>
      Number(done),
    );
    assert.ok(percents.length >= 2, JSON.stringify(shown));
    assert.deepEqual(
      percents,
      percents.toSorted((x, y) => x - y),
    );
    assert.equal(percents[0], 0);
    assert.ok(shown.lastIndexOf('\u001b[?25h') > shown.lastIndexOf('\u001b[?25l'), 'the cursor is back');
    const words = shown.slice(shown.lastIndexOf('\u001b['));
    assert.match(words, /peft-gpt2-mycguo → .*words\r\n/);
    assert.match(words, / {2}rank 8 → 4, \d+\.\d\d MB → \d+\.\d\d MB\r\n/);
    assert.match(words, /energy kept \d+\.\d+ %, relative error \d+\.\d+ %, worst transformer\.h\.\d+\./);
    assert.match(words, /mean module error \d+\.\d+ %, energy kept on average \d+\.\d+ %\r\n/);
    assert.match(words, / {2}vllm: loads\r\n/);
    assert.match(words, / {2}exact, cpu, 1 thread, \d+\.\d\d s\r\n$/);
  });

  it('squeeze prints JSON if it is requested, or if standard output is redirected', async () => {
    const asked = await onTerminal([
      'squeeze',
      GPT2,
      '--rank',
      '4',
      '--json',
      '--out',
      join(scratch, 'asked'),
    ]);
    const line = asked.shown.split(/\r\n|\r/).find((each) => each.includes('{"folder"'))!;
    assert.equal((JSON.parse(line.slice(line.indexOf('{"folder"'))) as PrintedResult).result.rank.max, 4);

    const file = join(scratch, 'elsewhere.json');
    const elsewhere = await onTerminal(
      ['squeeze', GPT2, '--rank', '4', '--out', join(scratch, 'elsewhere')],
      ` > ${quoted(file)}`,
    );
    assert.match(elsewhere.shown, /\[[█░]{30}\]/);
    assert.equal(documents<PrintedResult>(readFileSync(file, 'utf8'))[0]?.result.rank.max, 4);
  });

  it('squeeze reports a failure on a line of its own', async () => {
    const { code, shown } = await onTerminal([
      'squeeze',
      scratch,
      '--rank',
      '4',
      '--out',
      join(scratch, 'no'),
    ]);
    assert.equal(code, 1);
    assert.match(shown, /(^|\n|\r|K)lora-squeeze: FILE_MISSING: .* contains no weights file/);
    assert.doesNotMatch(shown, /\{"folder"/);
  });

  it('analyze prints the curve, the recommendations and the verdicts of the modules', async () => {
    const { code, shown } = await onTerminal(['analyze', GPT2, '--modules']);
    assert.equal(code, 0, shown);
    assert.match(shown, /36 modules of rank 8 on gpt2\r\n/);
    assert.match(shown, /rank {4}mean module error {2}relative error {2}worst module +parameters +size\r\n/);
    for (let rank = 1; rank <= 8; rank++)
      assert.match(shown, new RegExp(`^ *${rank}[ *]+ +(?:\\d+\\.\\d+|0) %`, 'm'));
    assert.match(shown, /^ {2}--rank \d+\r\n {4}\S+ /m);
    assert.match(shown, /^ {2}--budget-parameters \d+\r\n/m);
    assert.match(
      shown,
      /^transformer\.h\.0\.attn\.c_attn +8 +\d+\.\d +\d+\.\d +\d +(compressible|resists|dead)\r$/m,
    );
    assert.match(shown, /\d+ of 36 modules are compressible/);
  });

  it('only errors are written to standard error if it is not a terminal', async () => {
    const ended = await run(['analyze', GPT2]);
    assert.deepEqual([ended.code, ended.stderr], [0, '']);
  });
});
