import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** Debian's Python, for which Debian installs its packages; another python3 on PATH may lack them. */
export const PYTHON = '/usr/bin/python3';
const HERE = fileURLToPath(new URL('.', import.meta.url));
const CLIENT = fileURLToPath(new URL('../../clients/python/src', import.meta.url));
/** Only prevents hanging. */
const LIMIT_MS = 600_000;

/**
 * Prints those of its arguments that cannot be imported. Finding a module is much faster than importing it.
 */
const MISSING = 'import sys, importlib.util as u; print(*(m for m in sys.argv[1:] if not u.find_spec(m)))';

/**
 * The value of `skip` for a test that runs Python with these modules: false, or the sentence to skip with.
 */
export function skipWithoutPython(...modules: readonly string[]): false | string {
  let missing: string;
  try {
    missing = execFileSync(PYTHON, ['-c', MISSING, ...modules], { encoding: 'utf8' }).trim();
  } catch {
    return skipped(`${PYTHON} cannot be run (Debian: apt-get install python3)`);
  }
  if (missing === '') return false;
  // Debian's Python includes venv, which cannot create an environment without this package.
  const packages = missing.split(' ').map((name) => `python3-${name === 'ensurepip' ? 'venv' : name}`);
  return skipped(
    `${PYTHON} has no ${missing.replaceAll(' ', ', ')} (Debian, for what it has: apt-get install ${packages.join(' ')}; ` +
      'others on PYTHONPATH)',
  );
}

function skipped(why: string): string {
  const reason = `SKIPPED: ${why}`;
  console.error(reason);
  return reason;
}

/**
 * Runs a script, of this folder or by its absolute path, with the package of clients/python importable.
 * @returns its output, parsed as JSON
 */
export async function runPython<T>(script: string, ...args: readonly string[]): Promise<T> {
  return parsed<T>(await run([CLIENT, HERE, join(HERE, 'stand_in')], [], script, args));
}

/** The same with another Python, in which the package is installed. */
export async function runInstalled<T>(
  python: string,
  script: string,
  ...args: readonly string[]
): Promise<T> {
  return parsed<T>(await run([HERE], [], script, args, python));
}

/**
 * Runs scripts of this folder that need torch, with a service's URL as their argument.
 * @returns the output of each, parsed as JSON
 */
export async function runWithTorch(url: string, ...scripts: readonly string[]): Promise<unknown[]> {
  const paths = scripts.map((script) => join(HERE, script));
  const folders = [CLIENT, HERE, join(HERE, 'stand_in')];
  const lines = (await run(folders, [], 'with_torch.py', [url, ...paths])).trimEnd().split('\n');
  assert.equal(lines.length, scripts.length, 'a line of JSON each');
  return lines.map(parsed<unknown>);
}

/** The same with the packages that are installed, including those of PYTHONPATH, whatever they warn about. */
export async function runPythonWithPackages<T>(script: string, ...args: readonly string[]): Promise<T> {
  const folders = (process.env.PYTHONPATH ?? '').split(':').filter(Boolean);
  return parsed<T>(await run([CLIENT, HERE, ...folders], ['-W', 'ignore'], script, args));
}

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions {
  readonly python?: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Where modules are searched first: by default the package of clients/python and the stand-ins. */
  readonly folders?: readonly string[];
}

/** Runs a Python program by its absolute path, whatever its outcome. */
export async function runProgram(
  program: string,
  args: readonly string[],
  { python = PYTHON, cwd, env = {}, folders = [CLIENT, join(HERE, 'stand_in')] }: ProgramOptions = {},
): Promise<Ended> {
  try {
    const options = { cwd, env: { ...environment(folders), ...env }, timeout: LIMIT_MS };
    return { code: 0, ...(await promisify(execFile)(python, [program, ...args], options)) };
  } catch (error) {
    const { code, stdout, stderr } = error as Ended;
    if (typeof code !== 'number') throw error;
    return { code, stdout, stderr };
  }
}

const parsed = <T>(printed: string): T => JSON.parse(printed) as T;

async function run(
  folders: readonly string[],
  options: readonly string[],
  script: string,
  args: readonly string[],
  python = PYTHON,
): Promise<string> {
  const env = environment(folders);
  const { stdout, stderr } = await promisify(execFile)(python, [...options, resolve(HERE, script), ...args], {
    env,
    timeout: LIMIT_MS,
  });
  assert.equal(stderr, '', `${script} wrote to standard error`);
  return stdout;
}

function environment(folders: readonly string[]): Record<string, string> {
  const { PATH, HOME, TMPDIR } = process.env;
  return {
    ...(Object.fromEntries(Object.entries({ PATH, HOME, TMPDIR }).filter(([, value]) => value)) as object),
    PYTHONPATH: folders.join(':'),
    PYTHONDONTWRITEBYTECODE: '1',
    // Threads that spin would only take cores from the service under test.
    OMP_NUM_THREADS: '1',
    OPENBLAS_NUM_THREADS: '1',
  };
}
