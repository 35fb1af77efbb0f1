import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { ConnectionOptions } from 'bullmq';
import { Cluster, type ClusterOptions, Redis, type RedisOptions } from 'ioredis';
import type { ObserveBackend } from '../backend-calls.ts';
import type { Risk } from '../dispatch/job-queue.ts';
import { fixClusterEnd } from './fix-cluster-end.ts';
import { fixCommandTimeout } from './fix-command-timeout.ts';
import { fixDisconnect } from './fix-disconnect.ts';
import { fixLogin, type Renewed, type RenewedOption } from './fix-login.ts';
import { observeRedis } from './observed-redis.ts';
import {
  type ClusterPlace,
  type Login,
  type RedisPlace,
  redisPlace,
  type SentinelPlace,
} from './redis-url.ts';

fixCommandTimeout();
fixDisconnect();
fixLogin();

/** Paths of PEM files, which are read for each connection. */
export interface RedisTls {
  /** Certificates of the authorities that signed the server's certificate. Default: those that Node trusts. */
  readonly caFile?: string | undefined;
  /** The client certificate and its key; both or neither. */
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
}

/** The address of Redis: the socket of the private server, or a URL as `redisPlace` reads it. */
export type RedisAddress = (
  | { readonly socketPath: string }
  | {
      readonly url: string;
      /** Returns the URL for a new connection, because the password in the URL may change. Default: `url`. */
      readonly renewedUrl?: () => string;
      readonly tls?: RedisTls;
    }
) & {
  /** Called for each command of clients that do not block. */
  readonly observe?: ObserveBackend | undefined;
};

/** The longest pause between two attempts to connect, so that recovery after an outage is not delayed further. */
const MAX_RECONNECT_DELAY_MS = 1_000;
const CONNECT_TIMEOUT_MS = 2_000;
/** The time limit of a command for which a client waits. */
export const COMMAND_TIMEOUT_MS = 800;

/**
 * A master that hangs does not close its connections: after this time without an answer, the connection is abandoned
 * and the sentinels are asked again. Workers wait up to 10 s for an answer on purpose. (The failover detector of
 * ioredis cannot be used: a notification while it connects ends the client permanently.)
 */
const SILENCE_MS = { impatient: 2 * COMMAND_TIMEOUT_MS, patient: 12_000 } as const;

/** Pause before asking again a cluster that currently has no master for the keys. */
const CLUSTER_RETRY_DELAY_MS = 100;
/**
 * A cluster waits 15 s (cluster-node-timeout) before it promotes a replica. With this limit, the commands of a worker
 * wait for two minutes.
 */
const MAX_REDIRECTIONS = 1_200;

const retryStrategy = (times: number): number =>
  Math.min(50 * 2 ** Math.min(times, 10), MAX_RECONNECT_DELAY_MS);

const RETRY_FOREVER = {
  maxRetriesPerRequest: null,
  connectTimeout: CONNECT_TIMEOUT_MS,
} satisfies RedisOptions;
/**
 * `skipVersionCheck` is an option of BullMQ: it would ask for the version once, and if that fails or times out, every
 * later call would fail with the same error, even if Redis has recovered. `assessServer` checks the version.
 */
const FAIL_FAST = {
  maxRetriesPerRequest: 1,
  commandTimeout: COMMAND_TIMEOUT_MS,
  connectTimeout: CONNECT_TIMEOUT_MS,
  skipVersionCheck: true,
} satisfies RedisOptions & { skipVersionCheck: true };

/** A connection for BullMQ, and what must be closed after BullMQ has closed its own connections. */
export interface RetryingConnection {
  readonly connection: ConnectionOptions;
  close(): void;
}

/**
 * For connections that wait for work: they keep trying to connect indefinitely.
 * @throws ConfigError if the URL cannot be used
 */
