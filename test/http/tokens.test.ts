import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { NewKey } from '../../src/contract/key.ts';
import fc from '../fast-check.ts';
import { sweeperOf } from './adapter-routes.ts';
import { encoded, IdentityProvider } from './identity-provider.ts';
import { problemIn } from './server.ts';
import { ADMIN_KEY, startTokenServer, type TokenServer } from './token-server.ts';

const nowSeconds = () => Math.floor(Date.now() / 1000);

describe('tokens of an identity provider', () => {
  let provider: IdentityProvider;
  let served: TokenServer;
  before(async () => {
    provider = await IdentityProvider.start();
    provider.addKey('rsa');
    provider.addKey('ec', 'ES256');
    provider.addKey('ed', 'EdDSA');
    served = await startTokenServer(provider);
  });
  after(async () => {
    await served.close();
    await provider.close();
  });

  it('permit what their claims say, in addition to keys', async () => {
    for (const kid of ['rsa', 'ec', 'ed'])
      assert.equal(await served.status(provider.token({}, {}, kid)), 200, kid);
    assert.equal(await served.status(provider.token({ aud: ['other', 'lora-squeeze'] })), 200);
    assert.equal(await served.status(provider.token({ scope: ['read'] })), 200, 'scopes may be a list');
    assert.equal(await served.status(provider.token({}, { kid: undefined }, 'ec')), 200, 'one key fits');
    assert.equal(await served.status(ADMIN_KEY), 200);
    const { key } = await served.server.keys.create({
      tenant: 'team',
      name: '',
      scopes: ['read'],
      expiresAt: null,
    });
    assert.equal(await served.status(key), 200);
  });

  it('are tried with each suitable key if they name none', async () => {
    provider.addKey('rsa-2');
    const other = await startTokenServer(provider);
    try {
      for (const kid of ['rsa', 'rsa-2'])
        assert.equal(await other.status(provider.token({}, { kid: undefined }, kid)), 200, kid);
      const body = provider.token({}, { kid: undefined }).split('.').slice(0, 2).join('.');
      const wrong = `${body}.${provider.signature('another text', 'rsa')}`;
      await problemIn(await other.ask(wrong), 401, 'TOKEN_INVALID');
    } finally {
      provider.keys.delete('rsa-2');
      await other.close();
    }
  });

  it('appear in the audit log with their subject, whatever its characters', async () => {
    const subjects = ['system:serviceaccount:ns:name', 'line\nbreak', 'x'.repeat(5000), 'Zoë'];
    served.audited.length = 0;
    for (const sub of subjects)
      await (
        await served.ask(provider.token({ sub }), '/v1/adapters/ad_0123456789abcdef0123456789abcdef', {
          method: 'DELETE',
        })
      ).arrayBuffer();
    const [readable, ...others] = served.audited.map(({ keyId, tenant }) => {
      assert.equal(tenant, 'team');
      return keyId!;
    });
    assert.equal(readable, 'jwt:system:serviceaccount:ns:name');
    assert.equal(new Set(others).size, 3);
    for (const keyId of others) assert.match(keyId, /^jwt:sha256:[0-9a-f]{32}$/);
  });

  it('are valid for their time, allowing for differences between clocks', async () => {
    const now = nowSeconds();
    assert.equal(await served.status(provider.token({ exp: now - 30 })), 200);
    assert.equal(await served.status(provider.token({ nbf: now + 30 })), 200);
    for (const [changes, reason] of [
      [{ exp: now - 90 }, /has expired/],
      [{ nbf: now + 120 }, /not valid yet/],
    ] as const) {
      const { detail } = await problemIn(await served.ask(provider.token(changes)), 401, 'TOKEN_INVALID');
      assert.match(detail, reason);
    }
  });

  it('are refused with the reason', async () => {
    const good = provider.token();
    const [header, claims, signature] = good.split('.') as [string, string, string];
    const { publicKey } = provider.keys.get('rsa')!;
    const unsigned = (head: object) => `${encoded(head)}.${claims}.`;
    const cases: [what: string, token: string, reason: RegExp][] = [
      ['another issuer', provider.token({ iss: 'https://evil.example' }), /claim "iss" is not/],
      ['an issuer with a slash', provider.token({ iss: `${provider.issuer}/` }), /claim "iss"/],
      ['another audience', provider.token({ aud: 'other' }), /claim "aud" is not/],
      ['other audiences', provider.token({ aud: ['a', 'b'] }), /claim "aud" is not/],
      ...['iss', 'aud', 'exp', 'sub'].map((claim): [string, string, RegExp] => [
        `no ${claim}`,
        provider.token({ [claim]: undefined }),
        new RegExp(`no claim "${claim}"`),
      ]),
      ['a subject that is a number', provider.token({ sub: 7 }), /"sub" is not a string/],
      ['an end that is a text', provider.token({ exp: 'never' }), /claim "exp"/],
      ['no algorithm', unsigned({ alg: 'none', typ: 'JWT' }), /algorithm is not one of RS256, ES256, EdDSA/],
      ['no algorithm, in capitals', unsigned({ alg: 'NONE', kid: 'rsa' }), /algorithm/],
      [
        'a secret that is public',
        provider.hmacToken(publicKey.export({ type: 'spki', format: 'pem' })),
        /algorithm/,
      ],
      [
        'a secret that is public, as JWK',
        provider.hmacToken(JSON.stringify(publicKey.export({ format: 'jwk' }))),
        /algorithm/,
      ],
      ['an algorithm that was not chosen', provider.token({}, { alg: 'RS512' }), /algorithm/],
      [
        'an algorithm of another kind of key',
        provider.token({}, { alg: 'ES256' }),
        /none of the keys|signature/,
      ],
      ['no signature', `${header}.${claims}.`, /signature|read/],
      [
        'another signature',
        `${header}.${claims}.${provider.signature('other', 'rsa')}`,
        /signature is wrong/,
      ],
      [
        'other claims',
        `${header}.${encoded(provider.claims({ tenant: 'other' }))}.${signature}`,
        /signature is wrong/,
      ],
      ['an unknown key', provider.token({}, { kid: 'unknown' }), /none of the keys/],
      ['an odd key', provider.token({}, { kid: '"\n\u0000../../keys\u{1F511}' }), /none of the keys/],
      ['a key of another kind', provider.token({}, { kid: 7 }), /none of the keys|read/],
      ['the name of a property', provider.token({}, { kid: '__proto__' }), /none of the keys/],
      ['a header that must be understood', provider.token({}, { crit: ['exp'] }), /read/],
      ['claims that are not encoded', provider.token({}, { crit: ['b64'], b64: false }), /read|signature/],
      [
        'a list for claims',
        `${header}.${encoded([1])}.${provider.signature(`${header}.${encoded([1])}`, 'rsa')}`,
        /read/,
      ],
      ['wrong base64', `${header}.${claims}.+/=!`, /read|signature/],
      ['a header that is not JSON', `bm90IGpzb24.${claims}.${signature}`, /read/],
      [
        'a deep header',
        `${Buffer.from('['.repeat(4000)).toString('base64url')}.${claims}.${signature}`,
        /read/,
      ],
      ['dots', 'a.b.c', /read/],
      ['a large token', `${header}.${'e'.repeat(12_000)}.${signature}`, /read|signature/],
    ];
    const asked = provider.asked.length;
    for (const [what, token, reason] of cases) {
      const response = await served.ask(token);
      assert.equal(
        response.headers.get('www-authenticate'),
        'Bearer realm="lora-squeeze", error="invalid_token"',
        what,
      );
      const { detail } = await problemIn(response, 401, 'TOKEN_INVALID');
      assert.match(detail, reason, what);
    }
    assert.ok(
      provider.asked.length <= asked + 2,
      'unknown keys do not have the provider asked again and again',
    );
    const { detail } = await problemIn(await served.ask('one.two'), 401, 'KEY_INVALID');
    assert.match(detail, /key is unknown/);
  });

  it('cannot bring keys of their own', async () => {
    const strangers = await IdentityProvider.start();
    strangers.addKey('rsa');
    try {
      const [jwk] = (strangers.keySet() as { keys: object[] }).keys;
      const jku = `${strangers.issuer}/keys`;
      for (const header of [{ jku }, { jwk }, { jku, jwk, kid: undefined }, { x5u: jku }]) {
        const token = strangers.token({ iss: provider.issuer }, header);
        await problemIn(await served.ask(token), 401, 'TOKEN_INVALID');
      }
      assert.deepEqual(strangers.asked, []);
    } finally {
      await strangers.close();
    }
  });

  it('apply to an existing tenant, and to the scopes that they name', async () => {
    for (const tenant of ['nowhere', 'Team', '', 7, null, undefined, ['team'], '../team', 'team\u0000']) {
      const problem = await problemIn(
        await served.ask(provider.token({ tenant })),
        403,
        'TOKEN_TENANT_UNKNOWN',
      );
      assert.deepEqual(problem.context, { claim: 'tenant' });
    }
    await served.server.workspaces.tenants.put('late', {});
    const late = provider.token({ tenant: 'late' });
    assert.equal(await served.status(late), 200, 'made a moment ago');
    await served.server.workspaces.tenants.delete('late');
    await sweeperOf(served.server).sweep(Date.now() + 60_000);
    served.server.workspaces.limits.forget('late');
    await problemIn(await served.ask(late), 404, 'TENANT_NOT_FOUND');
    for (const scope of ['', 'openid', 'READ', 7, undefined, [7, null], { read: true }])
      await problemIn(await served.ask(provider.token({ scope })), 403, 'SCOPE_MISSING');
    assert.equal(
      await served.status(provider.token({ scope: 'admin' }), '/v1/tenants'),
      403,
      'never by default',
    );
    const headers = { 'content-type': 'application/json' };
    const made = await served.ask(provider.token({ scope: 'tenant_admin' }), '/v1/keys', {
      ...{ method: 'POST', headers, body: '{}' },
    });
    assert.equal(made.status, 201);
    assert.equal(((await made.json()) as NewKey).tenant, 'team');
  });

  it('are read as configured', async () => {
    const other = await startTokenServer(provider, {
      settings: {
        ...{
          tenantClaim: '/kubernetes.io/namespace',
          scopeClaim: '/realm~1access/roles',
          scopePrefix: 'squeeze:',
        },
        ...{ defaultScopes: ['read'], mayAdminister: true, requiredClaims: [['/kubernetes.io/pod~0', 'p']] },
        jwksUrl: `${provider.issuer}/keys`,
      },
    });
    const kubernetes = { 'kubernetes.io': { namespace: 'team', 'pod~': 'p' } };
    const roles = (...names: string[]) => ({ ...kubernetes, 'realm/access': { roles: names } });
    try {
      provider.asked.length = 0;
      assert.equal(await other.status(provider.token(kubernetes)), 200, 'the default scopes');
      assert.deepEqual(provider.asked, ['/keys'], 'nothing had to be discovered');
      assert.equal(await other.status(provider.token(roles('squeeze:read'))), 200);
      assert.equal(await other.status(provider.token(roles('read'))), 403, 'without the prefix');
      assert.equal(await other.status(provider.token(roles('squeeze:admin')), '/v1/tenants'), 200);
      const stranger = { 'kubernetes.io': { namespace: 'team', 'pod~': 'q' } };
      const { detail } = await problemIn(await other.ask(provider.token(stranger)), 401, 'TOKEN_INVALID');
      assert.match(detail, /"\/kubernetes\.io\/pod~0" does not have the value/);
      assert.equal(await other.status(provider.token({ 'kubernetes.io': null })), 401);
    } finally {
      await other.close();
    }
  });

  it('that fail too often are answered with 429, like keys, while valid ones are still admitted', async () => {
    const strict = await startTokenServer(provider, { failedKeysPerMinute: 3 });
    try {
      for (let tries = 0; tries < 3; tries++)
        await problemIn(await strict.ask(provider.token({ aud: `other-${tries}` })), 401, 'TOKEN_INVALID');
      const refused = await strict.ask(provider.token({ aud: 'other' }));
      assert.ok(Number(refused.headers.get('retry-after')) > 0);
      await problemIn(refused, 429, 'RATE_LIMITED');
      assert.equal(await strict.status(provider.token()), 200);
    } finally {
      await strict.close();
    }
  });

  it('that were changed in any way permit nothing, and cause no internal error', async () => {
    const good = provider.token();
    const bytesOf = (token: string) =>
      token.split('.').map((part) => Buffer.from(part, 'base64url').toString('hex'));
    const anyLetter = fc.constantFrom(...'AZaz09-_.+/=!"{%~');
    const change = fc.tuple(fc.nat(good.length - 1), fc.nat(3), fc.string({ unit: anyLetter, maxLength: 6 }));
    const changed = fc
      .array(change, { minLength: 1, maxLength: 3 })
      .map((changes) =>
        changes.reduce((text, [at, cut, put]) => text.slice(0, at) + put + text.slice(at + cut), good),
      );
    const anyHeader = fc
      .json()
      .map((text) => `${Buffer.from(text).toString('base64url')}.${good.split('.')[1]}.AA`);
    await fc.assert(
      fc.asyncProperty(fc.oneof(changed, anyHeader), async (token) => {
        const status = await served.status(token);
        if (status === 200) assert.deepEqual(bytesOf(token), bytesOf(good), token);
        else assert.equal(status, 401, token);
      }),
      { numRuns: 300 },
    );
  });
});
