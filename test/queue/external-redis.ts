import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from '../free-port.ts';

export interface ExternalRedis {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/**
 * A Redis server as operators run it: on a TCP port, in memory unless the options say otherwise.
 * @param env additional environment
 * @param names of the programs, of which the first that is installed is used
 */
export async function startExternalRedis(
  dir: string,
  options: string[],
  port?: number,
  env: Readonly<Record<string, string>> = {},
  names: readonly string[] = PROGRAMS,
): Promise<ExternalRedis> {
  const chosen = port ?? (await freePort());
  const server = spawn(
    redisProgram(names),
    ['--port', String(chosen), '--bind', '127.0.0.1', '--save', '', '--dir', dir, ...options],
    // Not 'inherit': a server that outlives a broken test would keep the test runner waiting.
    { stdio: ['ignore', 'pipe', 'ignore'], env: { ...process.env, ...env } },
  );
  for await (const line of createInterface(server.stdout)) {
    if (line.includes('Ready to accept connections')) break;
  }
  server.stdout.resume();
  return {
    url: `redis://127.0.0.1:${chosen}`,
    port: chosen,
    pid: server.pid!,
    async stop(signal = 'SIGTERM') {
      if (server.exitCode !== null || server.signalCode !== null) return;
      const exited = once(server, 'exit');
      server.kill(signal);
      await exited;
    },
  };
}

/** The settings that the queue requires of a server. It keeps nothing when it ends. */
export const FIT = ['--maxmemory-policy', 'noeviction'];

export const PROGRAMS = ['redis-server', 'valkey-server'] as const;

export function redisProgram(names: readonly string[] = PROGRAMS): string {
  for (const name of names) {
    for (const folder of (process.env.PATH ?? '').split(delimiter)) {
      try {
        accessSync(join(folder, name));
        return join(folder, name);
      } catch {
        // The file is not in this folder.
      }
    }
  }
  throw new Error(`${names.join(' and ')} cannot be found in PATH`);
}
