import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Debian's Python, for which python3-torch and python3-sklearn are installed. */
const PYTHON = '/usr/bin/python3';
const SCRIPT = fileURLToPath(new URL('./train_seed.py', import.meta.url));
export const NEEDED = 'python3-torch, python3-safetensors and python3-sklearn';

/** Looks the packages up without importing them: importing torch takes seconds. */
const SHOW_VERSIONS = [
  'import importlib.util, json, platform, sys',
  'from importlib.metadata import version',
  'if not all(map(importlib.util.find_spec, ("safetensors", "sklearn", "torch"))): sys.exit(1)',
  'print(json.dumps({"Python": platform.python_version(), "torch": version("torch"), "scikit-learn": version("scikit-learn")}))',
].join('\n');

/** null if it cannot be run here; otherwise the versions of its libraries. */
export function pythonVersions(): Record<string, string> | null {
  try {
    return JSON.parse(
      execFileSync(PYTHON, ['-c', SHOW_VERSIONS], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
    );
  } catch {
    return null;
  }
}

/**
 * Runs train_seed.py on one thread: `order` is passed as JSON, and each line of its output is a JSON value.
 * @throws Error with the end of its standard error if it fails
 */
export async function runWorker(order: object, onValue: (value: unknown) => void): Promise<void> {
  // With another worker on the machine, a second BLAS thread would only take that worker's core.
  const env = {
    ...process.env,
    OMP_NUM_THREADS: '1',
    OPENBLAS_NUM_THREADS: '1',
    PYTHONDONTWRITEBYTECODE: '1',
  };
  const child = spawn(PYTHON, [SCRIPT], { env, stdio: ['pipe', 'pipe', 'pipe'] });
  const killWithUs = () => child.kill('SIGKILL');
  process.once('exit', killWithUs);
  try {
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors = (errors + text).slice(-4000);
    });
    const closed = once(child, 'close');
    child.stdin.end(JSON.stringify(order));
    for await (const line of createInterface({ input: child.stdout })) onValue(JSON.parse(line));
    const [code, signal] = await closed;
    if (code !== 0) throw new Error(`train_seed.py ended with ${code ?? signal}:\n${errors}`);
  } finally {
    process.removeListener('exit', killWithUs);
  }
}

/** Runs all orders in sequence, `atOnce` at a time. */
export async function runAll<T>(
  orders: readonly T[],
  atOnce: number,
  run: (order: T) => Promise<void>,
): Promise<void> {
  const waiting = [...orders];
  const lane = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await run(next);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}
