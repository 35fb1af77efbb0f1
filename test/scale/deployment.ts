import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from '../e2e/client.ts';
import { commandLine, descendantsOf, isAlive, type ProcessIdentity } from '../e2e/process-tree.ts';
import { SERVICE_ENTRY } from '../entry.ts';
import { freePort } from '../free-port.ts';
import { until } from '../queue/harness.ts';
import type { Machine } from './network.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const START_LIMIT_MS = 180_000;
const LOG_TAIL_CHARACTERS = 20_000;

/** One process of a deployment, on its own machine. */
export interface Member {
  readonly role: 'api' | 'worker' | 'all';
  readonly url: string;
  readonly client: Client;
  readonly dataDir: string;
  log(): string;
  /** Jobs that it has ended, by its own count. */
  endedJobs(): Promise<number>;
  /** The processes that compute its jobs, once there was one. */
  computing(): ProcessIdentity[];
  /** SIGTERM, and the exit code. */
  stop(): Promise<number | null>;
  /** Its machine dies: every process at once, by SIGKILL. */
  die(): Promise<void>;
}

/** Starts a member and waits until it is ready. Its DATA_DIR is a folder of its own in `scratch`. */
export async function startMember(
  role: Member['role'],
  machine: Machine,
  scratch: string,
  env: Readonly<Record<string, string>>,
): Promise<Member> {
  const port = await freePort();
  const url = `http://${machine.address}:${port}`;
  const dataDir = join(scratch, `${role}-${port}`);
  mkdirSync(dataDir);
  const { PATH, HOME, TMPDIR } = process.env;
  const [program, ...args] = [...machine.command, process.execPath, ...SERVICE_ENTRY];
  const child = spawn(program!, args, {
    cwd: ROOT,
    env: {
      ...{ PATH, HOME, TMPDIR, ROLE: role, HOST: machine.address, PORT: String(port), DATA_DIR: dataDir },
      AUTH: 'open',
      // Long enough that jobs which a test holds are not handed back.
      SHUTDOWN_GRACE_MS: '300000',
      ALLOWED_HOSTS: machine.address,
      ...{ EXECUTION_PROVIDER: 'cpu', COMPUTE_THREADS: '1', ...env },
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log = tailOf(child);
  const ended = once(child, 'exit').then(([code]) => code as number | null);
  const killWithUs = () => child.kill('SIGKILL');
  process.once('exit', killWithUs);
  child.once('exit', () => process.removeListener('exit', killWithUs));
  await until(
    `a ready ${role}`,
    async () => {
      assert.ok(child.exitCode === null && child.signalCode === null, log());
      const response = await fetch(`${url}/readyz`).catch(() => undefined);
      return (await response?.text())?.includes('"status":"ready"') || undefined;
    },
    START_LIMIT_MS,
  );
  const computing = () =>
    descendantsOf(child.pid!).filter((one) => commandLine(one).includes('node_modules/bullmq/'));
  return {
    role,
    url,
    client: new Client(url),
    dataDir,
    log,
    computing,
    endedJobs: async () => {
      const text = await (await fetch(`${url}/metrics`)).text();
      const counts = [...text.matchAll(/^lora_squeeze_jobs_total\{[^}]*\} (\d+)$/gm)];
      return counts.reduce((sum, [, count]) => sum + Number(count), 0);
    },
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      return ended;
    },
    async die() {
      const all = descendantsOf(child.pid!);
      child.kill('SIGKILL');
      for (const one of all) if (isAlive(one)) process.kill(one.pid, 'SIGKILL');
      await ended;
    },
  };
}

function tailOf(child: ChildProcess): () => string {
  let text = '';
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text = (text + chunk).slice(-LOG_TAIL_CHARACTERS);
    });
  }
  return () => text;
}
