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
/** These limits only prevent hanging; a busy machine takes ten times as long as an idle one. */
const START_LIMIT_MS = 180_000;
/** More than the service's own SHUTDOWN_GRACE_MS and the time it takes to close. */
const STOP_LIMIT_MS = 120_000;
/** Children end with their parent, but the kernel may take a moment to report it. */
const CHILDREN_LIMIT_MS = 60_000;
const LOG_TAIL_CHARACTERS = 8_000;

/** How the service is run: by default like the tests, or as built by `npm run build`. */
const ENTRIES = { source: SERVICE_ENTRY, built: ['dist/main.js'] } as const;

export interface ServiceOptions {
  readonly dataDir: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly entry?: keyof typeof ENTRIES;
  /** The folder of a service that is built already, if it is not this repository. */
  readonly app?: string;
  /** The limit of its file descriptors, set by util-linux' prlimit; default: that of this process. */
  readonly openFiles?: number;
  /** The port on which it listens; default: a free one. */
  readonly port?: number;
}

/** The real service, as its own process with its own private Redis. */
export interface Service {
  readonly url: string;
  readonly pid: number;
  /** The last part of its standard output and error. */
  log(): string;
  /** Its processes besides the main one: Redis, compute. */
  children(): ProcessIdentity[];
  /** Sends SIGTERM; then it must exit with 0 and leave no process behind. */
  stop(): Promise<void>;
}

/** Starts the service and waits until /readyz answers with 200. */
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
      // Services of tests do not reserve disk space, and most of them run no job.
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

/** The part of our environment that a child needs; no variables that configure the service. */
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
