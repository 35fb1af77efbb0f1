import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../log.ts';
import { BrokerError } from './broker-error.ts';
import { claimBroker } from './broker-owner.ts';
import { brokerCommand, type Command } from './broker-program.ts';
import { isListening, socketPathIn, stopLeftover } from './broker-socket.ts';

/** It has nothing to read, but the machine may be busy. */
const READY_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 5_000;
const FIRST_RESTART_DELAY_MS = 200;
const MAX_RESTART_DELAY_MS = 10_000;
/** Lines of the server's own log that an error message quotes. */
const QUOTED_LINES = 5;

export interface BrokerOptions {
  /** The server lives in its folder `broker`. */
  readonly dataDir: string;
  readonly searchPath: string;
  readonly logger: Logger;
}

/**
 * A private Redis (or Valkey) server: on a unix socket that only this user can open. It writes nothing to the disk, as
 * what is queued is put back from the database. It ends with this process, is started again when it ends by itself, and
 * nobody else may start one in the same folder.
 */
export class Broker {
  readonly socketPath: string;
  private readonly folder: string;
  private readonly command: Command;
  private readonly logger: Logger;
  private readonly release: () => Promise<void>;
  private server: ChildProcess | undefined;
  private supervision: Promise<void> | undefined;
  private readonly closing = new AbortController();

  private constructor(
    options: BrokerOptions,
    folder: string,
    socketPath: string,
    command: Command,
    release: () => Promise<void>,
  ) {
    this.logger = options.logger.child({ component: 'broker' });
    this.folder = folder;
    this.socketPath = socketPath;
    this.command = command;
    this.release = release;
  }

  /**
   * Starts the server and waits until it answers.
   * @throws BrokerError when no server is installed, the folder is in use, or the server does not start
   */
  static async start(options: BrokerOptions): Promise<Broker> {
    const command = await brokerCommand(options.searchPath);
    const folder = join(options.dataDir, 'broker');
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await chmod(folder, 0o700);
    const socketPath = await socketPathIn(folder);
    const { release } = await claimBroker(folder, () => isListening(socketPath));
    try {
      await stopLeftover(socketPath);
      const broker = new Broker(options, folder, socketPath, command, release);
      await broker.launch();
      broker.supervision = broker.supervise();
      return broker;
    } catch (error) {
      await release();
      throw error;
    }
  }

  /** Process id of the server; undefined while it is being started again. */
  get pid(): number | undefined {
    return this.server?.pid;
  }

  /** Stops the server, which forgets everything. */
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
    // Detached: a Ctrl-C in the terminal is for us; the server has to outlive the jobs that are finished then.
    const server = spawn(program, [...leadingArguments, ...this.serverArguments()], {
      cwd: this.folder,
      // Nothing of ours, which may hold credentials; its times are told in UTC.
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
      // 'close' comes after the last line of output, 'exit' may not.
      server.once('close', (code, signal) =>
        fail(`ended with ${signal ?? `exit code ${code}`} before it was ready`),
      );
    });
    await ready.finally(() => clearTimeout(timer));
  }

  /** Starts the server again whenever it ends without being asked to. */
  private async supervise(): Promise<void> {
    const { signal } = this.closing;
    let delayMs = FIRST_RESTART_DELAY_MS;
    while (!signal.aborted) {
      if (this.server) {
        const [code, by] = await once(this.server, 'exit');
        if (signal.aborted) return;
        this.logger.error({ code, signal: by }, 'private Redis ended by itself; starting it again');
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
