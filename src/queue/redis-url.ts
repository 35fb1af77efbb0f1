import { ConfigError } from '../errors/config-error.ts';

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

export interface Login {
  readonly username?: string;
  readonly password?: string;
}

/** A single server; ioredis reads the URL itself. */
export interface SinglePlace {
  readonly kind: 'single';
  readonly url: string;
}

/** A master that sentinels know by its name. */
export interface SentinelPlace {
  readonly kind: 'sentinel';
  readonly sentinels: readonly HostPort[];
  readonly name: string;
  readonly db: number;
  readonly tls: boolean;
  /** The login for the master and its replicas. */
  readonly login: Login;
  /** The login for the sentinels themselves. */
  readonly sentinelLogin: Login;
}

export interface ClusterPlace {
  readonly kind: 'cluster';
  /** The nodes that are asked first; the cluster names the others. */
  readonly nodes: readonly HostPort[];
  readonly tls: boolean;
  readonly login: Login;
}

export type RedisPlace = SinglePlace | SentinelPlace | ClusterPlace;

const DEFAULT_PORT = { sentinel: 26379, cluster: 6379 } as const;

const LIST_URL =
  /^redis(s?)\+(sentinel|cluster):\/\/(?:([^@/?#]*)@)?([^@/?#]+)(?:\/([^?#]*))?(?:\?([^#]*))?$/;
const HOST = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?$/;

const FORMS = {
  sentinel: 'redis+sentinel://user:password@host:26379,host:26379/master-name/0',
  cluster: 'redis+cluster://user:password@host:6379,host:6379',
} as const;

/**
 * What REDIS_URL names. The forms with lists of hosts are those of redis-py's ecosystem:
 * `redis+sentinel://[user:password@]host[:port][,…]/master-name[/db][?sentinel_username=…&sentinel_password=…]` and
 * `redis+cluster://[user:password@]host[:port][,…]`; with `rediss+` every connection uses TLS, those to sentinels
 * included. Reserved characters in names and passwords are percent-encoded.
 * @throws ConfigError with the reason, but without the value, which may hold a password
 */
export function redisPlace(url: string): RedisPlace {
  if (/^rediss?:/.test(url)) return { kind: 'single', url };
  const parts = LIST_URL.exec(url);
  if (!parts)
    throw unusable(
      url.includes('+cluster:') ? 'cluster' : 'sentinel',
      'it is not a URL of the required form',
    );
  const [, s, kind, userinfo, hosts, path = '', query = ''] = parts as unknown as UrlParts;
  const refuse = (why: string): ConfigError => unusable(kind, why);
  try {
    const shared = { tls: s === 's', login: loginOf(userinfo, refuse) };
    const places = hosts.split(',').map((host) => hostPort(host, DEFAULT_PORT[kind], refuse));
    if (kind === 'cluster') {
      if (path !== '' || query !== '') throw refuse('a cluster has one database and accepts no options here');
      return { kind, nodes: places, ...shared };
    }
    const [name = '', db = '0', ...more] = path.split('/');
    if (name === '') throw refuse('the name of the master is missing');
    if (!/^\d{1,4}$/.test(db) || more.length > 0)
      throw refuse('after the name of the master, only the number of a database is allowed');
    const sentinelLogin = sentinelLoginOf(query, refuse);
    return {
      kind,
      sentinels: places,
      name: decodeURIComponent(name),
      db: Number(db),
      ...shared,
      sentinelLogin,
    };
  } catch (error) {
    if (error instanceof URIError)
      throw refuse('it has a "%" that is not followed by two hexadecimal digits');
    throw error;
  }
}

type UrlParts = [string, string, 'sentinel' | 'cluster', string | undefined, string, string?, string?];
type Refuse = (why: string) => ConfigError;

function loginOf(userinfo: string | undefined, refuse: Refuse): Login {
  if (userinfo === undefined) return {};
  const colon = userinfo.indexOf(':');
  if (colon < 0)
    throw refuse('there is no ":" before the "@", where user:password is expected; the user may be empty');
  return login(decodeURIComponent(userinfo.slice(0, colon)), decodeURIComponent(userinfo.slice(colon + 1)));
}

function sentinelLoginOf(query: string, refuse: Refuse): Login {
  const options = new Map(
    query.split('&').flatMap((option) => {
      const [name = '', ...value] = option.split('=');
      return option === '' ? [] : [[name, decodeURIComponent(value.join('='))] as const];
    }),
  );
  for (const name of options.keys()) {
    if (name !== 'sentinel_username' && name !== 'sentinel_password')
      throw refuse('its only options are sentinel_username and sentinel_password');
  }
  return login(options.get('sentinel_username') ?? '', options.get('sentinel_password') ?? '');
}

const login = (username: string, password: string): Login => ({
  ...(username !== '' && { username }),
  ...(password !== '' && { password }),
});

function hostPort(text: string, defaultPort: number, refuse: Refuse): HostPort {
  const [, ipv6, name, port] = HOST.exec(text) ?? [];
  const host = ipv6 ?? name;
  const number = port === undefined ? defaultPort : Number(port);
  if (host === undefined || number < 1 || number > 65_535)
    throw refuse('one of its hosts does not have the form host:port');
  return { host, port: number };
}

const unusable = (kind: keyof typeof FORMS, why: string): ConfigError =>
  new ConfigError(
    `REDIS_URL has a value that cannot be used (not shown: it may hold a password): ${why}. The ` +
      `form is ${FORMS[kind]}; for TLS, it begins with rediss+${kind} instead.`,
  );
