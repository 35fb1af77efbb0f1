import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:fs';
import { access, chmod, mkdir, rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../log.ts';
import { BrokerError, claimBroker, isListening, socketPathIn, stopLeftoverServer } from './broker-folder.ts';

/** The server has nothing to load, but the machine may be busy. */
const READY_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 5_000;
const FIRST_RESTART_DELAY_MS = 200;
const MAX_RESTART_DELAY_MS = 10_000;
/** Lines of the server's own log that an error message quotes. */
const QUOTED_LINES = 5;

/** Valkey first: Debian will keep it, and it was the faster of the two when measured. */
const SERVERS = ['valkey-server', 'redis-server'];

const MISSING =
  'Neither valkey-server nor redis-server is on PATH and REDIS_URL is not set: install one (Debian and ' +
  'Ubuntu: apt-get install redis-server) or set REDIS_URL to a running server.';

export interface BrokerOptions {
  /** The files of the server are in its folder `broker`. */
  readonly dataDir: string;
  readonly searchPath: string;
  readonly logger: Logger;
}

interface ServerCommand {
  readonly program: string;
  readonly leadingArguments: readonly string[];
}

interface BrokerParts {
  /** The folder, claimed for this process until `release`. */
  readonly folder: string;
  readonly socketPath: string;
  readonly command: ServerCommand;
  readonly logger: Logger;
  readonly release: () => Promise<void>;
}

/**
 * A private Redis (or Valkey) server on a unix socket that only this user can open. It writes nothing to disk,
 * because the queue is restored from the database. It ends with this process, is restarted if it ends unexpectedly,
 * and no other process can start one in the same folder.
 */
export class Broker {
  readonly socketPath: string;
  private readonly folder: string;
  private readonly command: ServerCommand;
  private readonly logger: Logger;
  private readonly release: () => Promise<void>;
  private server: ChildProcess | undefined;
  private supervision: Promise<void> | undefined;
  private readonly closing = new AbortController();

  private constructor({ folder, socketPath, command, logger, release }: BrokerParts) {
    this.logger = logger.child({ component: 'broker' });
    this.folder = folder;
    this.socketPath = socketPath;
    this.command = command;
    this.release = release;
  }

  /**
   * Starts the server and waits until it answers.
   * @throws BrokerError if no server is installed, the folder is in use, or the server does not start
   */
  static async start(options: BrokerOptions): Promise<Broker> {
    const command = await brokerCommand(options.searchPath);
    const folder = join(options.dataDir, 'broker');
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await chmod(folder, 0o700);
    const socketPath = await socketPathIn(folder);
    const { release } = await claimBroker(folder, () => isListening(socketPath));
    try {
      await stopLeftoverServer(socketPath);
      const broker = new Broker({ folder, socketPath, command, logger: options.logger, release });
      await broker.launch();
      broker.supervision = broker.supervise();
      return broker;
    } catch (error) {
      await release();
      throw error;
    }
  }

  /** Process id of the server; undefined while it is being restarted. */
  get pid(): number | undefined {
    return this.server?.pid;
  }

  /** Stops the server, which loses all its data. */
  async close(): Promise<void> {
    if (this.closing.signal.aborted) return;
    this.closing.abort();
    if (this.server) await stop(this.server);
    await this.supervision;
    await this.release();
  }

  private async launch(): Promise<void> {
    await rm(this.socketPath, { force: true });
    const { program, leadingArguments } = this.command;
    // Detached, so that Ctrl-C in the terminal only reaches this process: the server must run until the
    // jobs that are finished after Ctrl-C have ended.
    const server = spawn(program, [...leadingArguments, ...this.serverArguments()], {
      cwd: this.folder,
      // The environment is not inherited, because it may contain credentials. The server logs times in UTC.
      env: { TZ: 'UTC', LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    this.server = server;
    server.once('exit', () => {
      this.server = undefined;
    });
    try {
      await this.untilReady(server);
    } catch (error) {
      await stop(server);
      this.server = undefined;
      throw error;
    }
    this.logger.info(
      { serverPid: server.pid, program: leadingArguments.at(-1) ?? program },
      'private Redis is ready',
    );
  }

  private serverArguments(): string[] {
    return [
      ['--port', '0'],
      ['--unixsocket', this.socketPath],
      ['--unixsocketperm', '700'],
      ['--daemonize', 'no'],
      ['--appendonly', 'no'],
      ['--save', ''],
      ['--maxmemory-policy', 'noeviction'],
    ].flat();
  }

  private async untilReady(server: ChildProcess): Promise<void> {
    const lastLines: string[] = [];
    let timer: NodeJS.Timeout | undefined;
    const ready = new Promise<void>((resolve, reject) => {
      const fail = (why: string): void =>
        reject(new BrokerError([`The private Redis server ${why}.`, ...lastLines].join('\n  ')));
      timer = setTimeout(() => fail(`was not ready within ${READY_TIMEOUT_MS} ms`), READY_TIMEOUT_MS);
      for (const stream of [server.stdout!, server.stderr!]) {
        createInterface(stream).on('line', (line) => {
          lastLines.push(line);
          if (lastLines.length > QUOTED_LINES) lastLines.shift();
          this.logger.debug({ line }, 'server');
          if (line.includes('Ready to accept connections')) resolve();
        });
      }
      server.once('error', (error) => fail(`cannot be started: ${error.message}`));
      // 'close' follows the last line of output, 'exit' may come before it.
      server.once('close', (code, signal) =>
        fail(`ended with ${signal ?? `exit code ${code}`} before it was ready`),
      );
    });
    await ready.finally(() => clearTimeout(timer));
  }

  /** Restarts the server whenever it ends unexpectedly. */
  private async supervise(): Promise<void> {
    const { signal } = this.closing;
    let delayMs = FIRST_RESTART_DELAY_MS;
    while (!signal.aborted) {
      if (this.server) {
        const [code, by] = await once(this.server, 'exit');
        if (signal.aborted) return;
        this.logger.error({ code, signal: by }, 'private Redis ended unexpectedly; starting it again');
      }
      await sleep(delayMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      try {
        await this.launch();
        delayMs = FIRST_RESTART_DELAY_MS;
      } catch (error) {
        delayMs = Math.min(2 * delayMs, MAX_RESTART_DELAY_MS);
        this.logger.error({ err: error }, 'private Redis cannot be started again');
      }
    }
  }
}

async function stop(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null || server.pid === undefined) return;
  const exited = once(server, 'exit');
  server.kill('SIGTERM');
  const timer = setTimeout(() => server.kill('SIGKILL'), STOP_TIMEOUT_MS);
  await exited;
  clearTimeout(timer);
}

/**
 * The command that starts the server. With setpriv (util-linux) the kernel ends the server when this process dies for
 * any reason; without it, the next start ends a leftover server.
 * @throws BrokerError if no server is installed
 */
export async function brokerCommand(searchPath: string): Promise<ServerCommand> {
  const server = await firstOnPath(SERVERS, searchPath);
  if (!server) throw new BrokerError(MISSING);
  const setpriv = await firstOnPath(['setpriv'], searchPath);
  return setpriv
    ? { program: setpriv, leadingArguments: ['--pdeathsig', 'TERM', server] }
    : { program: server, leadingArguments: [] };
}

async function firstOnPath(names: readonly string[], searchPath: string): Promise<string | undefined> {
  const folders = searchPath.split(delimiter).filter((folder) => folder !== '');
  for (const name of names) {
    for (const folder of folders) {
      const path = join(folder, name);
      if (await isExecutable(path)) return path;
    }
  }
  return undefined;
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
