import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { get as httpGet, type IncomingMessage, type ServerResponse } from 'node:http';
import { get as httpsGet } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { AppError } from '../../src/errors/app-error.ts';
import type { ErrorCode } from '../../src/errors/error-kinds.ts';
import { Outbound } from '../../src/net/outbound.ts';
import { statusError } from '../../src/net/outbound-error.ts';
import { type Certificate, makeCertificate, opensslIsMissing } from '../queue/certificate.ts';
import { dialsDuring } from './dials.ts';
import { nameServer, serve, type TestServer } from './servers.ts';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

const failing = (code: ErrorCode, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof AppError, String(error));
  assert.equal(error.code, code);
  assert.match(error.message, message);
  return true;
};

describe('Outbound', () => {
  let server: TestServer;
  let other: TestServer;
  let handler: Handler = (_request, response) => void response.end('ok');
  let otherHandler: Handler = handler;
  let outbound: Outbound;
  before(async () => {
    server = await serve((request, response) => handler(request, response));
    other = await serve((request, response) => otherHandler(request, response));
    outbound = new Outbound({ allowedHosts: [server.host, other.host] });
  });
  after(async () => {
    await outbound.close();
    await Promise.all([server.close(), other.close()]);
  });

  it('sends and receives bodies as streams', async () => {
    handler = async (request, response) => {
      const { method, headers } = request;
      const body = await text(request);
      response.writeHead(201, { 'x-seen': `${method} ${headers['x-mine']} ${headers['content-length']}` });
      response.end(`${headers['user-agent']}: ${body}`);
    };
    const answer = await outbound.request(`${server.url}/a?b=c`, {
      method: 'PUT',
      headers: { 'x-mine': 'yes', 'content-length': '6' },
      body: Readable.from(['abc', 'def']),
    });
    assert.deepEqual([answer.status, answer.host], [201, server.host]);
    assert.equal(answer.header('x-seen'), 'PUT yes 6');
    assert.equal(await text(answer.body), 'lora-squeeze: abcdef');
  });

  it('returns responses with any status, and does not follow redirects by itself', async () => {
    for (const status of [302, 404, 500]) {
      handler = (_request, response) => void response.writeHead(status, { location: '/elsewhere' }).end('x');
      const answer = await outbound.request(server.url);
      assert.equal(answer.status, status);
      await answer.discard();
    }
  });

  it('can ignore the body, however long it is', async () => {
    for (const bytes of [0, 1000, 40_000, 60_000, 5_000_000]) {
      handler = (_request, response) => void response.end(Buffer.alloc(bytes));
      await (await outbound.request(server.url)).discard();
      const begun = await outbound.request(server.url);
      begun.body.once('error', () => {});
      await begun.discard();
      assert.ok(begun.body.destroyed);
    }
  });

  it('leaves nothing waiting when a long response is discarded', async () => {
    let isOver: Promise<unknown> = Promise.resolve();
    handler = (_request, response) => {
      isOver = once(response, 'close');
      response.end(Buffer.alloc(50_000_000));
    };
    const own = new Outbound({ allowedHosts: [server.host] });
    await (await own.request(server.url)).discard();
    await isOver;
    await own.close();
  });

  it('survives that a body breaks off while no caller reads it', async () => {
    let cut = (): void => {};
    const isCut = new Promise<void>((resolve) => {
      cut = resolve;
    });
    handler = (request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('beginning', () => {
        request.socket.destroy();
        cut();
      });
    };
    const answer = await outbound.request(server.url);
    await isCut;
    await new Promise((resolve) => setTimeout(resolve, 50));
    await assert.rejects(text(answer.body), failing('OUTBOUND_FAILED', /closed the connection/));
  });

  it('counts the bytes of the body', async () => {
    handler = (_request, response) => void response.end(Buffer.alloc(1000));
    const enough = await outbound.request(server.url, { maxBytes: 1000 });
    assert.equal((await buffer(enough.body)).byteLength, 1000);
    const answer = await outbound.request(server.url, { maxBytes: 999 });
    await assert.rejects(buffer(answer.body), failing('OUTBOUND_TOO_LARGE', /more than 999 bytes/));
  });

  it('never waits indefinitely: for a response, for the rest of it, for the whole', async () => {
    handler = () => {};
    await assert.rejects(
      outbound.request(server.url, { timeoutMs: 100 }),
      failing('OUTBOUND_FAILED', /did not answer in time/),
    );
    handler = (_request, response) => void response.write('beginning');
    const stalled = await outbound.request(server.url, { timeoutMs: 100 });
    await assert.rejects(text(stalled.body), failing('OUTBOUND_FAILED', /stopped sending/));
    handler = (_request, response) => {
      const drip = setInterval(() => response.write('x'), 10);
      response.once('close', () => clearInterval(drip));
    };
    const slow = await outbound.request(server.url, { timeoutMs: 10_000, deadlineMs: 1000 });
    await assert.rejects(text(slow.body), failing('OUTBOUND_FAILED', /took longer than 1000 ms/));
  });

  it('ends with the reason of its signal', async () => {
    const reason = new AppError('CANCELLED', 'enough');
    handler = () => {};
    const cancel = new AbortController();
    const waiting = outbound.request(server.url, { signal: cancel.signal });
    cancel.abort(reason);
    await assert.rejects(waiting, (error) => error === reason);
    handler = (_request, response) => void response.write('beginning');
    const later = new AbortController();
    const answer = await outbound.request(server.url, { signal: later.signal });
    const reading = text(answer.body);
    later.abort(reason);
    await assert.rejects(reading, (error) => error === reason);
  });

  it('reports connections that break and servers that do not exist', async () => {
    handler = (request) => void request.socket.destroy();
    await assert.rejects(outbound.request(server.url), failing('OUTBOUND_FAILED', /closed the connection/));
    handler = (request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('beginning', () => request.socket.destroy());
    };
    const cut = await outbound.request(server.url);
    await assert.rejects(text(cut.body), failing('OUTBOUND_FAILED', /closed the connection/));
    const gone = await serve(() => {});
    await gone.close();
    const alone = new Outbound({ allowedHosts: [gone.host] });
    await assert.rejects(
      alone.request(gone.url),
      failing('OUTBOUND_FAILED', /cannot be reached \(ECONNREFUSED\)/),
    );
    await alone.close();
  });

  describe('fetchFollowingRedirects', () => {
    it('follows five redirects, but not six', async () => {
      handler = (request, response) => {
        const left = Number(request.url!.slice(1));
        if (left === 0) response.end('there');
        else response.writeHead(302, { location: `/${left - 1}` }).end('moved');
      };
      assert.equal(await text((await outbound.fetchFollowingRedirects(`${server.url}/5`)).body), 'there');
      await assert.rejects(
        outbound.fetchFollowingRedirects(`${server.url}/6`),
        failing('OUTBOUND_FORBIDDEN', /too many redirects/),
      );
    });

    it('leaves nothing waiting if a redirect has no valid URL', { timeout: 20_000 }, async () => {
      let isOver: Promise<unknown> = Promise.resolve();
      handler = (_request, response) => {
        isOver = once(response, 'close');
        response.writeHead(302, { location: 'http://[' }).end(Buffer.alloc(50_000_000));
      };
      const own = new Outbound({ allowedHosts: [server.host] });
      await assert.rejects(
        own.fetchFollowingRedirects(server.url),
        failing('OUTBOUND_URL_INVALID', /not a URL/),
      );
      await isOver;
      await own.close();
    });

    it('sends credentials to the first host only', async () => {
      const seen: (string | undefined)[] = [];
      const note = ({ headers }: IncomingMessage) =>
        void seen.push([headers.authorization, headers.cookie, headers.range, headers['x-key']].join());
      handler = (request, response) => {
        note(request);
        const location = request.url === '/a' ? '/b' : `${other.url}/c`;
        response.writeHead(307, { location }).end();
      };
      otherHandler = (request, response) => {
        note(request);
        response.end('there');
      };
      const headers = { Authorization: 'Bearer secret', cookie: 'id=1', range: 'bytes=0-' };
      const secretHeaders = { 'x-key': 'word' };
      await (await outbound.fetchFollowingRedirects(`${server.url}/a`, { headers, secretHeaders })).discard();
      const first = 'Bearer secret,id=1,bytes=0-,word';
      assert.deepEqual(seen, [first, first, ',,bytes=0-,']);
      seen.length = 0;
      await (await outbound.fetch(`${server.url}/a`, { headers })).text();
      assert.equal(seen.at(-1), ',,bytes=0-,');
    });
  });

  describe('fetch', () => {
    it('is the one of the standard', async () => {
      handler = async (request, response) => void response.writeHead(203).end(await text(request));
      const answer = await outbound.fetch(server.url, { method: 'POST', body: new Blob(['as a blob']) });
      assert.deepEqual([answer.status, await answer.text()], [203, 'as a blob']);
    });

    it('fails with our messages, or with the reason of the signal', async () => {
      handler = (request) => void request.socket.destroy();
      await assert.rejects(outbound.fetch(server.url), failing('OUTBOUND_FAILED', /closed the connection/));
      const reason = new Error('enough');
      await assert.rejects(
        outbound.fetch(server.url, { signal: AbortSignal.abort(reason) }),
        (e) => e === reason,
      );
    });
  });

  describe('the allow list', () => {
    const withRules = async (allowedHosts: string[], url: string): Promise<string> => {
      handler = (_request, response) => void response.end('ok');
      const { lookup } = nameServer(['127.0.0.1']);
      const own = new Outbound({ allowedHosts }, { lookup });
      try {
        return await text((await own.request(url)).body);
      } catch (error) {
        return (error as AppError).code;
      } finally {
        await own.close();
      }
    };

    it('may have additional hosts for some callers, which others cannot reach', async () => {
      handler = (_request, response) => void response.end('ok');
      const { lookup } = nameServer(['127.0.0.1']);
      const shared = new Outbound({ allowedHosts: [] }, { lookup });
      const one = shared.withAllowedHosts([`models.test:${server.port}`]);
      const url = `http://models.test:${server.port}`;
      try {
        assert.equal(await text((await one.request(url)).body), 'ok');
        await assert.rejects(shared.request(url), failing('OUTBOUND_FORBIDDEN', /only https/));
        await assert.rejects(one.request(server.url), failing('OUTBOUND_FORBIDDEN', /only https/));
        assert.throws(() => shared.withAllowedHosts(['http://models.test']), TypeError);
      } finally {
        await Promise.all([one.close(), shared.close()]);
      }
    });

    it('opens a host at all ports or at one, by its exact name', async () => {
      const { port } = server;
      const named = `http://models.test:${port}`;
      assert.equal(await withRules(['models.test'], named), 'ok');
      assert.equal(await withRules([`models.test:${port}`], named), 'ok');
      assert.equal(await withRules([`MODELS.test.:${port}`], named), 'ok');
      assert.equal(await withRules([`models.test:${port}`], `http://Models.test.:${port}`), 'ok');
      for (const entry of [
        'test',
        'odels.test',
        'a.models.test',
        'models.test:1',
        `models.test:${port - 1}`,
        '127.0.0.1',
      ]) {
        assert.equal(await withRules([entry], named), 'OUTBOUND_FORBIDDEN', entry);
      }
    });

    it('distinguishes port 80 from no port', async () => {
      const found = await withRules(['models.test:80'], `http://models.test:${server.port}`);
      assert.equal(found, 'OUTBOUND_FORBIDDEN');
    });

    it('refuses an entry that is not a host', () => {
      for (const entry of ['', 'a b', 'http://host', 'host/path', 'user@host', 'host:99999', 'host?x']) {
        assert.throws(() => new Outbound({ allowedHosts: [entry] }), TypeError, entry);
      }
      for (const entry of ['host', 'host:443', '10.0.0.1:9000', '[::1]', '[::1]:8080']) {
        assert.doesNotThrow(() => new Outbound({ allowedHosts: [entry] }), entry);
      }
    });
  });

  describe('newAgents', () => {
    it('connect only where it is allowed', async () => {
      handler = (_request, response) => void response.end('ok');
      const { httpAgent, httpsAgent } = outbound.newAgents();
      const [answer] = (await once(httpGet(server.url, { agent: httpAgent }), 'response')) as [
        IncomingMessage,
      ];
      assert.equal(await text(answer), 'ok');
      const { lookup } = nameServer(['127.0.0.1']);
      const guarded = new Outbound({ allowedHosts: [] }, { lookup }).newAgents();
      const refusals = [
        () => httpGet(server.url, { agent: guarded.httpAgent }),
        () => httpsGet('https://127.0.0.1/', { agent: guarded.httpsAgent }),
        () => httpsGet('https://2130706433/', { agent: guarded.httpsAgent }),
        () => httpsGet({ host: '2130706433', agent: guarded.httpsAgent }),
        () => httpsGet('https://inside.test/', { agent: guarded.httpsAgent }),
        () => httpsGet('https://[::1]/', { agent: guarded.httpsAgent }),
      ];
      const dials = await dialsDuring(async () => {
        for (const refused of refusals) {
          const [error] = await once(refused(), 'error').catch((thrown: unknown) => [thrown]);
          assert.equal((error as AppError).code, 'OUTBOUND_FORBIDDEN', String(refused));
        }
      });
      assert.deepEqual(dials, []);
      for (const agent of [httpAgent, httpsAgent, guarded.httpAgent, guarded.httpsAgent]) agent.destroy();
    });
  });
});

