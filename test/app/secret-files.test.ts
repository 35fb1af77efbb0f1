import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { computeEnvironment } from '../../src/app/compute-settings.ts';
import { Environment, loadConfig } from '../../src/app/config.ts';
import { LiveSecrets } from '../../src/app/live-secrets.ts';
import { SECRET_NAMES, urlWithLoginOf } from '../../src/app/secret-variables.ts';
import { ConfigError } from '../../src/errors/config-error.ts';

const ROOT = join(import.meta.dirname, '../..');
const KEY = 'a-key-of-an-administrator';
/** The files are checked once a second. */
const NEXT_LOOK_MS = 1_100;

describe('secrets in files', () => {
  let folder: string;
  let file: (text: string, name?: string) => string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'secret-files-'));
    file = (text, name = 'secret') => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function refused(env: NodeJS.ProcessEnv, message: string): void {
    assert.throws(
      () => loadConfig(env),
      (error) => error instanceof ConfigError && error.message === message,
      message,
    );
  }

  it('can be used for every variable that holds a secret; the line break at the end is removed', () => {
    const values: Record<string, string> = {
      ADMIN_KEY: KEY,
      SECRETS_KEYS: Buffer.alloc(32).toString('base64'),
      REDIS_URL: 'redis://redis',
      REDIS_PASSWORD: 'p/w',
      DATABASE_URL: 'postgres://squeeze@host/name',
      DATABASE_PASSWORD: 'd@w',
    };
    for (const name of SECRET_NAMES)
      for (const end of ['', '\n', '\r\n']) {
        const value = values[name] ?? 'secret';
        const { secrets } = loadConfig({
          ...(name === 'REDIS_PASSWORD' && { REDIS_URL: values.REDIS_URL }),
          ...(name === 'DATABASE_PASSWORD' && { DATABASE_URL: values.DATABASE_URL }),
          [`${name}_FILE`]: file(value + end),
        });
        assert.equal(secrets.values[name], value, name);
      }
    // Every variable that the documentation calls a secret, so that none is forgotten.
    const secretLike = Object.keys(Environment.properties).filter((name) =>
      /(?:^|_)(?:KEYS?|TOKEN|PASSWORD|SECRET)$/.test(name),
    );
    for (const name of secretLike) assert.ok(`${name}_FILE` in Environment.properties, name);
  });

  it('are refused if the variable itself is set as well, or if the file is missing', () => {
    refused(
      { ADMIN_KEY: KEY, ADMIN_KEY_FILE: file(KEY) },
      'ADMIN_KEY and ADMIN_KEY_FILE are both set; the secret must be in one of them.',
    );
    refused(
      { ADMIN_KEY_FILE: join(folder, 'none') },
      `ADMIN_KEY_FILE is "${folder}/none", which cannot be read (ENOENT); it must be a file that contains the value of ADMIN_KEY.`,
    );
    refused(
      { ADMIN_KEY_FILE: file('\n') },
      `ADMIN_KEY_FILE is "${folder}/secret", which is empty; it must be a file that contains the value of ADMIN_KEY.`,
    );
    refused(
      { ADMIN_KEY_FILE: file('short') },
      'ADMIN_KEY has a value that cannot be used (not shown: it may hold a password); it must be 24 to 512 characters ' +
        'without spaces.',
    );
  });

  it('are refused if they contain the secret of an example', () => {
    const examples = readFileSync(join(ROOT, 'deploy/kubernetes/base/secret.example.yaml'), 'utf8');
    const found = [...examples.matchAll(/^ {2}([A-Z_]+): (\S+)$/gm)].map(
      ([, name, value]) => [name!.replace(/^SECRETS_KEY$/, 'SECRETS_KEYS'), value!] as const,
    );
    const secrets = found.filter(([name]) => name.includes('KEY'));
    assert.ok(secrets.length > 0, examples);
    for (const [name, value] of [...secrets, ['REDIS_URL', 'redis://:Change_Me@redis'] as const])
      for (const env of [{ [name]: value }, { [`${name}_FILE`]: file(value) }])
        refused(env, `${name} has a secret from an example, which is public; set a secret of your own.`);
    refused(
      { SECRETS_KEY: Buffer.alloc(32).toString('base64') },
      'SECRETS_KEY is now called SECRETS_KEYS: it may have several keys, separated by commas.',
    );
  });

  it('supply the passwords of URLs that have none', () => {
    const { redisUrl, database } = loadConfig({
      REDIS_URL: 'redis+sentinel://a:1,b/main',
      REDIS_PASSWORD_FILE: file('p/w'),
      DATABASE_URL: 'postgres://squeeze@host:5432/name?sslmode=require',
      DATABASE_PASSWORD: 'd@w',
    });
    assert.equal(redisUrl, 'redis+sentinel://:p%2Fw@a:1,b/main');
    assert.equal(database.url, 'postgres://squeeze:d%40w@host:5432/name?sslmode=require');
    refused(
      { REDIS_URL: 'redis://:own@host', REDIS_PASSWORD: 'other' },
      'REDIS_URL has a password and REDIS_PASSWORD is set; remove one of them.',
    );
    refused(
      { DATABASE_PASSWORD: 'other' },
      'DATABASE_PASSWORD is set, but DATABASE_URL, to which the password belongs, is not; set both or neither.',
    );
  });

  it('reach the AWS SDK through the environment, and compute processes only if they need them', () => {
    const env: NodeJS.ProcessEnv = {
      AWS_SECRET_ACCESS_KEY_FILE: file('of-aws', 'aws'),
      HF_TOKEN_FILE: file('of-the-hub', 'hub'),
      ADMIN_KEY_FILE: file(KEY, 'admin'),
    };
    const config = loadConfig(env);
    assert.equal(env.AWS_SECRET_ACCESS_KEY, 'of-aws');
    assert.equal(env.AWS_SECRET_ACCESS_KEY_FILE, undefined);
    assert.equal(config.hubToken, 'of-the-hub');
    const theirs = computeEnvironment(config, env);
    assert.equal(theirs.AWS_SECRET_ACCESS_KEY, 'of-aws');
    assert.doesNotMatch(JSON.stringify(theirs), new RegExp(`${KEY}|ADMIN_KEY|${folder}/admin`));
  });

  it('that come from an example are recognised by whole words only', () => {
    const { database } = loadConfig({ DATABASE_URL: 'postgres://squeeze:own@exchangemedia.example.com/db' });
    assert.match(database.url!, /exchangemedia/);
  });

  it('change the login of a URL, but not its host', () => {
    const url = 'postgres://squeeze:first@primary/name?sslmode=require';
    const other = 'postgres://app:second@elsewhere:5433/other';
    assert.equal(urlWithLoginOf(url, other), 'postgres://app:second@primary/name?sslmode=require');
    assert.equal(urlWithLoginOf(url, 'postgres://h/n'), 'postgres://primary/name?sslmode=require');
  });

  it('are read again while the process runs, even through a link to another file; unusable content changes nothing', async () => {
    const reported: string[] = [];
    const link = join(folder, 'link');
    symlinkSync(file(`${KEY}-1`, 'one'), link);
    const { secrets } = loadConfig({ ADMIN_KEY_FILE: link });
    const live = new LiveSecrets({
      ...secrets,
      onChange: (name) => reported.push(`${name} changed`),
      onFailure: (name, reason) => reported.push(`${name}: ${reason}`),
    });
    assert.equal(live.get('ADMIN_KEY'), `${KEY}-1`);

    symlinkSync(file(`${KEY}-2\n`, 'two'), `${link}.new`);
    renameSync(`${link}.new`, link);
    await sleep(NEXT_LOOK_MS);
    assert.equal(live.get('ADMIN_KEY'), `${KEY}-2`);

    for (const text of ['short', 'change-me-to-something-that-nobody-guesses', '']) {
      file(text, 'two');
      await sleep(NEXT_LOOK_MS);
      assert.equal(live.get('ADMIN_KEY'), `${KEY}-2`);
    }
    rmSync(link);
    await sleep(NEXT_LOOK_MS);
    assert.equal(live.get('ADMIN_KEY'), `${KEY}-2`);
    await sleep(NEXT_LOOK_MS);
    assert.equal(live.get('ADMIN_KEY'), `${KEY}-2`);
    assert.deepEqual(
      reported.map((line) => line.replace(link, 'LINK')),
      [
        'ADMIN_KEY changed',
        'ADMIN_KEY: ADMIN_KEY_FILE is "LINK", whose new content is not a valid ADMIN_KEY; the previous one stays in ' +
          'use.',
        'ADMIN_KEY: ADMIN_KEY has a secret from an example, which is public; set a secret of your own.',
        'ADMIN_KEY: ADMIN_KEY_FILE is "LINK", which is empty; it must be a file that contains the value of ADMIN_KEY.',
        'ADMIN_KEY: ADMIN_KEY_FILE is "LINK", which cannot be read (ENOENT); it must be a file that contains the value ' +
          'of ADMIN_KEY.',
      ],
    );
  });
});
