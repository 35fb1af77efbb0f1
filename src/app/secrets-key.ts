import { randomBytes, randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SecretBox } from '../transfer/secret-box.ts';
import type { Config } from './config.ts';
import type { LiveSecrets } from './live-secrets.ts';

const SECRETS_KEY_BYTES = 32;
const FILE = 'secrets.key';
const ONLY_THE_OWNER = 0o600;

/** A service that runs alone creates its own key; if several share jobs, the operator must set one. */
export async function withSecretsKey(config: Config): Promise<Config> {
  const { values, files } = config.secrets;
  if (values.SECRETS_KEYS || config.role !== 'all' || config.redisUrl !== undefined) return config;
  const own = Buffer.from(await ownSecretsKey(config.dataDir)).toString('base64');
  return { ...config, secrets: { files, values: { ...values, SECRETS_KEYS: own } } };
}

/**
 * The key of a service that runs alone and was given none. It is created once and kept in the data folder.
 * @returns 32 bytes
 * @throws Error of the file system; RangeError if the file does not contain a key
 */
export async function ownSecretsKey(dataDir: string): Promise<Uint8Array> {
  const path = join(dataDir, FILE);
  await mkdir(dataDir, { recursive: true });
  // Written completely before it gets its name, and never replaced, because what the old key encrypted could not be
  // decrypted any more. The first name is random, because containers that share the folder may share a process id too.
  const fresh = `${path}.${randomUUID()}`;
  await writeFile(fresh, randomBytes(SECRETS_KEY_BYTES).toString('base64'), { mode: ONLY_THE_OWNER });
  try {
    await link(fresh, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(fresh, { force: true });
  }
  const key = parseSecretsKey((await readFile(path, 'utf8')).trim());
  if (!key)
    throw new RangeError(`${FILE} in the data folder does not hold a key of ${SECRETS_KEY_BYTES} bytes`);
  return key;
}

/** The box with the current keys of the process; undefined if it was given none. */
export function createSecretBox(secrets: LiveSecrets): SecretBox | undefined {
  if (secrets.get('SECRETS_KEYS') === undefined) return undefined;
  let [text, keys] = ['', [] as readonly Uint8Array[]];
  return new SecretBox(() => {
    const now = secrets.get('SECRETS_KEYS')!;
    if (now !== text) [text, keys] = [now, now.split(/ *, */).map((key) => Buffer.from(key, 'base64'))];
    return keys;
  });
}

/** The bytes of a key in base64; undefined if it is not a key. */
export function parseSecretsKey(base64: string): Uint8Array | undefined {
  const bytes = Buffer.from(base64, 'base64');
  return bytes.length === SECRETS_KEY_BYTES && bytes.toString('base64') === base64 ? bytes : undefined;
}