describe('Outbound with TLS', { skip: opensslIsMissing }, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'squeeze-net-'));
  let certificate: Certificate;
  let server: TestServer;
  before(async () => {
    certificate = makeCertificate(scratch);
    server = await serve((_request, response) => void response.end('over TLS'), certificate);
  });
  after(async () => {
    await server?.close();
    rmSync(scratch, { recursive: true, force: true });
  });

  it('trusts only the given authority', async () => {
    const rules = { allowedHosts: [server.host] };
    const trusting = new Outbound(rules, { ca: readFileSync(certificate.cert, 'utf8') });
    assert.equal(await text((await trusting.request(server.url)).body), 'over TLS');
    assert.equal(await (await trusting.fetch(server.url)).text(), 'over TLS');
    const { httpAgent, httpsAgent } = trusting.newAgents();
    const [answer] = (await once(httpsGet(server.url, { agent: httpsAgent }), 'response')) as [
      IncomingMessage,
    ];
    assert.equal(await text(answer), 'over TLS');
    for (const agent of [httpAgent, httpsAgent]) agent.destroy();
    await trusting.close();
    const careful = new Outbound(rules);
    await assert.rejects(careful.request(server.url), failing('OUTBOUND_FAILED', /no trusted certificate/));
    await careful.close();
  });

  it('sends the name to which it connects', async () => {
    const { lookup } = nameServer(['127.0.0.1']);
    const ca = readFileSync(certificate.cert, 'utf8');
    const outbound = new Outbound({ allowedHosts: ['other.test'] }, { lookup, ca });
    await assert.rejects(
      outbound.request(`https://other.test:${server.port}`),
      failing('OUTBOUND_FAILED', /certificate for another name/),
    );
    await outbound.close();
  });
});

describe('answerError', () => {
  it('distinguishes temporary responses from permanent ones', () => {
    const codes = [400, 401, 403, 404, 409, 410, 301, 408, 425, 429, 500, 503].map(
      (s) => statusError('h', s).code,
    );
    assert.deepEqual(new Set(codes.slice(0, 7)), new Set(['OUTBOUND_REFUSED']));
    assert.deepEqual(new Set(codes.slice(7)), new Set(['OUTBOUND_FAILED']));
    const { message, context, retryable } = statusError('host:8', 404, ': gone');
    assert.deepEqual(
      [message, context, retryable],
      ['host:8 answered with status 404: gone.', { host: 'host:8', status: 404 }, false],
    );
  });
});
