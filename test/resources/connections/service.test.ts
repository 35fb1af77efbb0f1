import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { it } from 'node:test';
import type { ConnectionChange, ConnectionRequest } from '../../../src/contract/connection.ts';
import type { ErrorCode } from '../../../src/errors/error-kinds.ts';
import { Outbound } from '../../../src/net/outbound.ts';
import { ConnectionService, MAX_CONNECTIONS } from '../../../src/resources/connections/service.ts';
import { ConnectionStore } from '../../../src/resources/connections/store.ts';
import { SecretsCheck } from '../../../src/resources/secrets/secrets-check.ts';
import { TenantService } from '../../../src/resources/tenants/service.ts';
import { decryptCredentials } from '../../../src/transfer/credentials.ts';
import { SecretBox } from '../../../src/transfer/secret-box.ts';
import { onEachDialect } from '../../database/dialects.ts';

const credentials = { access_key_id: 'KEYID', secret_access_key: 'hush-hush' };
const MODELS = {
  kind: 's3' as const,
  name: 'models',
  prefixes: ['s3://models/in', 's3://models/out'],
  credentials,
} satisfies ConnectionRequest;
const HUB = {
  kind: 'hub' as const,
  name: 'hub',
  prefixes: ['hf://team'],
  credentials: { token: 'hf_hush' },
} satisfies ConnectionRequest;
const SERVER = {
  kind: 'url' as const,
  name: 'server',
  prefixes: ['https://models.example.com/a'],
  credentials: { headers: { Authorization: 'Bearer hush' } },
} satisfies ConnectionRequest;
const LENT = {
  kind: 's3' as const,
  name: 'role',
  prefixes: ['s3://models'],
  ambient: true,
} satisfies ConnectionRequest;