export function retryingConnection(address: RedisAddress): RetryingConnection {
  const place = placeOf(address);
  let isLeft = false;
  // BullMQ reconnects a connection to close it: without this, a closed connection would keep trying while Redis is
  // unavailable.
  const untilLeft = (times: number): number | null => (isLeft ? null : retryStrategy(times));
  if (place.kind === 'cluster') {
    const client = openCluster(
      place,
      { ...RETRY_FOREVER, ...renewing(address) },
      {
        maxRedirections: MAX_REDIRECTIONS,
        clusterRetryStrategy: untilLeft,
      },
    );
    return {
      connection: client,
      close: () => {
        isLeft = true;
        client.disconnect();
      },
    };
  }
  const options = {
    ...describePlace(place),
    ...RETRY_FOREVER,
    ...renewing(address),
    retryStrategy: untilLeft,
  };
  return {
    connection: { ...options, ...leftAfter(place, SILENCE_MS.patient) },
    close: () => {
      isLeft = true;
    },
  };
}

/**
 * For calls for which a client waits: a command fails instead of waiting for the connection to come back.
 * @throws ConfigError if the URL cannot be used
 */
export function failFastClient(address: RedisAddress): Redis | Cluster {
  const client = openFailFast(address);
  observeRedis(client, address.observe);
  return client;
}

function openFailFast(address: RedisAddress): Redis | Cluster {
  const place = placeOf(address);
  const redis = { ...FAIL_FAST, ...renewing(address) };
  if (place.kind === 'cluster') return openCluster(place, redis, { enableOfflineQueue: false });
  const options = { ...redis, enableOfflineQueue: false, retryStrategy };
  return place.kind === 'single'
    ? new Redis(place.url, options)
    : new Redis({ ...options, ...describePlace(place), ...leftAfter(place, SILENCE_MS.impatient) });
}

/**
 * The prefix of keys. All keys of a queue must be in one hash slot, which a cluster derives from the part in braces.
 */
export function keyPrefix(address: RedisAddress, prefix: string): string {
  return placeOf(address).kind === 'cluster' ? `{${prefix}}` : prefix;
}

/** The INFO of every server to which new jobs may go: the master, or all masters of a cluster. */
export function serverInfos(client: Redis | Cluster): Promise<string[]> {
  const servers = client instanceof Cluster ? client.nodes('master') : [client];
  return Promise.all(servers.map((server) => server.info()));
}

type Place = RedisPlace | { readonly kind: 'socket'; readonly path: string };

const placeOf = (address: RedisAddress): Place =>
  'url' in address ? redisPlace(address.url) : { kind: 'socket', path: address.socketPath };

/**
 * The login and the certificates at the time of each connection. If the new ones cannot be used, the previous ones
 * stay.
 */
function renewing(address: RedisAddress): RenewedOption {
  if (!('url' in address) || !(address.renewedUrl || address.tls)) return {};
  const { url, renewedUrl = () => url, tls: files = {} } = address;
  const login = (): Renewed => {
    const now = renewedUrl();
    const place = redisPlace(now);
    const { username, password } = place.kind === 'single' ? loginOf(now) : place.login;
    const sentinel = place.kind === 'sentinel' ? place.sentinelLogin : {};
    return {
      ...{ username, password },
      ...{ sentinelUsername: sentinel.username, sentinelPassword: sentinel.password },
    };
  };
  return {
    renewed: () => ({ ...usable(login), ...(url.startsWith('rediss') && usable(() => certificates(files))) }),
  };
}

/** A client that starts to connect with an incomplete certificate never recovers, so it is checked first. */
function certificates({ caFile, certFile, keyFile }: RedisTls): Renewed {
  const read = (path?: string) => (path === undefined ? undefined : readFileSync(path));
  const secureContext = createSecureContext({ ca: read(caFile), cert: read(certFile), key: read(keyFile) });
  return { tls: { secureContext }, sentinelTLS: { secureContext } };
}

function usable(readLogin: () => Renewed): Renewed {
  try {
    return readLogin();
  } catch {
    return {};
  }
}

