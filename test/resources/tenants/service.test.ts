import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isTenantId } from '../../../src/contract/tenant-id.ts';
import { effectiveLimits, TenantLimits } from '../../../src/resources/tenants/limits.ts';
import { TenantService } from '../../../src/resources/tenants/service.ts';
import { ensureTenant } from '../../../src/resources/tenants/store.ts';
import { onEachDialect } from '../../database/dialects.ts';

describe('the id of a tenant', () => {
  it('is short, in lower case, and has no special meaning in a path', () => {
    for (const good of ['a', 'team-a', '0', `a${'b'.repeat(38)}c`, 'default'])
      assert.ok(isTenantId(good), good);
    for (const bad of ['', '-a', 'a-', 'A', 'a_b', 'a.b', '..', 'a/b', ' a', 'é', 'x'.repeat(41)])
      assert.ok(!isTenantId(bad), bad);
  });
});

onEachDialect('tenants', (database) => {
  const ensure = (id: string) => database().write((writer) => ensureTenant(writer, id));

  it('begin with the default tenant, which exists from the start', async () => {
    const tenants = new TenantService(database());
    const { items } = await tenants.page({ limit: 50 });
    const [first, ...others] = items;
    assert.deepEqual([first?.id, first?.quotas, others.length], ['default', {}, 0]);
    assert.deepEqual(await tenants.get('default'), first);
  });

  it('are created once, and keep their creation time when their quotas change', async () => {
    const tenants = new TenantService(database());
    await ensure('team');
    const made = await tenants.get('team');
    const changed = await tenants.put('team', {
      weight: 3,
      max_priority: 'low',
      quotas: { max_queued: 3, stored_bytes: null },
    });
    assert.deepEqual(changed, {
      ...made,
      weight: 3,
      max_priority: 'low',
      quotas: { max_queued: 3, stored_bytes: null },
    });
    await ensure('team');
    assert.deepEqual(await tenants.get('team'), changed, 'what is there is not made anew');
    assert.deepEqual(
      await tenants.put('team', {}),
      made,
      'a field that is left out goes back to its default',
    );
    assert.deepEqual(
      (await tenants.page({ limit: 50 })).items.map(({ id }) => id),
      ['default', 'team'],
    );
  });

  it('are not found by other ids, whatever they look like', async () => {
    const tenants = new TenantService(database());
    for (const id of ['none', '', '../default', 'A', 'x'.repeat(500)])
      await assert.rejects(tenants.get(id), { code: 'TENANT_NOT_FOUND' });
  });

  it('may include a default one with quotas', async () => {
    const tenants = new TenantService(database());
    await tenants.put('default', { quotas: { requests_per_minute: 5 } });
    assert.deepEqual(
      (await tenants.page({ limit: 50 })).items.map(({ id, quotas }) => [id, quotas]),
      [['default', { requests_per_minute: 5 }]],
    );
  });
});

onEachDialect('cached limits', (database) => {
  it('are read once, until they change', async () => {
    const tenants = new TenantService(database());
    let lookups = 0;
    const limits = new TenantLimits({
      get: (id: string) => {
        lookups++;
        return tenants.get(id);
      },
    });
    assert.equal(limits.cachedLimits('team'), undefined);
    await tenants.put('team', { quotas: { max_queued: 1 } });
    for (let times = 0; times < 5; times++) assert.equal((await limits.of('team')).max_queued, 1);
    assert.equal(limits.cachedLimits('team')?.max_queued, 1);
    assert.equal(lookups, 1);
    await tenants.put('team', { quotas: { max_queued: 2 } });
    limits.forget('team');
    assert.equal((await limits.of('team')).max_queued, 2);
    await assert.rejects(limits.of('none'), { code: 'TENANT_NOT_FOUND' });
  });
});

describe('limits', () => {
  const defaults = {
    ...{ stored_bytes: 10, max_queued: 20, max_running: 30, requests_per_minute: null },
    ...{ weight: 50, max_priority: 'normal' as const },
  };

  it('are those of the tenant, or else the defaults of the service', () => {
    assert.deepEqual(effectiveLimits({}, defaults), defaults);
    assert.deepEqual(
      effectiveLimits(
        { weight: 1, max_priority: 'high', quotas: { max_queued: null, max_running: 0 } },
        defaults,
      ),
      { ...defaults, weight: 1, max_priority: 'high', max_queued: null, max_running: 0 },
    );
  });
});
