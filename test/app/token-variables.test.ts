import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadConfig } from '../../src/app/config.ts';
import { issuerHosts } from '../../src/app/token-variables.ts';
import { ConfigError } from '../../src/errors/config-error.ts';

const NEEDED = { JWT_ISSUER: 'https://issuer.example/realms/x', JWT_AUDIENCE: 'lora-squeeze' };

describe('the configuration of tokens', () => {
  it('has the documented defaults, and requires keys', () => {
    const { tokens, auth, auditLog } = loadConfig(NEEDED);
    assert.deepEqual(tokens, {
      issuer: 'https://issuer.example/realms/x',
      audience: 'lora-squeeze',
      jwksUrl: undefined,
      algorithms: ['RS256', 'ES256', 'EdDSA'],
      tenantClaim: 'tenant',
      scopeClaim: 'scope',
      scopePrefix: '',
      defaultScopes: [],
      requiredClaims: [],
      mayAdminister: false,
      clockSkewSeconds: 60,
    });
    assert.deepEqual([auth, auditLog], ['keys', 'stdout']);
    assert.equal(loadConfig({}).tokens, undefined);
  });

  it('reads lists', () => {
    const { tokens } = loadConfig({
      ...NEEDED,
      JWT_ALGORITHMS: 'PS256, ES384',
      JWT_DEFAULT_SCOPES: 'read,write',
      JWT_REQUIRED_CLAIMS: 'repository_owner_id=123, ref=refs/heads/a=b',
    });
    assert.deepEqual(tokens!.algorithms, ['PS256', 'ES384']);
    assert.deepEqual(tokens!.defaultScopes, ['read', 'write']);
    assert.deepEqual(tokens!.requiredClaims, [
      ['repository_owner_id', '123'],
      ['ref', 'refs/heads/a=b'],
    ]);
  });

  it('is refused if it would admit strangers, or no caller at all', () => {
    const cases: [env: Record<string, string>, words: RegExp][] = [
      [{ JWT_ISSUER: 'https://issuer.example' }, /^JWT_AUDIENCE is not set; JWT_ISSUER needs it/],
      [{ JWT_AUDIENCE: 'x' }, /^JWT_AUDIENCE is set and JWT_ISSUER is not/],
      [{ JWT_REQUIRED_CLAIMS: 'a=b' }, /^JWT_REQUIRED_CLAIMS is set and JWT_ISSUER is not/],
      [{ ...NEEDED, AUTH: 'open' }, /^JWT_ISSUER is set and AUTH is "open"/],
      [{ ...NEEDED, JWT_ISSUER: 'http://issuer.example' }, /^JWT_ISSUER is "http:.*must begin with https:/],
      [{ ...NEEDED, JWT_ISSUER: 'issuer.example' }, /^JWT_ISSUER is "issuer\.example"/],
      [{ ...NEEDED, JWT_ISSUER: 'https://issuer.example?x' }, /^JWT_ISSUER is/],
      [{ ...NEEDED, JWT_JWKS_URL: 'http://10.0.0.1/keys' }, /^JWT_JWKS_URL is "http:.*https:/],
      ...['HS256', 'none', 'RS256,HS512', 'rs256'].map((list): [Record<string, string>, RegExp] => [
        { ...NEEDED, JWT_ALGORITHMS: list },
        /^JWT_ALGORITHMS contains "(HS256|none|HS512|rs256)"; the algorithms are RS256, /,
      ]),
      [{ ...NEEDED, JWT_DEFAULT_SCOPES: 'read,admin' }, /^JWT_DEFAULT_SCOPES is "read,admin"/],
      [{ ...NEEDED, JWT_REQUIRED_CLAIMS: 'owner' }, /^JWT_REQUIRED_CLAIMS is "owner"/],
      [{ ...NEEDED, JWT_CLOCK_SKEW_SECONDS: '301' }, /^JWT_CLOCK_SKEW_SECONDS is "301".*from 0 to 300/],
    ];
    for (const [env, words] of cases)
      assert.throws(
        () => loadConfig(env),
        (error) => error instanceof ConfigError && words.test(error.message),
        JSON.stringify(env),
      );
  });

  it('may name internal servers with their ports, and this machine without TLS', () => {
    const { tokens } = loadConfig({
      ...{ ...NEEDED, JWT_ISSUER: 'http://localhost:9000' },
      JWT_JWKS_URL: 'https://kubernetes.default.svc/openid/v1/jwks',
    });
    assert.deepEqual(issuerHosts(tokens!), ['localhost:9000', 'kubernetes.default.svc:443']);
  });
});
