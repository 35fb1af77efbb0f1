import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, it } from 'node:test';
import { succeededResults } from '../../src/charts/succeeded-targets.ts';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import type { JobRecord } from '../../src/contract/job.ts';
import { adapterForm, problemOf } from '../e2e/client.ts';
import { type RawResponse, rawRequest } from '../http/raw-request.ts';
import { tinyAdapter } from '../http/tiny-adapter.ts';
import type { AttackTarget } from './attack-target.ts';
import { CALL_ATTACKS, filesOf } from './corpus.ts';
import { Tenant } from './tenant.ts';

const ROOT = join(import.meta.dirname, '../..');

/** Sends every call of the list. */
export function hostileCalls(attacked: AttackTarget, adminKey: string): void {
  let tenant: Tenant;
  let other: Tenant;
  let adapter: AdapterRecord;

  before(async () => {
    const administrator = new Tenant(attacked.url, adminKey);
    [tenant, other] = [await administrator.newTenant('one'), await administrator.newTenant('two')];
    adapter = await tenant.upload(tinyAdapter(1));
  });

  const job = (extra: object) =>
    JSON.stringify({ kind: 'squeeze', adapter_id: adapter.id, targets: [{ rank: 1 }], ...extra });
  const target = (value: object) => () => tenant.post('/v1/jobs', job({ targets: [value] }));
  const options = (value: unknown) => () => tenant.post('/v1/jobs', job({ options: value }));
  /** Sends a path unchanged; fetch would normalise it. */
  const path = (text: string) => async () =>
    asResponse(
      await rawRequest(
        attacked.port,
        `GET ${text} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${tenant.key}\r\nConnection: close\r\n\r\n`,
      ),
    );
  const withAuthorization = (make: () => string | undefined) => () => {
    const authorization = make();
    return fetch(
      `${attacked.url}/v1/jobs`,
      authorization === undefined ? {} : { headers: { authorization } },
    );
  };
  const keyed = (key: string, body = job({ reuse: false })) =>
    tenant.post('/v1/jobs', body, { 'idempotency-key': key });

  const calls: Readonly<Record<string, () => Promise<Response>>> = {
    o01: target({ rank: 0 }),
    o02: target({ rank: -1 }),
    o03: target({ rank: 1.5 }),
    o08: target({ energy: 1.1 }),
    o09: target({ energy: 0 }),
    o11: options({ oversampling: -1 }),
    o12: options({ power_iterations: 1_000_000 }),
    o13: options({ seed: 'x' }),
    o15: target({ rank: 1, dtype: 'float128' }),
    o18: options('x'),
    o19: () => tenant.post('/v1/jobs', job({ options: 0 }).replace(':0', ':{"__proto__":{"rank":8}}')),
    o21: () => tenant.post('/v1/jobs', '{bad'),
    p01: path('/v1/jobs/../../etc/passwd'),
    p02: path('/v1/jobs/%2e%2e%2f%2e%2e%2fetc%2fpasswd'),
    p03: path('/v1/jobs/%252e%252e%252f'),
    p04: path('/v1/jobs/%00'),
    p07: path('/v1/jobs/a:b'),
    async p09() {
      const response = await fetch(`${attacked.url}/livez`, { method: 'DELETE' });
      assert.match(response.headers.get('allow') ?? '', /\bGET\b/);
      return response;
    },
    async p10() {
      const { id } = (await (await tenant.post('/v1/jobs', job({}))).json()) as JobRecord;
      const results = succeededResults(await tenant.finished(id));
      assert.equal((await tenant.fetch(`/v1/adapters/${results[0]!.adapter_id}`)).status, 200);
      assert.equal((await other.fetch(`/v1/jobs/${id}`)).status, 404);
      return other.fetch(`/v1/adapters/${results[0]!.adapter_id}`);
    },
    async p12() {
      const { id: adapter_id } = await tenant.upload(filesOf({ file: 'lora/l13_nan_all_B.safetensors' }));
      const { id } = (await (await tenant.post('/v1/jobs', job({ adapter_id }))).json()) as JobRecord;
      assert.equal((await tenant.finished(id)).state, 'failed');
      return tenant.fetch(`/v1/jobs/${id}/report`);
    },
    p14: () =>
      tenant.fetch(`/v1/adapters/${adapter.id}/files/adapter_model.safetensors`, {
        headers: { range: 'bytes=99999999999-' },
      }),
    p17: () => tenant.fetch('/v1/jobs?cursor=garbage'),
    async p19() {
      const { id } = await tenant.upload(tinyAdapter(19));
      const remove = () => tenant.fetch(`/v1/adapters/${id}`, { method: 'DELETE' });
      assert.equal((await remove()).status, 204);
      return remove();
    },
    u01: withAuthorization(() => undefined),
    u02: withAuthorization(() => 'Bearer'),
    u03: withAuthorization(() => 'Basic eDp4'),
    u04: withAuthorization(() => 'Bearer wrong'),
    u05: withAuthorization(() => `Bearer ${tenant.key}x`),
    u07: withAuthorization(() => `Bearer ${tenant.key}, Bearer ${other.key}`),
    async u09() {
      const administrator = new Tenant(attacked.url, adminKey);
      const { key } = await administrator.newTenant('revoked');
      const { data: keys } = (await (await administrator.fetch('/v1/keys?tenant=revoked')).json()) as {
        data: { id: string }[];
      };
      const removed = await administrator.fetch(`/v1/keys/${keys[0]!.id}`, { method: 'DELETE' });
      assert.equal(removed.status, 204);
      return fetch(`${attacked.url}/v1/jobs`, { headers: { authorization: `Bearer ${key}` } });
    },
    async u14() {
      const limited = await new Tenant(attacked.url, adminKey).newTenant('limited', {
        requests_per_minute: 1,
      });
      await limited.fetch('/v1/jobs');
      return limited.fetch('/v1/jobs', { headers: { 'x-forwarded-for': '1.2.3.4' } });
    },
    async i01() {
      const first = await keyed('i01');
      const again = await keyed('i01');
      assert.deepEqual([again.status, await again.json()], [first.status, await first.json()]);
      return keyed('i01');
    },
    async i02() {
      await keyed('i02');
      return keyed('i02', job({ reuse: false, targets: [{ rank: 2 }] }));
    },
    async i05() {
      const all = await Promise.all(Array.from({ length: 100 }, () => keyed('i05')));
      const jobs = all.filter(({ status }) => status === 202);
      assert.ok(all.every(({ status }) => status === 202 || status === 409));
      const ids = await Promise.all(jobs.map(async (response) => ((await response.json()) as JobRecord).id));
      assert.equal(new Set(ids).size, 1);
      return keyed('i05');
    },
    async i06() {
      await problemOf(await keyed(''));
      return keyed('x'.repeat(256));
    },
  };

  for (const { id, what, status, code, provenIn } of CALL_ATTACKS) {
    if (provenIn !== undefined) {
      const [file, title] = provenIn;
      it(`${id}: ${what}, as ${file} shows`, () => {
        assert.ok(!(id in calls));
        assert.ok(readFileSync(join(ROOT, file), 'utf8').includes(title), `${file} has no "${title}"`);
      });
      continue;
    }
    it(`${id}: ${what}`, async () => {
      const response = await calls[id]!();
      assert.equal(response.status, status, await response.clone().text());
      if (code) assert.equal((await problemOf(response)).code, code);
      assert.equal((await tenant.fetch(`/v1/adapters/${adapter.id}`)).status, 200);
    });
  }

  it('has a call for every case', () => {
    assert.deepEqual(
      CALL_ATTACKS.filter(({ provenIn }) => provenIn === undefined).map(({ id }) => id),
      Object.keys(calls),
    );
  });

  it('harms nothing: valid calls still succeed', async () => {
    const response = await tenant.fetch('/v1/adapters', {
      method: 'POST',
      body: adapterForm(tinyAdapter(99)),
    });
    assert.equal(response.status, 201, await response.text());
  });
}

const asResponse = ({ status, headers, body }: RawResponse): Response =>
  new Response(body, { status, headers: [...headers] });
