import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { makeCertificate, opensslIsMissing } from '../queue/certificate.ts';
import { until, withFolder } from '../queue/harness.ts';
import { IdentityProvider } from './identity-provider.ts';
import { problemIn } from './server.ts';
import { startTokenServer, type TokenServer } from './token-server.ts';

describe('the keys of an identity provider', () => {
  let provider: IdentityProvider;
  const open: TokenServer[] = [];
  beforeEach(async () => {
    provider = await IdentityProvider.start();
    provider.addKey('first');
  });
  afterEach(async () => {
    for (const served of open.splice(0)) await served.close();
    await provider.close();
  });

  const start = async (
    ...options: Parameters<typeof startTokenServer> extends [unknown, ...infer R] ? R : never
  ) => {
    const served = await startTokenServer(provider, ...options);
    open.push(served);
    return served;
  };
  const goAway = () => {
    provider.answer = (request) => request.socket.destroy();
  };
  let tokens = 0;
  /** A key that is not cached. */
  const fresh = (kid?: string) => provider.token({ jti: String(tokens++) }, {}, kid);

  it('are read once for all simultaneous callers, and cached', async () => {
    const served = await start();
    const answers = await Promise.all(Array.from({ length: 20 }, () => served.status(fresh())));
    assert.deepEqual(new Set(answers), new Set([200]));
    assert.deepEqual(provider.asked, ['/.well-known/openid-configuration', '/keys']);
    assert.equal(await served.status(fresh()), 200);
    assert.equal(provider.asked.length, 2);
  });

  it('may change: a new one is fetched, an old one is no longer accepted', async () => {
    const served = await start({ times: { cooldownMs: 0 } });
    const old = fresh();
    assert.equal(await served.status(fresh()), 200);
    provider.addKey('second', 'ES256');
    const next = fresh('second');
    provider.keys.delete('first');
    assert.equal(await served.status(next), 200);
    await problemIn(await served.ask(old), 401, 'TOKEN_INVALID');
  });

  it('are not fetched again and again for unknown keys', async () => {
    const served = await start();
    assert.equal(await served.status(fresh()), 200);
    const asked = provider.asked.length;
    const unknown = Array.from({ length: 30 }, (_, i) => provider.token({}, { kid: `unknown-${i}` }));
    for (const status of await Promise.all(unknown.map((token) => served.status(token))))
      assert.equal(status, 401);
    assert.equal(provider.asked.length, asked, 'they were read a moment ago');
  });

  it('are used further while the provider is away, and fetched again later', async () => {
    const served = await start({ times: { freshMs: 0, cooldownMs: 0, failedCooldownMs: 0 } });
    assert.equal(await served.status(fresh()), 200);
    goAway();
    for (let times = 0; times < 3; times++) assert.equal(await served.status(fresh()), 200);
    await until('the news', async () => (served.troubles.length > 0 ? true : undefined));
    provider.addKey('second');
    const refused = await served.ask(fresh('second'));
    assert.equal(refused.headers.get('retry-after'), '5');
    const { detail, retryable } = await problemIn(refused, 503, 'IDENTITY_PROVIDER_UNAVAILABLE');
    assert.ok(retryable && !detail.includes(provider.host), detail);
    provider.answer = undefined;
    assert.equal(await served.status(fresh('second')), 200);
  });

  it('are not used if they are too old', async () => {
    const served = await start({ times: { freshMs: 0, mostAgeMs: 0, failedCooldownMs: 0 } });
    provider.answer = undefined;
    assert.equal(await served.status(fresh()), 200);
    goAway();
    await problemIn(await served.ask(fresh()), 503, 'IDENTITY_PROVIDER_UNAVAILABLE');
  });

  it('are not fetched again at once after a failure', async () => {
    const served = await start();
    goAway();
    for (let times = 0; times < 5; times++)
      await problemIn(await served.ask(fresh()), 503, 'IDENTITY_PROVIDER_UNAVAILABLE');
    assert.equal(provider.asked.length, 1);
    const { key } = await served.server.keys.create({
      tenant: 'team',
      name: '',
      scopes: ['read'],
      expiresAt: null,
    });
    assert.equal(await served.status(key), 200, 'keys of the service go on');
  });

  it('are refused if the response is not a key set', async () => {
    const served = await start({ times: { failedCooldownMs: 0, timeoutMs: 300 } });
    const json = (value: unknown) => (reply: ServerResponse) => reply.end(JSON.stringify(value));
    const { issuer } = provider;
    const discovered = (more: object) => json({ issuer, jwks_uri: `${issuer}/keys`, ...more });
    const wrong: [answer: (reply: ServerResponse, path: string) => void, trouble: RegExp][] = [
      [(reply) => reply.writeHead(500).end('no'), /answered with status 500/],
      [(reply) => reply.writeHead(302, { location: '/elsewhere' }).end(), /answered with status 302/],
      [(reply) => reply.end('<html>'), /JsonError/],
      [json([]), /JSON object/],
      [() => undefined, /longer than 300 ms/],
      [(reply) => reply.write('{'), /longer than 300 ms/],
      [(reply) => reply.end(Buffer.alloc(600_000, ' ')), /more than 524288 bytes/],
      [discovered({ issuer: 'https://evil.example' }), /an issuer other than/],
      [discovered({ jwks_uri: 'http://evil.example/keys' }), /https:/],
      [discovered({ jwks_uri: 'file:///etc/passwd' }), /https:/],
      [discovered({ jwks_uri: 'https://10.0.0.1/keys' }), /does not connect/],
      [(reply, path) => (path === '/keys' ? json({ keys: 7 }) : discovered({}))(reply), /no list of keys/],
      [
        (reply, path) => (path === '/keys' ? json({ keys: Array(101).fill({}) }) : discovered({}))(reply),
        /101 keys/,
      ],
    ];
    for (const [answer, trouble] of wrong) {
      provider.answer = (request, reply) => answer(reply, request.url!);
      await problemIn(await served.ask(fresh()), 503, 'IDENTITY_PROVIDER_UNAVAILABLE');
      assert.match(served.troubles.pop() ?? '', trouble);
    }
    provider.answer = undefined;
    assert.equal(await served.status(fresh()), 200);
  });

  it('are ignored if they are weak, secret, for encryption, or not keys', async () => {
    const served = await start();
    const [good] = (provider.keySet() as { keys: Record<string, unknown>[] }).keys;
    const set = {
      keys: [
        ...[null, 7, {}, [], { kty: 'oct', k: 'c2VjcmV0', kid: 'secret', alg: 'HS256' }],
        ...[
          { ...good, kid: 'weak', n: 'AQAB' },
          { ...good, kid: 'broken', n: 7 },
          { ...good, kid: 'enc', use: 'enc' },
        ],
        good,
      ],
    };
    provider.answer = ({ url }, reply) =>
      void reply.end(
        JSON.stringify(
          url === '/keys' ? set : { issuer: provider.issuer, jwks_uri: `${provider.issuer}/keys` },
        ),
      );
    for (const kid of ['secret', 'weak', 'broken', 'enc'])
      await problemIn(await served.ask(provider.token({}, { kid })), 401, 'TOKEN_INVALID');
    assert.equal(await served.status(fresh()), 200);
  });

  it('are read over TLS from a server with a trusted certificate', { skip: opensslIsMissing }, () =>
    withFolder(async (folder) => {
      const certificate = makeCertificate(folder);
      const secured = await IdentityProvider.start(certificate);
      secured.addKey('first');
      const trusting = await startTokenServer(secured, { ca: readFileSync(certificate.cert, 'utf8') });
      const doubting = await startTokenServer(secured);
      try {
        assert.equal(await trusting.status(secured.token()), 200);
        await problemIn(await doubting.ask(secured.token()), 503, 'IDENTITY_PROVIDER_UNAVAILABLE');
        assert.match(doubting.troubles[0]!, /certificate/);
      } finally {
        for (const one of [trusting, doubting]) await one.close();
        await secured.close();
      }
    }),
  );
});
