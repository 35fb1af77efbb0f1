import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { COMMAND_ENTRY, programEntry } from '../entry.ts';

export const ROOT = join(import.meta.dirname, '../..');
export const ENTRY = COMMAND_ENTRY;

/** How a run of the command ended, with all its output. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Called with the process while it runs. */
  readonly onStart?: (child: ChildProcess) => void;
}

/** Our environment without any configuration of the command; CPU and one thread suffice here. */
export function environment(env: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const { PATH, HOME, TMPDIR, LANG } = process.env;
  const own = Object.entries({ PATH, HOME, TMPDIR, LANG }).filter(([, value]) => value);
  return { ...Object.fromEntries(own), EXECUTION_PROVIDER: 'cpu', COMPUTE_THREADS: '1', ...env };
}

/** Runs the command as a process with pipes, as scripts do. */
export const run = (args: readonly string[], options: RunOptions = {}): Promise<Ended> =>
  runNode([...ENTRY, ...args], options);

/** One call of the command among several. */
export interface Call {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Runs the command once for each call, one after the other in one process: for many calls, in tests that do
 * not concern the process.
 */
export async function runCalls(
  calls: readonly Call[],
  options: RunOptions = {},
): Promise<readonly Omit<Ended, 'signal'>[]> {
  const program = programEntry(join(import.meta.dirname, 'calls.program.ts'));
  const ended = await runNode([...program, JSON.stringify(calls)], options);
  assert.deepEqual([ended.code, ended.stderr], [0, '']);
  return JSON.parse(ended.stdout) as Omit<Ended, 'signal'>[];
}

async function runNode(args: readonly string[], options: RunOptions): Promise<Ended> {
  const child = spawn(process.execPath, args, {
    cwd: options.cwd ?? ROOT,
    env: environment(options.env),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  }
  options.onStart?.(child);
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { code, signal, ...output };
}

/** The JSON documents of an output, one per line. */
export function documents<T>(stdout: string): T[] {
  const lines = stdout.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines.map((line) => JSON.parse(line) as T);
}
