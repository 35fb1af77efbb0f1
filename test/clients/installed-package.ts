import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { PYTHON } from './python.ts';

export const PACKAGE = fileURLToPath(new URL('../../clients/python', import.meta.url));
/** What Python needs to build and install the package. */
export const BUILD = ['pip', 'setuptools', 'wheel', 'ensurepip'];

export interface InstalledPackage {
  /** A Python that has these. */
  readonly python: string;
  /** The folder of its modules. */
  readonly folder: string;
}

const run = (program: string, ...args: readonly string[]) => promisify(execFile)(program, args);

/**
 * Runs commands of a page that install the package, in a new environment with Debian's packages. @returns its
 * Python
 */
export async function runInstallation(commands: string, sources: string, folder: string): Promise<string> {
  const venv = join(folder, 'venv');
  await run(PYTHON, '-m', 'venv', '--system-site-packages', venv);
  // No index is used: everything needed is installed. (0 makes pip build with the packages that are
  // installed.)
  const offline = { PIP_NO_INDEX: '1', PIP_NO_DEPS: '1', PIP_NO_BUILD_ISOLATION: '0', PIP_QUIET: '1' };
  const env = { ...process.env, ...offline, PATH: `${join(venv, 'bin')}:${process.env.PATH}` };
  await promisify(execFile)('bash', ['-e', '-c', commands], { cwd: sources, env });
  return join(venv, 'bin/python');
}

/** A copy of the package's sources, because building leaves files beside them. */
export const copySources = (to: string): void => cpSync(PACKAGE, to, { recursive: true, dereference: true });

/** Builds the wheel of clients/python and installs it into a folder, beside Debian's packages. */
export async function installPackage(folder: string): Promise<InstalledPackage> {
  const venv = join(folder, 'venv');
  const python = join(venv, 'bin/python');
  // No index is used: everything needed is installed.
  const sources = join(folder, 'sources');
  copySources(sources);
  const wheels = join(folder, 'wheels');
  const build = ['--no-deps', '--no-build-isolation', '--no-index', '--wheel-dir', wheels];
  await Promise.all([
    run(PYTHON, '-m', 'pip', 'wheel', ...build, sources),
    run(PYTHON, '-m', 'venv', '--system-site-packages', venv),
  ]);
  const [wheel, ...others] = readdirSync(wheels);
  assert.deepEqual(others, []);
  await run(python, '-m', 'pip', 'install', '--no-index', '--no-deps', join(wheels, wheel!));
  const where = 'import lora_squeeze, os; print(os.path.dirname(lora_squeeze.__file__))';
  const installed = realpathSync((await run(python, '-I', '-c', where)).stdout.trim());
  assert.ok(installed.startsWith(realpathSync(venv)), installed);
  return { python, folder: installed };
}
