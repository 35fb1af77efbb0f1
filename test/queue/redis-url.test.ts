import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadConfig } from '../../src/app/config.ts';
import { ConfigError } from '../../src/errors/config-error.ts';
import { withoutCredentials } from '../../src/log.ts';
import { keyPrefix } from '../../src/queue/redis-connection.ts';
import { redisPlace } from '../../src/queue/redis-url.ts';

const refusal = (url: string): string => {
  try {
    redisPlace(url);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.message;
  }
  return assert.fail(`${url} was accepted`);
};

describe('a URL of one server', () => {
  it('is passed to the client unchanged', () => {
    for (const url of ['redis://host', 'rediss://user:p%40ss@host:6380/3?family=6']) {
      assert.deepEqual(redisPlace(url), { kind: 'single', url });
    }
  });
});

describe('a URL of sentinels', () => {
  it('names them, the master, its database and both logins', () => {
    assert.deepEqual(
      redisPlace('redis+sentinel://me:hunter2@a:1,b.example.com:2,[::1]:3/main/7?sentinel_password=s3'),
      {
        kind: 'sentinel',
        sentinels: [
          { host: 'a', port: 1 },
          { host: 'b.example.com', port: 2 },
          { host: '::1', port: 3 },
        ],
        name: 'main',
        db: 7,
        tls: false,
        login: { username: 'me', password: 'hunter2' },
        sentinelLogin: { password: 's3' },
      },
    );
  });

  it('requires a name and a host, no more', () => {
    assert.deepEqual(redisPlace('rediss+sentinel://a,b/main'), {
      kind: 'sentinel',
      sentinels: [
        { host: 'a', port: 26379 },
        { host: 'b', port: 26379 },
      ],
      name: 'main',
      db: 0,
      tls: true,
      login: {},
      sentinelLogin: {},
    });
  });

  it('may hold any password, percent-encoded', () => {
    const password = 'p@s/s?w#o:r,d%&=+ü';
    const encoded = encodeURIComponent(password);
    const place = redisPlace(
      `redis+sentinel://:${encoded}@a/main?sentinel_username=x&sentinel_password=${encoded}`,
    );
    assert.ok(place.kind === 'sentinel');
    assert.deepEqual([place.login, place.sentinelLogin], [{ password }, { username: 'x', password }]);
  });

  it('is refused with the reason if something is missing or superfluous', () => {
    const wrong = {
      'redis+sentinel://a,b': /name of the master is missing/,
      'redis+sentinel://a,b/': /name of the master is missing/,
      'redis+sentinel:///main': /not a URL of the required form/,
      'redis+sentinel://a,,b/main': /does not have the form host:port/,
      'redis+sentinel://a:0/main': /does not have the form host:port/,
      'redis+sentinel://a:65536/main': /does not have the form host:port/,
      'redis+sentinel://a b/main': /does not have the form host:port/,
      'redis+sentinel://a/main/x': /number of a database/,
      'redis+sentinel://a/main/0/1': /number of a database/,
      'redis+sentinel://a/main?password=x': /only options are sentinel_username and sentinel_password/,
      'redis+sentinel://hunter2@a/main': /":" before the "@"/,
      'redis+sentinel://:%zz@a/main': /"%"/,
    };
    for (const [url, reason] of Object.entries(wrong)) assert.match(refusal(url), reason, url);
  });
});

describe('a URL of a cluster', () => {
  it('names some nodes and a login', () => {
    assert.deepEqual(redisPlace('rediss+cluster://:hunter2@a:7000,b/'), {
      kind: 'cluster',
      nodes: [
        { host: 'a', port: 7000 },
        { host: 'b', port: 6379 },
      ],
      tls: true,
      login: { password: 'hunter2' },
    });
  });

  it('has no database and no options', () => {
    for (const url of ['redis+cluster://a/1', 'redis+cluster://a?db=1']) {
      assert.match(refusal(url), /one database.*redis\+cluster:\/\/user/);
    }
  });

  it('puts all keys into one slot, and leaves the keys of other servers unchanged', () => {
    assert.equal(keyPrefix({ url: 'redis+cluster://a,b' }, 'mine'), '{mine}');
    for (const address of [{ url: 'redis://a' }, { url: 'redis+sentinel://a/m' }, { socketPath: '/s' }]) {
      assert.equal(keyPrefix(address, 'mine'), 'mine');
    }
  });
});

describe('passwords in URLs of several hosts', () => {
  it('do not appear in the refusal of an invalid URL, wherever they are', () => {
    for (const url of [
      'redis+sentinel://:hunter2@a',
      'redis+sentinel://:hunt/er2@a:1,b:2/main',
      'redis+sentinel://:x?hunter2@a:1,b:2/main',
      'redis+sentinel://a/main?hunter2=x',
      'redis+cluster://hunter2@a',
    ]) {
      assert.doesNotMatch(refusal(url), /hunt|er2/);
    }
    assert.throws(
      () => loadConfig({ REDIS_URL: 'redis+sentinels://:hunter2@a/main' }),
      ({ message }: Error) => /redis\+sentinel:\/\/ or/.test(message) && !message.includes('hunter2'),
    );
  });

  it('do not appear in the log, while the hosts do', () => {
    const shown = {
      'redis+sentinel://me:hunter2@a:1,b:2/main/0?sentinel_password=hunter2':
        'redis+sentinel://***:***@a:1,b:2/main/0',
      'rediss+cluster://:hunter2@a:1,[::1]:2': 'rediss+cluster://:***@a:1,[::1]:2',
      'redis+cluster://a,b:7000': 'redis+cluster://a,b:7000',
      'redis+sentinel://:hunter2@a/main': 'redis+sentinel://:***@a/main',
    };
    for (const [url, expected] of Object.entries(shown)) assert.equal(withoutCredentials(url), expected);
  });

  it('do not appear in the log even if they are not encoded', () => {
    for (const secret of [
      'hun,ter2',
      'hun/ter2',
      'hun,x/ter2',
      '12,b/ter2',
      'hun@ter2',
      'hun?ter2',
      'hun#ter2',
    ]) {
      for (const form of [
        `redis+sentinel://:${secret}@a:1,b:2/main`,
        `redis+cluster://me:${secret}@a:1,b:2`,
      ]) {
        assert.doesNotMatch(withoutCredentials(form), /hun|ter2/, form);
      }
    }
  });
});
