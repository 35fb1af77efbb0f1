import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { SERVICE_ENTRY } from '../entry.ts';
import { freePort } from '../free-port.ts';
import { commandLine, descendantsOf, isAlive, type ProcessIdentity } from './process-tree.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const POLL_MS = 50;
/** These only keep a test from hanging; a busy machine takes ten times as long as an idle one. */
const START_LIMIT_MS = 180_000;
/** More than the service's own SHUTDOWN_GRACE_MS and what it takes to close. */
const STOP_LIMIT_MS = 120_000;
/** Children end with their parent, but the kernel may take a moment to say so. */
const CHILDREN_LIMIT_MS = 60_000;
const LOG_TAIL_CHARACTERS = 8_000;

/** How the service is run: as tests do unless said, or as built by `npm run build`. */
const ENTRIES = { source: SERVICE_ENTRY, built: ['dist/main.js'] } as const;

export interface ServiceOptions {
  readonly dataDir: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly entry?: keyof typeof ENTRIES;
  /** The folder of a service that is built already, if it is not this one. */
  readonly app?: string;
  /** The file descriptors it may have, by util-linux' prlimit; default: as many as this process. */
  readonly openFiles?: number;
  /** Where it listens; default: a port that is free. */
  readonly port?: number;
}

/** The real service, as its own process with its own private Redis. */
export interface Service {
  readonly url: string;
  readonly pid: number;
  /** The end of what it wrote to standard output and error. */
  log(): string;
  /** Its processes besides the main one: Redis, compute. */
  children(): ProcessIdentity[];
  /** SIGTERM; then it must exit with 0 and leave no process behind. */
  stop(): Promise<void>;
}

/** Starts the service and waits until /readyz says yes. */
export async function startService({
  dataDir,
  env = {},
  app,
  entry = app === undefined ? 'source' : 'built',
  openFiles,
  ...given
}: ServiceOptions): Promise<Service> {
  const port = given.port ?? (await freePort());
  const url = `http://127.0.0.1:${port}`;
  const limited = openFiles === undefined ? [] : ['prlimit', `--nofile=${openFiles}`];
  const [program, ...args] = [...limited, process.execPath, ...ENTRIES[entry]];
  const child = spawn(program!, args, {
    cwd: app ?? ROOT,
    env: {
      ...{ ...inheritedEnv(), HOST: '127.0.0.1', PORT: String(port), DATA_DIR: dataDir },
      // The disk is not written for nothing by each of them, and many are asked for no job.
      ...{ RESERVE_BYTES: '65536', COMPUTE_WARM_UP: 'off', ...env },
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output = (output + chunk).slice(-LOG_TAIL_CHARACTERS);
    });
  }
  const killWithUs = () => child.kill('SIGKILL');
  process.once('exit', killWithUs);
  child.once('exit', () => process.removeListener('exit', killWithUs));

  await waitUntilReady(child, url, () => output);
  const children = () => descendantsOf(child.pid!);
  return {
    url,
    pid: child.pid!,
    log: () => output,
    children,
    stop: () => stop(child, children(), () => output),
  };
}

/** What a child needs of our environment; nothing that configures the service. */
function inheritedEnv(): NodeJS.ProcessEnv {
  const { PATH, HOME, TMPDIR, LANG } = process.env;
  return Object.fromEntries(Object.entries({ PATH, HOME, TMPDIR, LANG }).filter(([, value]) => value));
}

async function waitUntilReady(child: ChildProcess, url: string, log: () => string): Promise<void> {
  const deadline = Date.now() + START_LIMIT_MS;
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Error(
        `the service ended (${child.exitCode ?? child.signalCode}) before it was ready:\n${log()}`,
      );
    }
    if (await answers(`${url}/readyz`)) return;
    if (Date.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error(`the service was not ready in ${START_LIMIT_MS / 1000} s:\n${log()}`);
    }
    await sleep(POLL_MS);
  }
}

const answers = (address: string): Promise<boolean> =>
  fetch(address).then(
    async (response) => (await response.text()).includes('"status":"ready"'),
    () => false,
  );

async function stop(child: ChildProcess, children: ProcessIdentity[], log: () => string): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
    await once(child, 'exit');
    clearTimeout(timer);
  }
  const deadline = Date.now() + CHILDREN_LIMIT_MS;
  while (children.some(isAlive) && Date.now() < deadline) await sleep(POLL_MS);
  const left = children.filter(isAlive);
  const names = left.map(commandLine);
  for (const { pid } of left) process.kill(pid, 'SIGKILL');
  assert.deepEqual(names, [], 'processes outlived the service');
  assert.equal(child.exitCode, 0, `the service ended with ${child.exitCode ?? child.signalCode}:\n${log()}`);
}
