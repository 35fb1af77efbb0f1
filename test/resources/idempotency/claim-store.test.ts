import assert from 'node:assert/strict';
import { it } from 'node:test';
import { type Claim, type Claimant, ClaimStore } from '../../../src/resources/idempotency/claim-store.ts';
import { ensureTenant } from '../../../src/resources/tenants/store.ts';
import { onEachDialect } from '../../database/dialects.ts';
import { until } from '../../queue/harness.ts';

const ONE = { route: 'r', payload: null };
const KNOWN = { route: 'r', payload: 'p' };
const ANSWER = { status: 202, headers: { location: '/v1/jobs/x' }, body: '{"id":"x\u0000"}' };
const LONG_MS = 60_000;

onEachDialect('the store of claims', (database) => {
  /** Each process has its own store. */
  const store = () => new ClaimStore(database());
  const by = (owner: string, change: Partial<Claimant> = {}): Claimant => ({
    tenant: 'default',
    key: 'key',
    owner,
    ...change,
  });
  const isOurs = async (claimant: Claimant) => (await store().claim(claimant, ONE, LONG_MS)).state === 'ours';

  it('gives a key to exactly one of many simultaneous callers', async () => {
    const claims = await Promise.all(
      Array.from({ length: 100 }, (_, index) => store().claim(by(`owner-${index}`), ONE, LONG_MS)),
    );
    assert.equal(claims.filter((claim) => claim.state === 'ours').length, 1);
    assert.equal(claims.filter((claim) => claim.state === 'in-flight').length, 99);
  });

  it('gives an expired key to exactly one of many', async () => {
    await store().claim(by('dead'), ONE, -1);
    const claims = await Promise.all(
      Array.from({ length: 20 }, (_, index) => store().claim(by(`owner-${index}`), ONE, LONG_MS)),
    );
    assert.equal(claims.filter((claim) => claim.state === 'ours').length, 1);
  });

  it('saves what the owner writes, and nothing from others', async () => {
    const claims = store();
    await claims.claim(by('first'), ONE, LONG_MS);
    assert.equal(await claims.hold(by('second'), { route: 'x', payload: 'x' }, LONG_MS), false);
    assert.equal(await claims.settle(by('second'), ONE, ANSWER, LONG_MS), false);
    await claims.release(by('second'));
    assert.equal(await claims.hold(by('first'), KNOWN, LONG_MS), true);
    const seen = await claims.claim(by('third'), ONE, LONG_MS);
    assert.deepEqual(seen, { state: 'in-flight', fingerprint: KNOWN } satisfies Claim);
    assert.equal(await claims.settle(by('first'), KNOWN, ANSWER, LONG_MS), true);
    assert.deepEqual(await claims.claim(by('third'), ONE, LONG_MS), {
      state: 'answered',
      fingerprint: KNOWN,
      answer: ANSWER,
    } satisfies Claim);
  });

  it('frees a key that is returned, and one whose owner is gone', async () => {
    assert.ok(await isOurs(by('first')));
    await store().release(by('first'));
    assert.equal((await store().claim(by('second'), ONE, 40)).state, 'ours');
    await until('the end of the lease', async () => (await isOurs(by('third'))) || undefined);
    // Too late, and without harm.
    assert.equal(await store().settle(by('second'), ONE, ANSWER, LONG_MS), false);
    assert.equal((await store().claim(by('fourth'), ONE, LONG_MS)).state, 'in-flight');
  });

  it('renews a key whose lease expired if no other caller took it', async () => {
    await store().claim(by('slow'), ONE, -1);
    assert.equal(await store().hold(by('slow'), KNOWN, LONG_MS), true);
    await store().release(by('slow'));
    assert.equal(await store().settle(by('slow'), KNOWN, ANSWER, LONG_MS), true);
    assert.equal((await store().claim(by('next'), ONE, LONG_MS)).state, 'answered');
  });

  it('returns a response until it expires, and removes it in a sweep', async () => {
    await database().write((writer) => ensureTenant(writer, 'other'));
    await store().settle(by('old'), KNOWN, ANSWER, -1);
    await store().settle(by('old', { tenant: 'other' }), KNOWN, ANSWER, -1);
    await store().settle(by('new', { key: 'another' }), KNOWN, ANSWER, LONG_MS);
    await store().claim(by('busy', { key: 'third' }), KNOWN, LONG_MS);
    assert.equal(await store().removeExpired(), 2);
    assert.equal(await store().removeExpired(), 0);
    assert.ok(await isOurs(by('next')));
    assert.equal((await store().claim(by('next', { key: 'another' }), ONE, 1)).state, 'answered');
    assert.equal((await store().claim(by('next', { key: 'third' }), ONE, 1)).state, 'in-flight');
  });

  it('has keys for each tenant', async () => {
    await database().write((writer) => ensureTenant(writer, 'other'));
    assert.ok(await isOurs(by('first')));
    assert.ok(await isOurs(by('second', { tenant: 'other' })));
  });
});
