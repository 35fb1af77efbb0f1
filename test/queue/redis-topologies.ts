import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { freePort } from '../free-port.ts';
import { type Certificate, tlsOptions } from './certificate.ts';
import { type ExternalRedis, FIT, startExternalRedis } from './external-redis.ts';
import { until } from './harness.ts';

const run = promisify(execFile);
const SENTINELS = 3;
const MASTERS = 3;
/** Servers that do not answer for this long count as down: a short time, so that tests are fast. */
const DOWN_AFTER_MS = 1_000;

export interface TopologyOptions {
  /** The password of the servers. */
  readonly password?: string;
  readonly sentinelPassword?: string;
  /** All connections use TLS. */
  readonly certificate?: Certificate;
}

export interface ClusterOptions extends TopologyOptions {
  /** How many replicas each of the three masters has. */
  readonly replicas?: number;
}

type Asking = (port: number, ...command: string[]) => Promise<string>;

interface Stoppable {
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export interface SentinelDeployment extends Stoppable {
  /** The value of REDIS_URL. */
  readonly url: string;
  readonly master: ExternalRedis;
  readonly replica: ExternalRedis;
  /** Runs redis-cli against a server. */
  readonly ask: Asking;
  /** Waits until the sentinels report the replica as the master. */
  failedOver(): Promise<void>;
}

/** A master, a replica and three sentinels. */
export const startSentinels = (folder: string, options: TopologyOptions = {}): Promise<SentinelDeployment> =>
  orStopAll((started) => openSentinels(folder, options, started));

async function openSentinels(
  folder: string,
  options: TopologyOptions,
  started: Stoppable[],
): Promise<SentinelDeployment> {
  const { password, sentinelPassword, certificate } = options;
  const servers = serverOptions(options);
  const startServer = async (name: string, more: string[] = []): Promise<ExternalRedis> => {
    const server = await startServerIn(join(folder, name), options, [...servers, ...more]);
    started.push(server);
    return server;
  };
  const master = await startServer('master');
  const replica = await startServer('replica', ['--replicaof', `127.0.0.1 ${master.port}`]);
  const ask = asking(options);
  await replicating(ask, replica.port);
  const ports = await Promise.all(Array.from({ length: SENTINELS }, freePort));
  for (const port of ports) {
    const lines = [
      `sentinel monitor main 127.0.0.1 ${master.port} 2`,
      `sentinel down-after-milliseconds main ${DOWN_AFTER_MS}`,
      'sentinel failover-timeout main 5000',
      ...(password ? [`sentinel auth-pass main ${password}`] : []),
      ...(sentinelPassword ? [`requirepass ${sentinelPassword}`] : []),
    ];
    const at = certificate ? tlsOptions(certificate, port) : ['--port', String(port)];
    started.push(await startSentinel(join(folder, `sentinel-${port}`), lines, at));
  }
  const askSentinel = asking({ ...options, password: sentinelPassword ?? '' });
  for (const port of ports) {
    await until('the sentinels to know each other', async () =>
      (await askSentinel(port, 'sentinel', 'ckquorum', 'main')).startsWith('OK 3 usable') ? true : undefined,
    );
    await until('the replica to be known', async () =>
      (await askSentinel(port, 'sentinel', 'replicas', 'main')).includes(`127.0.0.1:${replica.port}`)
        ? true
        : undefined,
    );
  }
  const hosts = ports.map((port) => `127.0.0.1:${port}`).join(',');
  const query = sentinelPassword ? `?sentinel_password=${sentinelPassword}` : '';
  return {
    url: `redis${certificate ? 's' : ''}+sentinel://${loginOf(password)}${hosts}/main/2${query}`,
    master,
    replica,
    ask,
    failedOver: async () => {
      await until('a new master', async () => {
        const masterAddress = await askSentinel(ports[0]!, 'sentinel', 'get-master-addr-by-name', 'main');
        return masterAddress.includes(String(replica.port)) || undefined;
      });
    },
    stop: () => stopAll(started),
  };
}

export interface ClusterDeployment extends Stoppable {
  readonly url: string;
  readonly servers: readonly ExternalRedis[];
  /** Runs redis-cli against a server. */
  readonly ask: Asking;
}

/** Three masters with a third of the slots each, and this many replicas each. */
export const startCluster = (folder: string, options: ClusterOptions = {}): Promise<ClusterDeployment> =>
  orStopAll((started) => openCluster(folder, options, started));

async function openCluster(
  folder: string,
  options: ClusterOptions,
  started: Stoppable[],
): Promise<ClusterDeployment> {
  const { password, certificate, replicas = 0 } = options;
  const servers: ExternalRedis[] = [];
  const places: string[] = [];
  for (let i = 0; i < MASTERS * (1 + replicas); i++) {
    const busPort = await freePort();
    const server = await startServerIn(join(folder, `node-${i}`), options, [
      ...serverOptions(options),
      ...['--cluster-enabled', 'yes', '--cluster-port', String(busPort)],
      ...['--cluster-node-timeout', String(DOWN_AFTER_MS)],
      ...(certificate ? ['--tls-cluster', 'yes'] : []),
    ]);
    servers.push(server);
    started.push(server);
    places.push(`127.0.0.1:${server.port}@${busPort}`);
  }
  const ask = asking(options);
  await run('redis-cli', [
    ...cliOptions(options),
    ...['--cluster', 'create', ...places, '--cluster-replicas', String(replicas), '--cluster-yes'],
  ]);
  for (const { port } of servers) {
    await until('the cluster', async () =>
      (await ask(port, 'cluster', 'info')).includes('cluster_state:ok') ? true : undefined,
    );
    if ((await ask(port, 'role')).startsWith('slave')) await replicating(ask, port);
  }
  const hosts = servers.slice(0, 2).map(({ port }) => `127.0.0.1:${port}`);
  return {
    url: `redis${certificate ? 's' : ''}+cluster://${loginOf(password)}${hosts.join(',')}`,
    servers,
    ask,
    stop: () => stopAll(started),
  };
}

/** Replicas copy at once, without waiting for others. */
const serverOptions = ({ password }: TopologyOptions): string[] => [
  ...FIT,
  ...['--repl-diskless-sync-delay', '0'],
  ...(password ? ['--requirepass', password, '--masterauth', password] : []),
];

async function startServerIn(
  folder: string,
  { certificate }: TopologyOptions,
  options: string[],
): Promise<ExternalRedis> {
  await mkdir(folder, { recursive: true });
  const port = await freePort();
  return startExternalRedis(
    folder,
    [...options, ...(certificate ? tlsOptions(certificate, port) : [])],
    port,
  );
}

/** A sentinel writes its state into its configuration file. */
async function startSentinel(folder: string, lines: string[], options: string[]): Promise<Stoppable> {
  await mkdir(folder, { recursive: true });
  const file = join(folder, 'sentinel.conf');
  await writeFile(file, `${lines.join('\n')}\n`);
  const server = spawn('redis-server', [file, '--sentinel', '--dir', folder, ...options], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  for await (const line of createInterface(server.stdout)) if (line.includes('+monitor master')) break;
  server.stdout.resume();
  return {
    async stop() {
      const exited = once(server, 'exit');
      server.kill('SIGKILL');
      await exited;
    },
  };
}

const loginOf = (password: string | undefined): string => (password ? `:${password}@` : '');

const cliOptions = ({ password, certificate }: TopologyOptions): string[] => [
  ...(password ? ['-a', password, '--no-auth-warning'] : []),
  ...(certificate ? ['--tls', '--cacert', certificate.cert] : []),
];

const asking =
  (options: TopologyOptions): Asking =>
  async (port, ...command) =>
    (await run('redis-cli', [...cliOptions(options), '-p', String(port), ...command])).stdout;

/** A replica that is still empty does not become a master. */
async function replicating(ask: Asking, port: number): Promise<void> {
  await until('replication', async () =>
    (await ask(port, 'info', 'replication')).includes('master_link_status:up') ? true : undefined,
  );
}

async function stopAll(started: readonly Stoppable[]): Promise<void> {
  for (const one of started) await one.stop('SIGKILL');
}

/** The servers of a deployment that failed to start must not stay. */
async function orStopAll<T>(open: (started: Stoppable[]) => Promise<T>): Promise<T> {
  const started: Stoppable[] = [];
  try {
    return await open(started);
  } catch (error) {
    await stopAll(started);
    throw error;
  }
}
