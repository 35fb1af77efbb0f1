import { readFileSync } from 'node:fs';
import { type TOptional, type TString, Type } from 'typebox';
import { ConfigError } from '../errors/config-error.ts';

const FILE = '_FILE';

/** A secret, and the variable that can name a file with it instead. */
function secret<Name extends string>(
  name: Name,
  options: Readonly<Record<'pattern' | 'title' | 'description', string>>,
) {
  const file = { minLength: 1, title: 'the path of a file', description: `File that holds \`${name}\`.` };
  return {
    [name]: Type.Optional(Type.String(options)),
    [name + FILE]: Type.Optional(Type.String(file)),
  } as Record<Name | `${Name}_FILE`, TOptional<TString>>;
}

const PASSWORD = { pattern: '^[!-~]+$', title: 'visible ASCII characters' };

/** Environment variables that contain secrets; they are a part of the whole table. */
export const SECRET_VARIABLES = {
  ...secret('ADMIN_KEY', {
    pattern: '^[!-~]{24,512}$',
    title: '24 to 512 characters without spaces',
    description: 'A key with every scope, to set up a deployment (`POST /v1/keys`). Its tenant is `default`.',
  }),
  ...secret('REDIS_URL', {
    pattern: '^rediss?(\\+(sentinel|cluster))?://.+',
    title: 'a redis://, rediss://, redis+sentinel:// or redis+cluster:// URL',
    description:
      'Redis or Valkey server, `redis://` or `rediss://` (TLS); for Sentinel or a Cluster ' +
      'see [Redis](redis.md). Unset: a private server is started under ' +
      '`DATA_DIR` (role `all` only). An external server should have `maxmemory-policy noeviction`; with another policy ' +
      'the service works but is `degraded`. It does no harm if the server loses its data in a restart.',
  }),
  ...secret('REDIS_PASSWORD', {
    ...PASSWORD,
    description: 'Password for a `REDIS_URL` without one.',
  }),
  ...secret('DATABASE_URL', {
    pattern: '^postgres(ql)?://.+',
    title: 'a postgres:// URL',
    description:
      'PostgreSQL database for all records, the same for all processes: ' +
      '`postgres://user:password@host:port/database`; `?sslmode=verify-full&sslrootcert=/path` for TLS. Unset: an ' +
      'SQLite file in `DATA_DIR` (role `all` only). See [database](database.md).',
  }),
  ...secret('DATABASE_PASSWORD', {
    ...PASSWORD,
    description: 'Password for a `DATABASE_URL` without one.',
  }),
  ...secret('SECRETS_KEYS', {
    // The last base64 digit of 32 bytes encodes only four of their bits.
    pattern: '^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=( *, *[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=){0,7}$',
    title: 'up to 8 keys of 32 bytes in base64, separated by commas',
    description:
      'Keys for the secrets of webhooks, connections and jobs in the database: the first one encrypts, all of them decrypt. Each is ' +
      '32 bytes in base64 (`openssl rand -base64 32`); all processes need the same keys. Unset: role `all` without `REDIS_URL` creates one ' +
      'under `DATA_DIR`; otherwise the service refuses webhooks and jobs with credentials. See [the key for ' +
      'secrets](secrets.md).',
  }),
  ...secret('HF_TOKEN', {
    pattern: '^[!-~]+$',
    title: 'an access token of the Hub',
    description:
      'Token for [connections](connections.md) to the Hub that an administrator made `ambient`; used for ' +
      'nothing else.',
  }),
  ...secret('AWS_ACCESS_KEY_ID', {
    ...PASSWORD,
    description: 'Access key for `s3:`, as the AWS SDK reads it.',
  }),
  ...secret('AWS_SECRET_ACCESS_KEY', { ...PASSWORD, description: 'The secret of that access key.' }),
  ...secret('AWS_SESSION_TOKEN', {
    ...PASSWORD,
    description: 'Session token of a temporary access key.',
  }),
};

type Variable = keyof typeof SECRET_VARIABLES;
export type SecretName = Exclude<Variable, `${string}_FILE`>;

export const SECRET_NAMES = Object.keys(SECRET_VARIABLES).filter(
  (name) => !name.endsWith(FILE),
) as SecretName[];

/** The paths of the secrets that were given as files. */
export type SecretFiles = Readonly<Partial<Record<SecretName, string>>>;

/**
 * The environment, completed by the secrets from the files that it names. Secrets for the AWS SDK are also set in the
 * given environment.
 * @throws ConfigError naming a variable that is set together with its file, a file without a secret, or a secret copied
 * from an example
 */
