import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isTenantId } from '../../../src/contract/tenant-id.ts';
import { TenantQuotas, TenantService } from '../../../src/resources/tenants/service.ts';
import { ensureTenant } from '../../../src/resources/tenants/store.ts';
import { onEachDialect } from '../../database/dialects.ts';

describe('the id of a tenant', () => {
  it('is short, in lower case, and nothing that a path could mean', () => {
    for (const good of ['a', 'team-a', '0', `a${'b'.repeat(38)}c`, 'default'])
      assert.ok(isTenantId(good), good);
    for (const bad of ['', '-a', 'a-', 'A', 'a_b', 'a.b', '..', 'a/b', ' a', 'é', 'x'.repeat(41)])
      assert.ok(!isTenantId(bad), bad);
  });
});

onEachDialect('tenants', (database) => {
  const ensure = (id: string) => database().write((writer) => ensureTenant(writer, id));

  it('begin with the default one, which is there from the start', async () => {
    const tenants = new TenantService(database());
    const [first, ...others] = await tenants.list();
    assert.deepEqual([first?.id, first?.quotas, others.length], ['default', {}, 0]);
    assert.deepEqual(await tenants.get('default'), first);
  });

  it('are made once, and keep their time of birth when their quotas change', async () => {
    const tenants = new TenantService(database());
    await ensure('team');
    const made = await tenants.get('team');
    const changed = await tenants.put('team', { concurrent_jobs: 3 });
    assert.deepEqual(changed, { ...made, quotas: { concurrent_jobs: 3 } });
    await ensure('team');
    assert.deepEqual(await tenants.get('team'), changed, 'what is there is not made anew');
    assert.deepEqual((await tenants.put('team', {})).quotas, {});
    assert.deepEqual(
      (await tenants.list()).map(({ id }) => id),
      ['default', 'team'],
    );
  });

  it('of other ids are not there, whatever the id looks like', async () => {
    const tenants = new TenantService(database());
    for (const id of ['none', '', '../default', 'A', 'x'.repeat(500)])
      await assert.rejects(tenants.get(id), { code: 'TENANT_NOT_FOUND' });
  });

  it('may have a default one with quotas', async () => {
    const tenants = new TenantService(database());
    await tenants.put('default', { requests_per_minute: 5 });
    assert.deepEqual(
      (await tenants.list()).map(({ id, quotas }) => [id, quotas]),
      [['default', { requests_per_minute: 5 }]],
    );
  });
});

onEachDialect('remembered quotas', (database) => {
  it('are looked up once, until something changes', async () => {
    const tenants = new TenantService(database());
    let lookups = 0;
    const quotas = new TenantQuotas({
      get: (id) => {
        lookups++;
        return tenants.get(id);
      },
    });
    assert.equal(quotas.known('team'), undefined);
    await tenants.put('team', { concurrent_jobs: 1 });
    for (let times = 0; times < 5; times++) assert.deepEqual(await quotas.of('team'), { concurrent_jobs: 1 });
    assert.deepEqual(quotas.known('team'), { concurrent_jobs: 1 });
    assert.equal(lookups, 1);
    await tenants.put('team', { concurrent_jobs: 2 });
    quotas.forget('team');
    assert.deepEqual(await quotas.of('team'), { concurrent_jobs: 2 });
    await assert.rejects(quotas.of('none'), { code: 'TENANT_NOT_FOUND' });
  });
});
