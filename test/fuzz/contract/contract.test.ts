import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { SCOPES, type Scope } from '../../../src/contract/key.ts';
import type { Database } from '../../../src/database/database.ts';
import fc from '../../fast-check.ts';
import { startServer, type TestServer } from '../../http/server.ts';
import { runsOf } from '../runs.ts';
import { type Answered, checkedAnswer } from './check-answer.ts';
import { Contract, type Operation } from './contract.ts';
import { ExistingRecords } from './existing-records.ts';
import { jsonDefects, withDefect } from './json-defects.ts';
import { EXISTING_ID, EXPIRED_ID, malformations, malformed, withAdapters } from './malformation.ts';
import { type GeneratedRequest, initOf, requestsOf } from './requests.ts';

const ADMIN_KEY = 'administrator-of-this-test-42';
const CASES = 20;
const SPOILED_CASES = 20;
const ODD_CASES = 20;

const contract = await Contract.read();

const expire = async (database: Database, adapterId: string): Promise<void> => {
  await database.write((writer) =>
    writer.updateTable('adapter').set({ expires_at: 1 }).where('id', '=', adapterId).execute(),
  );
};

describe('the contract, with random requests', () => {
  let server: TestServer;
  let world: ExistingRecords;
  let sent = 0;

  before(async () => {
    server = await startServer(
      {},
      { auth: { mode: 'keys', adminKey: () => ADMIN_KEY, failedKeysPerMinute: 1e9 } },
    );
    world = new ExistingRecords(send, (id) => expire(server.database, id));
  });
  after(() => server.close());

  const send = (path: string, init: RequestInit = {}): Promise<Response> =>
    server.fetch(path, {
      ...init,
      headers: { authorization: `Bearer ${ADMIN_KEY}`, ...(init.headers as Record<string, string>) },
    });

  async function ask(
    operation: Operation,
    made: GeneratedRequest,
    init = initOf(operation, made),
  ): Promise<Answered> {
    const here = await world.pathOf(operation.path);
    const expired = await world.expired();
    const there = operation.path
      .split('/')
      .map((part, index) => (part.startsWith('{') ? here.split('/')[index] : part));
    let next = 0;
    const path = there
      .map((part, index) => {
        if (!operation.path.split('/')[index]!.startsWith('{')) return part;
        const other = made.path[next++];
        if (other === EXPIRED_ID) return expired;
        return other === null || other === undefined ? part : encodeURIComponent(other);
      })
      .join('/');
    const query =
      made.query.length > 0
        ? `?${new URLSearchParams(made.query.map(([key, value]): [string, string] => [key, value]))}`
        : '';
    sent++;
    return checkedAnswer(contract, operation, await send(path + query, init));
  }

  for (const operation of contract.operations) {
    it(`${operation.name}: ${operation.method} ${operation.path}`, async (t) => {
      const json = operation.bodies['application/json'];
      await fc.assert(
        fc.asyncProperty(requestsOf(contract, operation, false), async (made) => {
          const { status } = await ask(operation, made);
          const isJson = json !== undefined && made.body !== undefined;
          const fault = isJson ? contract.faultOf(json.schema, made.body) : undefined;
          // A request that the schema refuses must be refused.
          if (fault !== undefined)
            assert.ok(status >= 400, `${status} though ${fault}: ${JSON.stringify(made.body)}`);
        }),
        runsOf(t, CASES),
      );
    });
  }

  for (const operation of contract.operations) {
    if (operation.bodies['application/json'] === undefined) continue;
    it(`${operation.name} refuses JSON that parsers read in different ways, or not at all`, async (t) => {
      await fc.assert(
        fc.asyncProperty(requestsOf(contract, operation, true), jsonDefects, async (made, spoil) => {
          const { text: body, code } = withDefect(made.body ?? {}, spoil);
          const headers = { 'content-type': 'application/json' };
          const answer = await ask(operation, made, { method: operation.method, headers, body });
          if (code !== undefined)
            assert.deepEqual([answer.status, answer.code], [400, code], body.slice(0, 600));
        }),
        runsOf(t, SPOILED_CASES),
      );
    });
  }

  for (const operation of contract.operations) {
    it(`${operation.name} answers odd requests with responses that the contract lists`, async (t) => {
      await fc.assert(
        fc.asyncProperty(requestsOf(contract, operation, true), malformations, async (good, oddity) => {
          const { adapters } = oddity;
          const id = adapters === EXISTING_ID ? await world.id('adapters') : await world.expired();
          const body = adapters === 'as they are' ? good.body : withAdapters(good.body, id);
          const [first, ...rest] = good.path;
          const path = oddity.path === EXPIRED_ID && first !== undefined ? [EXPIRED_ID, ...rest] : good.path;
          const made = { ...good, body, path };
          await ask(operation, made, malformed(operation, initOf(operation, made), oddity));
        }),
        runsOf(t, ODD_CASES),
      );
    });
  }

  it('refuses undeclared methods, and lists those that exist', async () => {
    for (const path of new Set(contract.operations.map((one) => one.path))) {
      // /v1/adapters/from-uploads also matches the path of an adapter, which never exists.
      const covers = (template: string) =>
        new RegExp(`^${template.replace(/\{\w+\}/g, '[^/]+')}$`).test(path);
      const there = new Set(
        contract.operations.filter((one) => covers(one.path)).map(({ method }) => method),
      );
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
        if (there.has(method)) continue;
        const response = await send(await world.pathOf(path), { method });
        const { code } = (await response.json()) as { code: string };
        assert.deepEqual([response.status, code], [405, 'METHOD_NOT_ALLOWED'], `${method} ${path}`);
        const allowed = response.headers.get('allow')?.split(', ') ?? [];
        for (const one of there) assert.ok(allowed.includes(one), `${path}: ${allowed}`);
        assert.ok(!allowed.includes(method), `${path}: ${allowed}`);
      }
    }
  });

  it('refuses undeclared query parameters', async () => {
    for (const operation of contract.operations) {
      // The response to HEAD has no code.
      if (!operation.path.startsWith('/v1/') || operation.method === 'HEAD') continue;
      const path = `${await world.pathOf(operation.path)}?no_such=1`;
      const { status, code } = await checkedAnswer(
        contract,
        operation,
        await send(path, { method: operation.method }),
      );
      // Requests have no body, which some operations check first.
      if (status !== 415) assert.deepEqual([status, code], [400, 'UNKNOWN_OPTION'], operation.name);
    }
  });

  it('admits callers with a suitable key only, before any other check', async (t) => {
    const keys = new Map<Scope, string>();
    const mayAsk = (scope: Scope, needed: Scope | null) =>
      scope === needed || (scope === 'admin' && needed === 'tenant_admin');
    for (const scope of SCOPES)
      keys.set(
        scope,
        (
          await server.keys.create({
            tenant: 'scoped',
            makesTenant: true,
            name: '',
            scopes: [scope],
            expiresAt: null,
          })
        ).key,
      );
    const property = async (operation: Operation, made: GeneratedRequest): Promise<void> => {
      const { method, headers, body = null } = initOf(operation, made);
      for (const [authorization, status] of [
        [undefined, 401],
        ['Basic eDp4', 401],
        ...[...keys].map(
          ([scope, key]) => [`Bearer ${key}`, mayAsk(scope, operation.scope) ? undefined : 403] as const,
        ),
      ] as const) {
        if (status === undefined) continue;
        const response = await server.fetch(await world.pathOf(operation.path), {
          method: method!,
          headers: { ...(headers as Record<string, string>), ...(authorization ? { authorization } : {}) },
          body,
        });
        assert.equal((await checkedAnswer(contract, operation, response)).status, status, operation.name);
      }
    };
    for (const operation of contract.operations) {
      if (operation.scope === null) continue;
      await fc.assert(
        fc.asyncProperty(requestsOf(contract, operation, false), (made) => property(operation, made)),
        runsOf(t, 3),
      );
    }
  });

  it('has an adapter that has expired', async () => {
    const response = await send(`/v1/adapters/${await world.expired()}`);
    assert.deepEqual(
      [response.status, ((await response.json()) as { code: string }).code],
      [410, 'ADAPTER_EXPIRED'],
    );
  });

  it('received thousands of requests', (t) => {
    t.diagnostic(`${sent} requests`);
    assert.ok(sent >= contract.operations.length * CASES);
  });
});
