import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterEach, describe, it } from 'node:test';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { buildProbeApp } from '../../src/app/probe-app.ts';
import { ProcessReadiness } from '../../src/app/readiness.ts';
import { type ConnectionOptions, Connections } from '../../src/http/connections.ts';
import { answerExpectations } from '../../src/http/raw-errors.ts';
import { serverOptions } from '../../src/http/server-options.ts';
import { Metrics } from '../../src/metrics/metrics.ts';
import { blockEventLoop, until } from '../queue/harness.ts';
import { parseResponse } from './raw-request.ts';
import { checkedProblem, startServer } from './server.ts';

/** A client that keeps its side open when the other side closes. */
interface Client {
  readonly socket: Socket;
  received: string;
  /** The other side has closed or reset the connection; to a client that sends nothing both look the same. */
  readonly ended: Promise<unknown>;
}

/** Timeouts of 0.3 s have passed by then on any machine. */
const HELD_MS = 60_000;

const closers: (() => Promise<unknown>)[] = [];

async function client(port: number, text = '', host = '127.0.0.1'): Promise<Client> {
  const socket = connect({ port, host, allowHalfOpen: true });
  const one: Client = {
    socket,
    received: '',
    ended: new Promise((resolve) => socket.once('end', resolve).once('close', resolve)),
  };
  socket
    .on('error', () => {})
    .on('data', (chunk) => {
      one.received += chunk.toString('latin1');
    });
  closers.push(async () => socket.destroy());
  await once(socket, 'connect');
  if (text !== '') socket.write(text);
  return one;
}

const answered = (one: Client, times = 1): Promise<true> =>
  until('an answer', async () => one.received.split('HTTP/1.1 ').length > times || undefined);

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
const POST = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n';

/** An HTTP server with the options of the service, whose requests `listener` answers. */
async function listening(options: ConnectionOptions, listener: RequestListener, host = '127.0.0.1') {
  const cuts: string[] = [];
  const connections = new Connections({ lingerMs: 100, onCut: (reason) => cuts.push(reason), ...options });
  const { http, clientErrorHandler, keepAliveTimeout } = serverOptions(false, connections);
  const server: Server = createServer(http!, listener);
  server.keepAliveTimeout = keepAliveTimeout!;
  server.requestTimeout = 0;
  server.on('clientError', clientErrorHandler as never);
  connections.attach(server);
  answerExpectations(server);
  server.listen(0, host);
  await once(server, 'listening');
  closers.push(async () => {
    server.closeAllConnections();
    server.close();
  });
  const states = async (expected: object) =>
    until(JSON.stringify(expected), async () => {
      const { silent, idle, serving, closing } = connections.counts();
      const counts = Object.entries({ silent, idle, serving, closing }).filter(([, count]) => count > 0);
      return JSON.stringify(Object.fromEntries(counts)) === JSON.stringify(expected) || undefined;
    });
  return { server, connections, port: (server.address() as AddressInfo).port, cuts, states };
}

const answersOk: RequestListener = (_request, response) => {
  response.end('ok');
};
const answersNever: RequestListener = () => {};

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

