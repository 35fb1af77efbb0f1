import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fixtureAdapters } from '../e2e/fixtures.ts';
import { ROOT, run, runCalls } from './command.ts';

const GPT2 = fixtureAdapters().find(({ name }) => name === 'peft-gpt2-mycguo')!.dir;
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };

describe('lora-squeeze', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'cli-usage-'));
  after(() => rmSync(scratch, { recursive: true, force: true }));

  it('prints its version, its commands, and the arguments of each', async () => {
    assert.deepEqual(await run(['--version']), { code: 0, signal: null, stdout: `${version}\n`, stderr: '' });
    const help = await run(['--help']);
    assert.deepEqual([help.code, help.stderr], [0, '']);
    const commands = [
      ...['squeeze', 'analyze', 'merge', 'serve', 'keys create', 'keys list', 'keys revoke'],
      ...['admin backup', 'admin restore', 'admin verify', 'admin migrate'],
    ];
    for (const name of commands) assert.match(help.stdout, new RegExp(`^ {2}${name} {2}`, 'm'));
    const helps = await runCalls(commands.map((name) => ({ args: [...name.split(' '), '--help'] })));
    for (const [i, { code, stdout, stderr }] of helps.entries()) {
      assert.deepEqual([code, stderr], [0, '']);
      assert.ok(stdout.startsWith(`Usage: lora-squeeze ${commands[i]}`), stdout);
    }
  });

  it('lists the commands of a group', async () => {
    const { code, stdout } = await run(['keys', '--help']);
    assert.equal(code, 0);
    const commands = [...stdout.matchAll(/^ {2}(\w+ \w+) {2}/gm)].map(([, name]) => name);
    assert.deepEqual(commands, ['keys create', 'keys list', 'keys revoke']);
  });

  const out = join(scratch, 'out');
  const squeeze = ['squeeze', GPT2, '--out', out];
  const wrong: [args: string[], words: RegExp, env?: Record<string, string>][] = [
    [[], /specify a command\nSee lora-squeeze --help/],
    [['sqeeze', GPT2], /there is no command "sqeeze"/],
    [['keys'], /there is no command "keys"/],
    [['keys', 'delete'], /there is no command "keys delete"/],
    [['admin', 'erase'], /there is no command "admin erase"/],
    [['admin', 'backup'], /specify the folder \(DIR\)\nSee lora-squeeze admin backup --help/],
    [['admin', 'restore', 'a', 'b'], /the argument "b" is not expected/],
    [['squeeze', '--rank', '4'], /specify the SOURCE to squeeze\nSee lora-squeeze squeeze --help/],
    [squeeze, /choose the rank/],
    [[...squeeze, '--rank', '0'], /--rank is "0" but must be a whole number from 1 to 65536/],
    [[...squeeze, '--rank', '4', '--fast'], /Unknown option '--fast'/],
    [[...squeeze, '--profile', 'nobody'], /no profile "nobody"; the profiles are vllm/],
    [[...squeeze, '--profile', 'vllm', '--rank', '1024'], /rank is 1024, but vllm accepts at most 16/],
    [
      [...squeeze, '--energy', '0.9', '--min-rank', '8', '--max-rank', '4'],
      /--min-rank is 8, but the largest rank allowed is 4/,
    ],
    [[...squeeze, '--rank', '4', '--threads', '0'], /--threads is "0"/],
    [[...squeeze, '--rank', '4', '--provider', 'tpu'], /must be auto, cpu or cuda/],
    [[...squeeze, '--rank', '4', '--key', 'k'], /--key is for a server/],
    [[...squeeze, '--rank', '4', '--name', 'x'], /--name is for a server: set --server as well/],
    [[...squeeze, '--rank', '4', '--label', 'Team'], /--label is "Team" but must be NAME=VALUE/],
    [[...squeeze, '--rank', '4', '--label', 'a=1', '--label', 'a=2'], /--label contains "a" twice/],
    [[...squeeze, '--rank', '4', '--expires-in', '90'], /--expires-in is "90"/],
    [
      [...squeeze, '--rank', '4', '--server', 'example.org'],
      /--server must be an http:\/\/ or https:\/\/ URL/,
    ],
    [
      [...squeeze, '--rank', '4', '--server', 'http://u:secret@h'],
      /--server must not contain a user or password/,
    ],
    [[...squeeze, '--rank', '4', '--server', 'http://h', '--local'], /cannot be used together/],
    [
      [...squeeze, '--rank', '4', '--server', 'http://h', '--threads', '2'],
      /--threads cannot be used with a server \(--server or LORA_SQUEEZE_URL\)/,
    ],
    [
      [...squeeze, '--rank', '4', '--threads', '2'],
      /LORA_SQUEEZE_URL must not contain a user or password/,
      { LORA_SQUEEZE_URL: 'http://u:secret@h' },
    ],
    [[...squeeze, '--rank', '4', '--server', 'http://h', '--key', 'a b'], /visible ASCII/],
    [[...squeeze, '--rank', '4'], /LORA_SQUEEZE_URL must be/, { LORA_SQUEEZE_URL: 'nonsense' }],
    [[...squeeze, '--rank', '4'], /COMPUTE_THREADS is "many"/, { COMPUTE_THREADS: 'many' }],
    [['merge', GPT2, '--rank', '4'], /--out DIR/],
    [
      ['merge', `${GPT2}:2e6`, '--rank', '4', '--out', out],
      /weight of .* is "2e6" but must be a number from -1000000/,
    ],
    [['merge', '--rank', '4', '--out', out], /1 to 32 SOURCEs to add, not 0/],
    [['analyze'], /specify the SOURCE to analyze/],
    [['serve', 'now'], /the argument "now" is not expected/],
  ];
  it('explains the usage if it is called wrongly, and does nothing', async () => {
    const ended = await runCalls(wrong.map(([args, , env = {}]) => ({ args, env })));
    for (const [i, [args, words]] of wrong.entries()) {
      const { code, stdout, stderr } = ended[i]!;
      assert.equal(code, 2, `${args.join(' ')}: ${stderr}`);
      assert.match(stderr, words);
      assert.doesNotMatch(stderr, /secret|\n {4}at /);
      assert.equal(stdout, '');
    }
    assert.equal(existsSync(out), false);
  });

  it('exits with that code as a process, too', async () => {
    const ended = await run([...squeeze, '--rank', '0']);
    assert.deepEqual([ended.code, ended.stdout], [2, '']);
    assert.match(ended.stderr, /^lora-squeeze: --rank is "0" .*\nSee lora-squeeze squeeze --help\n$/);
  });
});
