import { execFile, execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** Debian's Python, for which python3-numpy is installed; another python3 on PATH may lack it. */
const PYTHON = '/usr/bin/python3';
const SCRIPT = fileURLToPath(new URL('./oracle.py', import.meta.url));
const MAX_OUTPUT_BYTES = 64 * 2 ** 20;

export interface NumpyScore {
  readonly rank: number;
  readonly energy: number;
  readonly sigma: readonly number[];
  readonly optimal_error: number;
  readonly actual_error: number | null;
}

/** One entry for each output folder: module path → score. */
export type NumpyScores = readonly Readonly<Record<string, NumpyScore>>[];

/**
 * The value of `skip` for a test that needs numpy: false, or the sentence to skip with. It is also printed on
 * standard error, because a skipped oracle should be noticed.
 */
export function skipWithoutNumpy(): false | string {
  try {
    execFileSync(PYTHON, ['-c', 'import numpy'], { stdio: 'ignore' });
    return false;
  } catch {
    const reason = `SKIPPED: ${PYTHON} with numpy is not installed (Debian and Ubuntu: apt-get install python3-numpy)`;
    console.error(reason);
    return reason;
  }
}

/** Scores output folders against their source with numpy in float64 (test/oracle/oracle.py). */
export async function scoreWithNumpy(sourceDir: string, outDirs: readonly string[]): Promise<NumpyScores> {
  const { stdout } = await promisify(execFile)(PYTHON, [SCRIPT, sourceDir, ...outDirs], {
    maxBuffer: MAX_OUTPUT_BYTES,
    // BLAS threads that spin would only take cores from the service under test.
    env: { ...process.env, OPENBLAS_NUM_THREADS: '1' },
  });
  return JSON.parse(stdout).outputs;
}
