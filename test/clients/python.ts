import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** Debian's Python, where its packages land; another python3 on PATH may lack them. */
const PYTHON = '/usr/bin/python3';
const HERE = fileURLToPath(new URL('.', import.meta.url));
const CLIENT = fileURLToPath(new URL('../../examples/python', import.meta.url));
const LIMIT_MS = 120_000;

/** What to pass as `skip` to a test that runs Python with these modules: false, or the sentence to skip with. */
export function skipWithoutPython(...modules: readonly string[]): false | string {
  try {
    execFileSync(PYTHON, ['-c', ['import sys', ...modules].join('\nimport ')], { stdio: 'ignore' });
    return false;
  } catch {
    const packages = modules.map((name) => `python3-${name}`).join(' ');
    const reason = `SKIPPED: ${PYTHON} lacks one of ${modules.join(', ') || 'itself'} (Debian, as far as it has them: apt-get install ${packages}; others on PYTHONPATH)`;
    console.error(reason);
    return reason;
  }
}

/**
 * Runs a script, of this folder or by its whole path, with the clients of examples/python importable.
 * @returns what it prints as JSON
 */
export function runPython<T>(script: string, ...args: readonly string[]): Promise<T> {
  return run<T>([join(HERE, 'stand_in')], [], script, args);
}

/** The same with the packages that are really there, also those of PYTHONPATH; whatever they warn of. */
export function runPythonWithPackages<T>(script: string, ...args: readonly string[]): Promise<T> {
  return run<T>((process.env.PYTHONPATH ?? '').split(':').filter(Boolean), ['-W', 'ignore'], script, args);
}

async function run<T>(
  folders: readonly string[],
  options: readonly string[],
  script: string,
  args: readonly string[],
): Promise<T> {
  const { PATH, HOME, TMPDIR } = process.env;
  const env = {
    ...(Object.fromEntries(Object.entries({ PATH, HOME, TMPDIR }).filter(([, value]) => value)) as object),
    PYTHONPATH: [CLIENT, HERE, ...folders].join(':'),
    PYTHONDONTWRITEBYTECODE: '1',
    // Threads that spin would only take the cores from the service under test.
    OMP_NUM_THREADS: '1',
    OPENBLAS_NUM_THREADS: '1',
  };
  const { stdout, stderr } = await promisify(execFile)(PYTHON, [...options, resolve(HERE, script), ...args], {
    env,
    timeout: LIMIT_MS,
  });
  assert.equal(stderr, '', `${script} wrote to standard error`);
  return JSON.parse(stdout) as T;
}