onEachDialect('a connection', (database) => {
  const box = new SecretBox(randomBytes(32));
  const outbound = new Outbound({ allowedHosts: [] });
  const store = (tenant = 'default') => new ConnectionStore(database(), tenant);
  const service = (tenant?: string, own: SecretBox | undefined = box) =>
    new ConnectionService(store(tenant), { outbound, box: own });
  const refused = (done: Promise<unknown>, code: ErrorCode, words = /./) =>
    assert.rejects(done, (error: { code: string; message: string }) => {
      assert.equal(error.code, code, error.message);
      assert.match(error.message, words);
      assert.doesNotMatch(JSON.stringify(error), /hush/);
      return true;
    });

  it('is stored with its credentials encrypted, and shown without them', async () => {
    const made = await service().create(MODELS, false);
    const { id, created_at, updated_at, ...shown } = made;
    assert.match(id, /^conn_[0-9a-f]{32}$/);
    assert.equal(created_at, updated_at);
    assert.deepEqual(shown, {
      ...{
        kind: 's3',
        name: 'models',
        description: '',
        prefixes: MODELS.prefixes,
        region: null,
        endpoint: null,
      },
      ...{ path_style: null, ambient: false, has_credentials: true, allowed_hosts: [] },
    });
    assert.deepEqual(await service().get('models'), made);
    const row = await database().reader.selectFrom('connection').selectAll().executeTakeFirstOrThrow();
    assert.doesNotMatch(JSON.stringify(row), /hush|KEYID/);
    const [access] = await store().accesses();
    assert.deepEqual(decryptCredentials(access!.credentials!, box), credentials);
  });

  it('has a unique name in its tenant, even if several are created at once', async () => {
    const made = await Promise.allSettled(Array.from({ length: 5 }, () => service().create(MODELS, false)));
    const codes = made.flatMap((one) => (one.status === 'rejected' ? [one.reason.code] : []));
    assert.deepEqual(codes, Array(4).fill('CONNECTION_EXISTS'));
    await new TenantService(database()).put('other', {});
    await service('other').create(MODELS, false);
    await service('other').remove('models', false);
    await service().get('models');
    await refused(service('other').get('models'), 'CONNECTION_NOT_FOUND', /"models"/);
    await refused(service('other').change('models', { description: 'x' }, true), 'CONNECTION_NOT_FOUND');
    await refused(service('other').remove('models', true), 'CONNECTION_NOT_FOUND');
  });

  it('is listed page by page, with those of one kind or of all', async () => {
    for (const request of [MODELS, HUB, SERVER]) await service().create(request, false);
    const first = await service().page(undefined, { limit: 2 });
    const second = await service().page(undefined, { limit: 2, after: first.next! });
    const names = [...first.items, ...second.items].map(({ name }) => name);
    assert.deepEqual([names, second.next], [['server', 'hub', 'models'], null]);
    assert.deepEqual(
      (await service().page('hub', { limit: 2 })).items.map(({ name }) => name),
      ['hub'],
    );
  });

  it('is refused if it could never be used', async () => {
    const cases: [ConnectionRequest, ErrorCode, RegExp][] = [
      [
        { ...MODELS, credentials: undefined } as never,
        'VALIDATION_FAILED',
        /needs "credentials", or "ambient"/,
      ],
      [{ ...LENT, credentials }, 'VALIDATION_FAILED', /cannot be used together/],
      [{ ...MODELS, prefixes: ['hf://team'] }, 'VALIDATION_FAILED', /"hf:\/\/team" must begin with s3/],
      [{ ...MODELS, prefixes: ['s3://models', 's3://models/../x'] }, 'VALIDATION_FAILED', /leads elsewhere/],
      [{ ...HUB, prefixes: ['hf://team/repo@main'] }, 'VALIDATION_FAILED', /names a revision/],
      [{ ...HUB, credentials: { headers: { a: 'b' } } } as never, 'VALIDATION_FAILED', /have "token"/],
      [{ ...SERVER, prefixes: ['https://10.0.0.1/a'] }, 'OUTBOUND_FORBIDDEN', /10\.0\.0\.1/],
      [{ ...SERVER, prefixes: ['http://models.example.com/a'] }, 'OUTBOUND_FORBIDDEN', /only https/],
      [{ ...SERVER, prefixes: ['https://models.example.com/?a=hush'] }, 'VALIDATION_FAILED', /query/],
      [{ ...SERVER, credentials: { headers: { Host: 'x' } } }, 'VALIDATION_FAILED', /"Host"/],
      [{ ...MODELS, endpoint: 'http://169.254.169.254' }, 'OUTBOUND_FORBIDDEN', /169\.254/],
      [{ ...MODELS, allowed_hosts: ['a:b:c'] }, 'VALIDATION_FAILED', /neither a host nor host:port/],
    ];
    for (const [request, code, words] of cases) await refused(service().create(request, true), code, words);
    const none = service('default', null as never);
    await refused(none.create(MODELS, true), 'SECRETS_UNAVAILABLE', /SECRETS_KEYS/);
    assert.deepEqual(await store().accesses(), []);
    // Without a secret no key is needed.
    await none.create(LENT, true);
  });

  it('that lends the service’s own credentials requires an administrator', async () => {
    const inside = {
      ...MODELS,
      name: 'inside',
      endpoint: 'http://minio.internal:9000',
      allowed_hosts: ['minio.internal'],
    };
    for (const request of [LENT, inside]) {
      await refused(service().create(request, false), 'SCOPE_MISSING', /scope "admin"/);
      const { name } = await service().create(request, true);
      for (const change of [{ prefixes: ['s3://models/in'] }, { description: 'x' }, { credentials }])
        await refused(service().change(name, change, false), 'SCOPE_MISSING');
      await refused(service().remove(name, false), 'SCOPE_MISSING');
    }
    await service().create(MODELS, false);
    for (const change of [{ ambient: true }, { allowed_hosts: ['minio.internal'] }])
      await refused(service().change('models', change, false), 'SCOPE_MISSING');
    const own = await service().change('role', { credentials }, true);
    assert.deepEqual([own.ambient, own.has_credentials], [false, true]);
    const lent = await service().change('role', { ambient: true }, true);
    assert.deepEqual([lent.ambient, lent.has_credentials], [true, false]);
    await service().remove('role', true);
    await refused(service().get('role'), 'CONNECTION_NOT_FOUND');
  });

  it('can be narrowed by a caller who may write, but gets a new address only with its credentials', async () => {
    await service().create(MODELS, false);
    await service().create(SERVER, false);
    const elsewhere: [string, ConnectionChange][] = [
      ['models', { prefixes: ['s3://models/in', 's3://models'] }],
      ['models', { endpoint: 'https://minio.example.com' }],
      ['server', { prefixes: ['https://evil.example.com/a'] }],
      ['server', { prefixes: ['https://models.example.com'] }],
    ];
    for (const [name, change] of elsewhere)
      await refused(
        service().change(name, change, true),
        'CONNECTION_CREDENTIALS',
        /Include the credentials/,
      );
    const narrow = await service().change('models', { prefixes: ['s3://models/in/x'] }, false);
    assert.deepEqual([narrow.prefixes, narrow.has_credentials], [['s3://models/in/x'], true]);
    const wide = await service().change('models', { prefixes: ['s3://other'], credentials }, false);
    assert.deepEqual(wide.prefixes, ['s3://other']);
    await refused(
      service().change('models', { credentials: { token: 'hf_hush' } }, true),
      'VALIDATION_FAILED',
    );
    await refused(
      service().change('models', { prefixes: ['https://a.example.com'], credentials }, true),
      'VALIDATION_FAILED',
    );
    assert.deepEqual((await service().get('models')).prefixes, ['s3://other']);
  });

  it('that is changed by several callers at once has all changes', async () => {
    const { updated_at: _then, ...made } = await service().create(MODELS, false);
    const changes = [
      { description: 'new' },
      { prefixes: ['s3://models/in'] },
      { region: 'eu-west-1' },
      { path_style: true },
    ];
    await Promise.all(changes.map((change) => service().change('models', change, false)));
    const { updated_at: _now, ...changed } = await service().get('models');
    assert.deepEqual(changed, { ...made, ...Object.assign({}, ...changes) });
  });

  it('is limited in number', async () => {
    await database().write(async (writer) => {
      const { id: _own, ...row } = {
        ...{
          id: '',
          tenant: 'default',
          kind: 'url' as const,
          credentials: null,
          created_at: 1,
          updated_at: 1,
        },
        settings: JSON.stringify({ prefixes: ['https://a.example.com'] }),
      };
      const rows = Array.from({ length: MAX_CONNECTIONS - 1 }, (_, i) => ({
        ...row,
        id: `conn_${i}`,
        name: `c-${i}`,
      }));
      await writer.insertInto('connection').values(rows).execute();
    });
    await service().create(MODELS, false);
    await refused(service().create(HUB, false), 'QUOTA_CONNECTIONS', /200 connections/);
  });

  it('has credentials that this process can open, or the service is not ready', async () => {
    const checkOf = (key: SecretBox | undefined) => new SecretsCheck({ database: database(), box: key });
    await service().create({ ...SERVER, credentials: undefined } as never, false);
    await checkOf(undefined).check();
    await service().create(MODELS, false);
    await checkOf(box).check();
    for (const key of [undefined, new SecretBox(randomBytes(32))])
      await refused(checkOf(key).check(), 'SECRETS_UNAVAILABLE');
  });
});