export function withSecretFiles(env: NodeJS.ProcessEnv): { env: NodeJS.ProcessEnv; files: SecretFiles } {
  if (env.SECRETS_KEY)
    throw new ConfigError(
      'SECRETS_KEY is now called SECRETS_KEYS: it may have several keys, separated by commas.',
    );
  const read: Record<string, string> = {};
  const files: Partial<Record<SecretName, string>> = {};
  for (const name of SECRET_NAMES) {
    const path = env[name + FILE];
    if (!path) continue;
    if (env[name])
      throw new ConfigError(`${name} and ${name}${FILE} are both set; the secret must be in one of them.`);
    read[name] = secretIn(name, path);
    files[name] = path;
  }
  for (const name of SECRET_NAMES) refuseExample(name, read[name] ?? env[name]);
  // The AWS SDK reads the environment itself, also in child processes.
  for (const name of SECRET_NAMES.filter((one) => one.startsWith('AWS_') && files[one])) {
    env[name] = read[name];
    delete env[name + FILE];
  }
  return { env: { ...env, ...read }, files };
}

const EXAMPLE = /(?<![a-z])change[-_]?me(?![a-z])/i;

/** @throws ConfigError for a secret copied from an example of this repository, which is public */
export function refuseExample(name: SecretName, value = ''): void {
  const keys = name === 'SECRETS_KEYS' ? value.split(',') : [];
  const texts = [value, ...keys.map((key) => Buffer.from(key, 'base64').toString('latin1'))];
  if (texts.some((text) => EXAMPLE.test(text)))
    throw new ConfigError(`${name} has a secret from an example, which is public; set a secret of your own.`);
}

/** @throws ConfigError if the file cannot be read or is empty */
export function secretIn(name: SecretName, path: string): string {
  const wrong = (why: string) =>
    new ConfigError(
      `${name}${FILE} is "${path}", ${why}; it must be a file that contains the value of ${name}.`,
    );
  let text: string;
  try {
    text = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw wrong(`which cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  if (text === '') throw wrong('which is empty');
  return text;
}

/** Whether a variable may have this value. */
export const isSecret = (name: SecretName, text: string): boolean =>
  new RegExp((SECRET_VARIABLES[name] as { pattern?: string }).pattern!).test(text);

/**
 * The secrets that the service reads itself, and their files. Child processes that get their secrets in another way must
 * not inherit them. The AWS SDK reads its own variables.
 */
export const OWN_SECRET_VARIABLES = Object.keys(SECRET_VARIABLES).filter((name) => !name.startsWith('AWS_'));

const AUTHORITY = /^([a-z+]+:\/\/)(?:([^@/?#]*)@)?/;

/** A URL with the login of another one. Only the login may change while a process runs, not the host. */
export function urlWithLoginOf(url: string, other: string): string {
  const [start = '', scheme = ''] = AUTHORITY.exec(url) ?? [];
  const login = AUTHORITY.exec(other)?.[2];
  return `${scheme}${login === undefined ? '' : `${login}@`}${url.slice(start.length)}`;
}

/** A URL whose password is replaced by a separately given one. */
export function urlWithPassword(url: string, password: string | undefined): string {
  if (password === undefined) return url;
  const [start = '', scheme = '', login = ''] = AUTHORITY.exec(url) ?? [];
  return `${scheme}${login.split(':')[0]}:${encodeURIComponent(password)}@${url.slice(start.length)}`;
}

/**
 * The URL that the environment names, with the password of its separate variable.
 * @throws ConfigError if there are two passwords, or a password without a URL
 */
export function urlFromEnvironment(
  name: 'REDIS_URL' | 'DATABASE_URL',
  values: Readonly<Partial<Record<SecretName, string | undefined>>>,
): string | undefined {
  const passwordName = passwordVariable(name);
  const [url, password] = [values[name], values[passwordName]];
  if (url === undefined && password !== undefined)
    throw new ConfigError(
      `${passwordName} is set, but ${name}, to which the password belongs, is not; set both or neither.`,
    );
  if (url === undefined || password === undefined) return url;
  const login = AUTHORITY.exec(url)?.[2] ?? '';
  if (/:./.test(login))
    throw new ConfigError(`${name} has a password and ${passwordName} is set; remove one of them.`);
  return urlWithPassword(url, password);
}

export const passwordVariable = (name: 'REDIS_URL' | 'DATABASE_URL') =>
  name === 'REDIS_URL' ? 'REDIS_PASSWORD' : 'DATABASE_PASSWORD';
