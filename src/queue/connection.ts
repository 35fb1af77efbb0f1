import { Redis, type RedisOptions } from 'ioredis';

/** Where Redis is: our own server's socket, or a URL. */
export type RedisAddress = { readonly socketPath: string } | { readonly url: string };

/** Longest pause between two tries to connect: recovery after an outage should not wait for more. */
const MAX_RECONNECT_DELAY_MS = 1_000;
const CONNECT_TIMEOUT_MS = 2_000;
/** A producer that waits longer than this for an answer gives up: a client waits for it. */
export const COMMAND_TIMEOUT_MS = 800;

const retryStrategy = (times: number): number =>
  Math.min(50 * 2 ** Math.min(times, 10), MAX_RECONNECT_DELAY_MS);

/** For those who wait for work: keeps trying for ever. BullMQ takes a `url` beside the options of ioredis. */
export function patientOptions(address: RedisAddress) {
  const where = 'url' in address ? { url: address.url } : { path: address.socketPath };
  return { ...where, maxRetriesPerRequest: null, connectTimeout: CONNECT_TIMEOUT_MS, retryStrategy };
}

/** For those whom a client waits for: a command fails rather than wait for the connection to come back. */
export function impatientClient(address: RedisAddress): Redis {
  const options = {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    commandTimeout: COMMAND_TIMEOUT_MS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    retryStrategy,
  } satisfies RedisOptions;
  return 'url' in address
    ? new Redis(address.url, options)
    : new Redis({ ...options, path: address.socketPath });
}

/**
 * What makes a server unfit to hold a queue, one sentence each, from its INFO. An eviction policy drops queued jobs
 * without an error when memory is short; without an append-only file a restart forgets them all.
 */
export function unfitness(info: string): string[] {
  const fields = new Map(
    info.split(/\r?\n/).flatMap((line) => {
      const colon = line.indexOf(':');
      return colon > 0 ? [[line.slice(0, colon), line.slice(colon + 1)] as const] : [];
    }),
  );
  const reasons: string[] = [];
  const version = fields.get('redis_version') ?? '0';
  if (Number.parseInt(version, 10) < 5) reasons.push(`its version is ${version}, at least 5 is needed`);
  const policy = fields.get('maxmemory_policy');
  if (policy !== undefined && policy !== 'noeviction') {
    reasons.push(`its maxmemory-policy is ${policy}, it must be noeviction`);
  }
  if (fields.get('aof_enabled') === '0') reasons.push('its append-only file is off, it needs appendonly yes');
  return reasons;
}
