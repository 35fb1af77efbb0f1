import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { SERVICE_ENTRY } from '../entry.ts';

export interface ServiceProcess {
  readonly child: ChildProcess;
  readonly url: string;
  /** Everything written so far. */
  output(): string;
  /** Sends the signal and waits for the end. @returns the exit code */
  end(signal?: NodeJS.Signals): Promise<number | null>;
}

const environment = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv => {
  const { REDIS_URL: _1, STORAGE_URL: _2, ...inherited } = process.env;
  // Services of tests do not reserve disk space.
  return {
    ...inherited,
    PORT: '0',
    EXECUTION_PROVIDER: 'cpu',
    RESERVE_BYTES: '65536',
    COMPUTE_WARM_UP: 'off',
    ...env,
  };
};

/** Starts the service from its sources and waits until it listens. */
export async function startService(env: NodeJS.ProcessEnv): Promise<ServiceProcess> {
  const { child, output, ended } = launch(env);
  const url = await new Promise<string>((resolve, reject) => {
    createInterface(child.stdout!).on('line', (line) => {
      const found = /listens on (http:\/\/[^"\s]+)/.exec(line);
      if (found) resolve(found[1]!);
    });
    void ended.then((code) => reject(new Error(`ended with ${code}:\n${output()}`)));
  });
  return {
    child,
    url,
    output,
    async end(signal = 'SIGTERM') {
      child.kill(signal);
      return ended;
    },
  };
}

/** Runs the service in a situation in which it must not start. */
export async function refusedStart(
  env: NodeJS.ProcessEnv,
  words: readonly string[] = [],
): Promise<{ code: number | null; stderr: string }> {
  const { child, ended } = launch(env, words);
  let stderr = '';
  child.stderr!.on('data', (chunk) => {
    stderr += chunk;
  });
  return { code: await ended, stderr };
}

function launch(env: NodeJS.ProcessEnv, words: readonly string[] = []) {
  const child = spawn(process.execPath, [...SERVICE_ENTRY, ...words], {
    env: environment(env),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      text += chunk;
    });
  }
  const ended = once(child, 'close').then(([code]) => code as number | null);
  return { child, output: () => text, ended };
}