/** The login in the URL of a single server. */
function loginOf(url: string): Login {
  const { username, password } = new URL(url);
  return {
    ...(username !== '' && { username: decodeURIComponent(username) }),
    ...(password !== '' && { password: decodeURIComponent(password) }),
  };
}

const leftAfter = ({ kind }: Place, silenceMs: number) =>
  kind === 'sentinel' ? { socketTimeout: silenceMs } : {};

/** The options for a single server or sentinels. BullMQ accepts a `url` besides the options of ioredis. */
function describePlace(place: Exclude<Place, ClusterPlace>) {
  if (place.kind === 'single') return { url: place.url };
  return place.kind === 'socket' ? { path: place.path } : sentinelOptions(place);
}

function sentinelOptions({ sentinels, name, db, tls, login, sentinelLogin }: SentinelPlace) {
  const { username: sentinelUsername, password: sentinelPassword } = sentinelLogin;
  return {
    sentinels: [...sentinels],
    name,
    db,
    ...login,
    ...(sentinelUsername !== undefined && { sentinelUsername }),
    ...(sentinelPassword !== undefined && { sentinelPassword }),
    ...(tls && { tls: {}, sentinelTLS: {}, enableTLSForSentinelMode: true }),
    // A sentinel that hangs is skipped, like one that is unavailable.
    sentinelCommandTimeout: CONNECT_TIMEOUT_MS,
    sentinelRetryStrategy: retryStrategy,
  };
}

function openCluster(
  { nodes, tls, login }: ClusterPlace,
  redis: (typeof RETRY_FOREVER | typeof FAIL_FAST) & RenewedOption,
  cluster: Pick<ClusterOptions, 'enableOfflineQueue' | 'maxRedirections' | 'clusterRetryStrategy'>,
): Cluster {
  const client = new Cluster([...nodes], {
    redisOptions: { ...redis, ...login, ...(tls && { tls: {} }) },
    clusterRetryStrategy: retryStrategy,
    retryDelayOnFailover: CLUSTER_RETRY_DELAY_MS,
    retryDelayOnClusterDown: CLUSTER_RETRY_DELAY_MS,
    slotsRefreshTimeout: CONNECT_TIMEOUT_MS,
    // Names are not resolved here, because certificates are issued for names; Node resolves them when it connects.
    dnsLookup: (hostname, callback) => callback(null, hostname),
    ...cluster,
  });
  return fixClusterEnd(client);
}

/** The oldest Redis whose commands BullMQ can use. */
const MIN_REDIS_VERSION = 5;

/** The assessment of a server: the reason why it cannot hold the queue, or the risks for queued jobs. */
export interface ServerAssessment {
  readonly fault?: string;
  readonly risks: readonly Risk[];
}

/**
 * Assesses a server by its INFO. An eviction policy drops queued jobs without an error when memory is short. None is
 * lost, because they are restored from the database, but that costs time again and again, and managed services may
 * allow no other setting: so it is a risk and not a fault. Losing everything at a restart is not a risk, because it
 * happens only once.
 */
export function assessServer(info: string): ServerAssessment {
  const fields = new Map(
    info.split(/\r?\n/).flatMap((line) => {
      const colon = line.indexOf(':');
      return colon > 0 ? [[line.slice(0, colon), line.slice(colon + 1)] as const] : [];
    }),
  );
  const version = fields.get('redis_version') ?? '0';
  if (Number.parseInt(version, 10) < MIN_REDIS_VERSION)
    return {
      fault: `Redis has version ${version}; the queue needs ${MIN_REDIS_VERSION} or newer.`,
      risks: [],
    };
  const risks: Risk[] = [];
  const policy = fields.get('maxmemory_policy');
  if (policy !== undefined && policy !== 'noeviction') {
    risks.push({
      code: 'QUEUE_EVICTS',
      detail: `Redis may drop queued jobs when its memory is full: its maxmemory-policy is ${policy} and should be noeviction.`,
    });
  }
  return { risks };
}