describe('a connection is closed', () => {
  it('if it sends no request or half of one, after a response that explains it', async () => {
    const requests: string[] = [];
    const { server, port, states } = await listening({}, ({ url }, response) => {
      requests.push(url!);
      response.end();
    });
    server.headersTimeout = 300;
    const both = [await client(port), await client(port, 'GET /late HTTP/1.1\r\nHost: x\r\n')];
    for (const one of both) await answered(one);
    // Bytes after the response are no longer a request.
    both[1]!.socket.write('\r\n');
    for (const { ended } of both) await ended;
    await states({});
    for (const { received } of both) {
      const { status, body } = parseResponse(received);
      assert.equal(status, 408);
      checkedProblem(JSON.parse(body), 408, 'REQUEST_TIMEOUT');
    }
    assert.deepEqual(requests, []);
  });

  it('but not if its request has arrived while the process was blocked and could not read', async () => {
    const { server, port, states, cuts } = await listening({ silentMs: 2_000 }, answersOk);
    const one = await client(port);
    await states({ silent: 1 });
    // From here Node continues with its timers; after a timer it would continue reading.
    await nextTurn();
    one.socket.write(GET);
    // Longer than both timeouts, and than the intervals between checks.
    server.headersTimeout = 300;
    blockEventLoop(3_500);
    await answered(one);
    assert.equal(parseResponse(one.received).status, 200);
    assert.deepEqual(cuts, []);
  });

  it('if it does not speak HTTP, and stays open after the response', async () => {
    const { port, states, cuts } = await listening({}, answersOk);
    const one = await client(port, 'what is this\r\n\r\n');
    await one.ended;
    assert.equal(parseResponse(one.received).status, 400);
    await states({});
    assert.deepEqual(cuts, ['closing']);
  });

  it('if only line breaks follow a response, which begin no request and prevent it from being idle', async () => {
    const { server, port, cuts } = await listening({ idleMs: 300 }, answersOk);
    server.keepAliveTimeout = 200;
    const one = await client(port, GET);
    const drip = setInterval(() => one.socket.write('\r\n'), 50);
    await one.ended;
    clearInterval(drip);
    assert.deepEqual(cuts, ['idle']);
  });

  it('if its client does not read: neither a large response nor an endless one', async () => {
    const large = Buffer.alloc(32 * 2 ** 20);
    const answers: Record<string, RequestListener> = {
      '/large': (_request, response) => response.end(large),
      '/stream': (_request, response) => {
        const go = (): void => {
          while (response.write(large.subarray(0, 65_536)));
        };
        response.on('drain', go);
        go();
      },
    };
    const { port, states, cuts } = await listening({ unreadMs: 300 }, (request, response) =>
      answers[request.url!]!(request, response),
    );
    const drips = ['/large', '/stream'].map(async (path) => {
      const { socket } = await client(port);
      socket.pause();
      socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      // Bytes that it sends do not keep it open, since no request begins with them.
      return setInterval(() => socket.write('\r\n'), 50);
    });
    await states({ serving: 2 });
    await states({});
    for (const drip of drips) clearInterval(await drip);
    assert.deepEqual(cuts, ['unread', 'unread']);
  });

  it('but not while its client reads, however slowly, and however large one write is', async () => {
    const bytes = 8 * 2 ** 20;
    const { port, cuts } = await listening({ unreadMs: 1500 }, (_request, response) =>
      response.end(Buffer.alloc(bytes)),
    );
    const one = connect({ port, host: '127.0.0.1' });
    closers.push(async () => one.destroy());
    one.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    let read = 0;
    // A megabyte, and then a pause: together longer than `unreadMs`.
    for await (const chunk of one) {
      const before = Math.floor(read / 2 ** 20);
      read += (chunk as Buffer).length;
      if (Math.floor(read / 2 ** 20) > before) await sleep(400);
    }
    assert.ok(read > bytes, `${read} bytes`);
    assert.deepEqual(cuts, []);
  });

  it('if it is answered before its request has ended, and continues to send', async () => {
    const { port, cuts } = await listening({}, answersOk);
    const one = await client(port, POST);
    const drip = setInterval(() => one.socket.write('x'), 90);
    await one.ended;
    clearInterval(drip);
    assert.equal(parseResponse(one.received).status, 200);
    assert.deepEqual(cuts, ['closing']);
    // It is kept if the rest arrives in time.
    const patient = await listening({ lingerMs: HELD_MS }, answersOk);
    const other = await client(patient.port, POST);
    await patient.states({ closing: 1 });
    other.socket.write('123456789');
    await patient.states({ idle: 1 });
    other.socket.write(GET);
    await until(
      'a second answer',
      async () => other.received.split('HTTP/1.1 200').length === 3 || undefined,
    );
  });

  it('if it requests something unsupported: a tunnel, another protocol, an expectation', async () => {
    const { port, states } = await listening({}, answersOk);
    const tunnel = await client(port, 'CONNECT elsewhere:443 HTTP/1.1\r\nHost: elsewhere:443\r\n\r\n');
    await tunnel.ended;
    const expecting = await client(port, 'POST / HTTP/1.1\r\nHost: x\r\nExpect: a-pony\r\n\r\n');
    await expecting.ended;
    assert.equal(parseResponse(expecting.received).status, 417);
    const closing = await client(port, 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    await closing.ended;
    assert.equal(parseResponse(closing.received).status, 200);
    await states({});
    // A request to switch the protocol is answered in HTTP.
    const upgrade = await client(
      port,
      'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    );
    await answered(upgrade);
    assert.equal(parseResponse(upgrade.received).status, 200);
    await states({ idle: 1 });
  });

  it('on the port of the probes as well', async () => {
    const ok = { check: async () => {}, checkReads: async () => {} };
    const readiness = new ProcessReadiness({ store: ok, database: ok, queue: { check: async () => [] } });
    const metrics = new Metrics({ version: '1' });
    const app = await buildProbeApp({
      ...{ readiness, metrics, version: '1', logger: false, listener: 'probes' },
      connections: { lingerMs: 100, max: 7 },
    });
    closers.push(() => app.close());
    await app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = app.server.address() as AddressInfo;
    const one = await client(port, 'POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx');
    await one.ended;
    assert.equal(parseResponse(one.received).status, 405);
    const text = await metrics.render();
    assert.match(text, /^lora_squeeze_connections\{listener="probes",state="closing"\} 0$/m);
    assert.match(text, /^lora_squeeze_connections_limit\{listener="probes"\} 7$/m);
    assert.match(text, /^lora_squeeze_connections_cut_total\{listener="probes",reason="closing"\} 1$/m);
  });

  it('if the body of its request never arrives, whichever operation it is', async () => {
    const server = await startServer({ bodyTimeoutMs: 300, uploadIdleTimeoutMs: 300 });
    closers.push(() => server.close());
    const { paths } = parse(readFileSync(new URL('../../openapi.yaml', import.meta.url), 'utf8')) as {
      paths: Record<string, Record<string, unknown>>;
    };
    const methods = ['post', 'put', 'patch', 'delete'];
    const operations = Object.entries(paths).flatMap(([path, item]) =>
      methods
        .filter((method) => method in item)
        .map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{\w+\}/g, 'x1')}`),
    );
    assert.ok(operations.length > 25);
    const held = new Set<string>();
    const requests = operations.map(async (line) => {
      held.add(line);
      const text = `${line} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"a"`;
      await (await client(server.port, text)).ended;
      held.delete(line);
    });
    await Promise.race([Promise.all(requests), sleep(HELD_MS, undefined, { ref: false })]);
    assert.deepEqual([...held], []);
  });

  it('if the service closes and it has sent no request', async () => {
    const server = await startServer();
    const silent = await client(server.port);
    await until('a connection', async () =>
      (await server.metrics.render()).includes('state="silent"} 1') ? true : undefined,
    );
    await server.app.close();
    await silent.ended;
    assert.equal(silent.received, '');
    await server.close();
  });
});

describe('at the connection limit', () => {
  it('a new connection replaces the oldest silent one, then the oldest idle one', async () => {
    const { port, states, cuts } = await listening({ max: 3 }, answersOk);
    const idle = [await client(port, GET), await client(port, GET)];
    await states({ idle: 2 });
    const silent = await client(port);
    await states({ silent: 1, idle: 2 });
    const third = await client(port, GET);
    await silent.ended;
    await states({ idle: 3 });
    const fourth = await client(port, GET);
    await idle[0]!.ended;
    await answered(fourth);
    assert.deepEqual(cuts, ['evicted_silent', 'evicted_idle']);
    for (const { socket } of [idle[1]!, third]) assert.equal(socket.destroyed, false);
  });

  it('one with a request in flight keeps its place, and the new one is asked to return later', async () => {
    const { port, states, cuts, connections } = await listening({ max: 2 }, answersNever);
    await client(port, GET);
    await client(port, POST);
    await states({ serving: 2 });
    const refused = await client(port, GET);
    await refused.ended;
    const { status, headers, body } = parseResponse(refused.received);
    assert.equal(status, 503);
    assert.equal(headers.get('content-type'), 'application/problem+json');
    assert.match(headers.get('retry-after')!, /^\d+$/);
    checkedProblem(JSON.parse(body), 503, 'TOO_MANY_CONNECTIONS');
    assert.deepEqual(cuts, ['refused']);
    assert.equal(connections.counts().serving, 2);
  });

  it('only a few of the refused clients get time to read why', async () => {
    const { server, port, states } = await listening({ max: 1, lingerMs: 60_000 }, answersNever);
    await client(port, GET);
    await states({ serving: 1 });
    for (let i = 0; i < 50; i++) await client(port);
    const open = () => new Promise<number>((resolve) => server.getConnections((_error, n) => resolve(n)));
    await until('few connections', async () => (await open()) === 1 + 32 || undefined);
  });

  it('a slow client makes room: one that hardly reads, and one that hardly sends', async () => {
    const large = Buffer.alloc(32 * 2 ** 20);
    let waiting = 0;
    const { port, states, cuts } = await listening({ max: 3, slowMs: 500 }, ({ url }, response) => {
      if (url === '/large') response.end(large);
      if (url === '/waits') waiting++;
    });
    const deaf = await client(port, 'GET /large HTTP/1.1\r\nHost: x\r\n\r\n');
    const read = setInterval(() => deaf.socket.read(1), 50);
    deaf.socket.pause().removeAllListeners('data');
    await client(port, 'POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n');
    // The service takes its time for this one, and its client has nothing to do.
    await client(port, 'GET /waits HTTP/1.1\r\nHost: x\r\n\r\n');
    await states({ serving: 3 });
    while (waiting < 3) {
      const before = waiting;
      const one = await client(port, 'GET /waits HTTP/1.1\r\nHost: x\r\n\r\n');
      await until('a place or a refusal', () => waiting > before || one.received !== '' || undefined);
    }
    clearInterval(read);
    assert.deepEqual(
      cuts.filter((reason) => reason.startsWith('evicted')),
      ['evicted_slow', 'evicted_slow'],
    );
    const last = await client(port, GET);
    await last.ended;
    assert.equal(parseResponse(last.received).status, 503);
  });

  const outside = Object.values(networkInterfaces())
    .flatMap((addresses = []) => addresses)
    .find(({ internal, family }) => !internal && family === 'IPv4')?.address;
  it('some places are kept for loopback and for named networks', { skip: !outside }, async () => {
    const kept = { max: 3, reserved: 2 };
    const { port, states } = await listening(kept, answersNever, '0.0.0.0');
    await client(port, GET, outside);
    await states({ serving: 1 });
    const refused = await client(port, GET, outside);
    await refused.ended;
    assert.equal(parseResponse(refused.received).status, 503);
    await client(port, GET);
    await client(port, GET);
    await states({ serving: 3 });

    const named = { ...kept, reservedNetworks: ['fd00::/8', `${outside}/32`] };
    const second = await listening(named, answersNever, '0.0.0.0');
    for (let i = 0; i < 3; i++) await client(second.port, GET, outside);
    await second.states({ serving: 3 });
  });
});
