import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { join } from 'node:path';
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
    const reason = `SKIPPED: ${PYTHON} lacks one of ${modules.join(', ') || 'itself'} (Debian: apt-get install ${packages})`;
    console.error(reason);
    return reason;
  }
}

/** Runs a script of this folder with the clients of examples/python importable; what it prints as JSON. */
export async function runPython<T>(script: string, ...args: readonly string[]): Promise<T> {
  const { PATH, HOME, TMPDIR } = process.env;
  const env = {
    ...(Object.fromEntries(Object.entries({ PATH, HOME, TMPDIR }).filter(([, value]) => value)) as object),
    PYTHONPATH: [CLIENT, HERE, join(HERE, 'stand_in')].join(':'),
    PYTHONDONTWRITEBYTECODE: '1',
    // Threads that spin would only take the cores from the service under test.
    OMP_NUM_THREADS: '1',
    OPENBLAS_NUM_THREADS: '1',
  };
  const { stdout, stderr } = await promisify(execFile)(PYTHON, [join(HERE, script), ...args], {
    env,
    timeout: LIMIT_MS,
  });
  assert.equal(stderr, '', `${script} wrote to standard error`);
  return JSON.parse(stdout) as T;
}
