import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { freePort } from '../free-port.ts';

const DEBIAN = '/usr/lib/postgresql';
const USER = 'squeeze';
const LOOPBACK = '127.0.0.1';

/**
 * Settings of the server that many tests share; it detects a deadlock sooner than after the default of a
 * second.
 */
const SHARED_SETTINGS = ['fsync=off', 'max_connections=300', 'deadlock_timeout=50ms'];

/** The folder of PostgreSQL's programs; undefined if there are none. */
const BIN = existsSync(DEBIAN)
  ? readdirSync(DEBIAN)
      .map((version) => join(DEBIAN, version, 'bin'))
      .find((folder) => existsSync(join(folder, 'initdb')))
  : undefined;

export const noPostgres: string | false = BIN === undefined && `there is no ${DEBIAN} (Debian: postgresql)`;

/** PostgreSQL does not run as root, so it runs as another user. */
function owner(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const idOf = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: idOf('-u'), gid: idOf('-g') };
}

/** Other users may not enter the folders that tests create. */
function handOver(folder: string, data: string, { uid, gid }: { uid: number; gid: number }): void {
  for (let path = dirname(folder); path.startsWith(join(tmpdir(), '/')); path = dirname(path))
    chmodSync(path, statSync(path).mode | 0o011);
  for (const path of [folder, data]) chownSync(path, uid, gid);
}

/** A PostgreSQL server for one test. */
export interface PostgresServer {
  readonly pid: number;
  /** The URL of a new, empty database. */
  newDatabase(host?: string): Promise<string>;
  /** SIGQUIT, like a crash. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/**
 * Starts a server on a port, with the data of a previous one if the folder has some.
 * @param folder that only this server uses
 * @param settings such as `fsync=off`
 * @param env additional environment
 */
export async function startPostgres(
  folder: string,
  settings: readonly string[] = [],
  port?: number,
  env: Readonly<Record<string, string>> = {},
): Promise<PostgresServer & { readonly port: number }> {
  const ids = owner();
  const data = join(folder, 'data');
  if (!existsSync(data)) {
    mkdirSync(data, { recursive: true });
    if (ids.uid !== undefined) handOver(folder, data, ids as Required<typeof ids>);
    const options = ['-D', data, '-U', USER, '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'];
    const made = spawnSync(join(BIN!, 'initdb'), options, { ...ids, cwd: folder, encoding: 'utf8' });
    if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}`);
    appendFileSync(join(data, 'pg_hba.conf'), 'host all all all trust\n');
  }
  const chosen = port ?? (await freePort());
  const all = [
    `port=${chosen}`,
    'listen_addresses=127.0.0.1',
    `unix_socket_directories=${folder}`,
    ...settings,
  ];
  const server = spawn(join(BIN!, 'postgres'), ['-D', data, ...all.flatMap((setting) => ['-c', setting])], {
    ...ids,
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
    // It outlives the test file that started it.
    detached: true,
  });
  let output = '';
  for await (const line of createInterface(server.stderr)) {
    output += `${line}\n`;
    if (/ready to accept (?:read-only )?connections/.test(line)) break;
  }
  if (server.exitCode !== null) throw new Error(`PostgreSQL did not start: ${output}`);
  server.stderr.resume();
  server.unref();
  (server.stderr as unknown as { unref(): void }).unref();
  return {
    port: chosen,
    pid: server.pid!,
    newDatabase: (host) => newDatabase(chosen, host),
    async stop(signal = 'SIGINT') {
      if (server.exitCode !== null || server.signalCode !== null) return;
      server.ref();
      const exited = once(server, 'exit');
      server.kill(signal);
      await exited;
    },
  };
}

/**
 * A replica of a server, which follows it until it is promoted.
 * @param folder that only the replica uses
 */
export async function startStandby(
  folder: string,
  primaryPort: number,
): Promise<PostgresServer & { port: number }> {
  const ids = owner();
  const data = join(folder, 'data');
  mkdirSync(data, { recursive: true, mode: 0o700 });
  if (ids.uid !== undefined) handOver(folder, data, ids as Required<typeof ids>);
  const from = ['-h', LOOPBACK, '-p', String(primaryPort), '-U', USER];
  execFileSync(join(BIN!, 'pg_basebackup'), [...from, '-D', data, '-R', '-X', 'stream', '-c', 'fast'], {
    ...ids,
    cwd: folder,
  });
  return startPostgres(folder);
}

/** Runs a program as the user of PostgreSQL. */
export const spawnAsOwner = (program: string, args: readonly string[]): ChildProcess =>
  spawn(program, args, { ...owner(), cwd: '/', stdio: 'ignore' });

/** Gives files to the user of PostgreSQL, for example keys, which no other user may read. */
export function handToPostgres(...files: readonly string[]): void {
  const ids = owner();
  for (const file of files) {
    if (ids.uid !== undefined) handOver(file, file, ids as Required<typeof ids>);
    chmodSync(file, 0o600);
  }
}

async function newDatabase(port: number, host = LOOPBACK): Promise<string> {
  const name = `test_${randomBytes(8).toString('hex')}`;
  const client = new pg.Client({ connectionString: urlOf(port, 'postgres') });
  await client.connect();
  await client.query(`create database ${name} template template0`);
  await client.end();
  return urlOf(port, name, host);
}

const urlOf = (port: number, database: string, host = LOOPBACK) =>
  `postgres://${USER}@${host}:${port}/${database}`;

/**
 * The URL of a new, empty database on the server that all tests of a run share. The first test that needs the
 * server starts it; it ends with the run.
 */
export async function testDatabase(): Promise<string> {
  const folder = process.env.TEST_POSTGRES_FOLDER;
  if (folder === undefined)
    throw new Error('Run tests by npm test, which says where PostgreSQL may be started.');
  return newDatabase(await sharedPort(folder));
}

async function sharedPort(folder: string): Promise<number> {
  const ready = join(folder, 'ready');
  try {
    mkdirSync(join(folder, 'starting'));
  } catch {
    while (!existsSync(ready)) await sleep(50);
    return Number(readFileSync(ready, 'utf8'));
  }
  const { port } = await startPostgres(join(folder, 'server'), SHARED_SETTINGS);
  writeFileSync(`${ready}.new`, String(port));
  renameSync(`${ready}.new`, ready);
  return port;
}
