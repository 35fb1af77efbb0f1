import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import Fastify, { type FastifyInstance } from 'fastify';
import { parse } from 'yaml';
import { openapiDocument } from '../../src/app/openapi-document.ts';
import { LazyValidators } from '../../src/http/lazy-validators.ts';

describe('validators that are compiled at the first request', () => {
  let app: FastifyInstance;
  before(async () => {
    app = Fastify({
      schemaController: { compilersFactory: { buildValidator: new LazyValidators().factory() } },
    });
    app.addSchema({ $id: 'rank', type: 'integer', minimum: 1 });
    // Plugins that add their own schemas under one name.
    for (const [name, most] of [
      ['small', 8],
      ['large', 64],
    ] as const)
      await app.register(async (plugin) => {
        plugin.addSchema({ $id: 'limited', allOf: [{ $ref: 'rank#' }, { maximum: most }] });
        const body = { type: 'object', required: ['rank'], properties: { rank: { $ref: 'limited#' } } };
        const headers = { type: 'object', properties: { 'x-team': { enum: ['search'] } } };
        plugin.post(`/${name}`, { schema: { body, headers } }, async () => 'taken');
      });
    app.post('/broken', { schema: { body: { $ref: 'nowhere#' } } }, async () => 'taken');
    await app.ready();
  });
  after(() => app.close());

  const post = async (url: string, rank: unknown, headers = {}) => {
    const { statusCode, body } = await app.inject({ method: 'POST', url, payload: { rank }, headers });
    return `${statusCode} ${statusCode === 200 ? body : (JSON.parse(body) as Error).message}`;
  };

  it('judge the first request and all others independently', async () => {
    assert.equal(await post('/small', 9), '400 body/rank must be <= 8');
    assert.equal(await post('/small', 8), '200 taken');
    assert.equal(await post('/small', 0), '400 body/rank must be >= 1');
    const answers = await Promise.all([1, 9, 2, 'x'].map((rank) => post('/small', rank)));
    assert.deepEqual(
      answers.map((answer) => answer.slice(0, 3)),
      ['200', '400', '200', '400'],
    );
  });

  it('know the schemas of their own plugin', async () => {
    assert.equal(await post('/large', 64), '200 taken');
    assert.equal(await post('/large', 65), '400 body/rank must be <= 64');
  });

  it('judge headers, whatever the case of their names in a request', async () => {
    assert.equal(await post('/small', 1, { 'X-Team': 'search' }), '200 taken');
    assert.match(await post('/small', 1, { 'X-Team': 'other' }), /^400 headers\/x-team/);
  });

  it('fail the requests of a route whose schema cannot be compiled, and of no other', async () => {
    assert.match(await post('/broken', 1), /^500 can't resolve reference nowhere#/);
    assert.equal(await post('/large', 1), '200 taken');
  });

  it('are compiled ahead on request, in the given order and once, skipping those that cannot be compiled', async () => {
    const compiled: string[] = [];
    const validators = new LazyValidators(['POST /second', 'POST /broken', 'POST /first'], (part) =>
      compiled.push(`${part.route} ${part.part}`),
    );
    const own = Fastify({
      schemaController: { compilersFactory: { buildValidator: validators.factory() } },
    });
    const body = { type: 'object', required: ['rank'] };
    for (const path of ['/first', '/second', '/other'])
      own.post(path, { schema: { body, headers: { type: 'object' } } }, async () => 'taken');
    own.post('/broken', { schema: { body: { $ref: 'nowhere#' } } }, async () => 'taken');
    own.addHook('onListen', () => validators.compileAhead());
    await own.listen();
    try {
      await validators.done;
      const ahead = ['/second headers', '/second body', '/first headers', '/first body'];
      assert.deepEqual(compiled, ahead);
      for (const url of ['/first', '/second', '/other', '/other'])
        assert.equal((await own.inject({ method: 'POST', url, payload: {} })).statusCode, 400);
      assert.deepEqual(compiled, [...ahead, '/other body']);
    } finally {
      await own.close();
    }
  });

  it('find only lower-case header names in the contract', async () => {
    interface Parameter {
      in?: string;
      name?: string;
    }
    const { paths, components } = parse(await openapiDocument('0.0.0')) as {
      paths: Record<string, Record<string, { parameters?: Parameter[] }>>;
      components: { parameters: Record<string, Parameter> };
    };
    const names = Object.values(paths)
      .flatMap((methods) => Object.values(methods))
      .flatMap(({ parameters = [] }) => parameters)
      .concat(Object.values(components.parameters))
      .flatMap((parameter) => (parameter.in === 'header' ? [parameter.name!] : []));
    assert.ok(names.length > 5);
    assert.deepEqual(
      names.filter((name) => name !== name.toLowerCase()),
      [],
    );
  });
});
