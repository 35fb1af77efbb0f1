/**
 * Compares the results of kohya's resize, PEFT's combination by SVD and the command of LoRA-Squeeze for the
 * same adapter:
 *
 * npx tsx bench/peers/compare.ts [FOLDER]     writes docs/peers.md; FOLDER as in scripts/run-foreign.sh
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeMachine } from '../machine.ts';
import { markdownTable } from '../markdown-table.ts';
import { writeBetweenMarks } from '../write-between-marks.ts';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const foreign = resolve(process.argv[2] ?? join(REPOSITORY, '.foreign'));
const folder = mkdtempSync(join(tmpdir(), 'compare-'));

interface Score {
  readonly ranks: readonly number[];
  readonly parameters: number;
  readonly bytes: number;
  readonly relative_error: number;
  readonly module_relative_error: number;
  readonly worst: number;
}

function python(task: string, ...words: string[]): string {
  const folders = [
    join(foreign, 'sd-scripts'),
    join(foreign, 'peft', 'src'),
    join(REPOSITORY, 'test/formats/foreign'),
  ];
  const env = { ...process.env, PYTHONPATH: folders.join(':'), PYTHONDONTWRITEBYTECODE: '1' };
  const script = join(REPOSITORY, 'bench/peers/others.py');
  const args = ['-W', 'ignore', script, task, folder, ...words];
  return execFileSync('/usr/bin/python3', args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

let made = 0;
const nextFolder = (): string => join(folder, `result-${++made}`);

const scoreOf = (out: string): Score => (JSON.parse(python('score', out)) as Score[])[0]!;

function byOther(task: 'kohya' | 'peft', ...words: string[]): Score {
  const out = nextFolder();
  mkdirSync(out);
  python(task, out, ...words);
  return scoreOf(out);
}

function here(source: string, options: string): Score {
  const out = nextFolder();
  const words = ['src/cli/main.ts', 'squeeze', join(folder, source), ...options.split(' ')];
  const fixed = ['--method', 'exact', '--local', '--out', out];
  execFileSync('npx', ['tsx', ...words, ...fixed], {
    cwd: REPOSITORY,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return scoreOf(out);
}

const HEAD = ['program and setting', 'ranks', 'parameters', 'bytes', 'error', 'mean module error', 'worst'];

function row(name: string, { ranks, ...score }: Score): string[] {
  const [least, most] = [Math.min(...ranks), Math.max(...ranks)];
  const errors = [score.relative_error, score.module_relative_error, score.worst];
  return [
    name,
    least === most ? String(least) : `${least}–${most}`,
    String(score.parameters),
    String(score.bytes),
    ...errors.map((error) => error.toFixed(4)),
  ];
}

/**
 * With the same setting, with kohya's rule, and with each criterion of a budget of equally many parameters.
 */
function kohyaRows(name: string, words: string, policy: string, compat: boolean): string[][] {
  const other = byOther('kohya', ...words.split(' '));
  const kohya = here('kohya.safetensors', compat ? `${policy} --compat kohya` : policy);
  if (String(kohya.ranks) !== String(other.ranks)) throw new Error(`${name}: the ranks differ from kohya's`);
  const budget = `--budget-parameters ${other.parameters}`;
  return [
    row(`kohya, ${name}`, other),
    row(`LoRA-Squeeze, \`${policy}${compat ? ' --compat kohya' : ''}\``, kohya),
    ...(compat
      ? [row(`LoRA-Squeeze, \`${policy} --no-uniform\``, here('kohya.safetensors', `${policy} --no-uniform`))]
      : []),
    row("LoRA-Squeeze, budget: kohya's parameters", here('kohya.safetensors', budget)),
    row('the same, `--criterion energy`', here('kohya.safetensors', `${budget} --criterion energy`)),
  ];
}

function peftRows(rank: number): string[][] {
  return [
    row(`PEFT, svd_rank ${rank}, weight 1`, byOther('peft', String(rank), '1')),
    row(`PEFT, svd_rank ${rank}, weight 1/s`, byOther('peft', String(rank), '0.5')),
    row(`LoRA-Squeeze, \`--rank ${rank}\``, here('peft', `--rank ${rank}`)),
  ];
}

function revisionOf(name: string): string {
  try {
    return execFileSync('git', ['-C', join(foreign, name), 'rev-parse', '--short=8', 'HEAD'], {
      encoding: 'utf8',
      stdio: 'pipe',
    }).trim();
  } catch {
    return 'of unknown revision';
  }
}

try {
  python('make');
  const kohya = [
    ...kohyaRows('rank 8', '8', '--rank 8', false),
    ...kohyaRows('sv_fro 0.9', '32 sv_fro 0.9', '--energy 0.81', true),
    ...kohyaRows('sv_ratio 4', '32 sv_ratio 4', '--ratio 4', true),
    ...kohyaRows('sv_cumulative 0.6', '32 sv_cumulative 0.6', '--cumulative 0.6', true),
  ];
  const versions = { 'sd-scripts': revisionOf('sd-scripts'), PEFT: revisionOf('peft') };
  const facts = describeMachine(versions).map((fact) => `- ${fact}`);
  const page = [
    facts.join('\n'),
    `## kohya's resize\n\n${markdownTable([HEAD, ...kohya])}`,
    `## PEFT's combination by SVD\n\n${markdownTable([HEAD, ...peftRows(8), ...peftRows(16)])}`,
  ];
  await writeBetweenMarks(join(REPOSITORY, 'docs/peers.md'), 'bench/peers/compare.ts', page.join('\n\n'));
} finally {
  rmSync(folder, { recursive: true });
}
