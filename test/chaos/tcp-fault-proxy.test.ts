import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { TcpFaultProxy } from './tcp-fault-proxy.ts';

/** Answers every text with the same in capitals, and counts requests. */
class Shouter {
  heard: string[] = [];
  readonly server: Server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      this.heard.push(String(chunk));
      socket.write(String(chunk).toUpperCase());
    });
  });
}

describe('the proxy that breaks connections', () => {
  let shouter: Shouter;
  let proxy: TcpFaultProxy;
  const clients: Socket[] = [];

  beforeEach(async () => {
    shouter = new Shouter();
    shouter.server.listen(0, '127.0.0.1');
    await once(shouter.server, 'listening');
    const { port } = shouter.server.address() as { port: number };
    proxy = await TcpFaultProxy.start(port, { latencyMs: 30, loseAfter: 'add' });
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await proxy.close();
    shouter.server.close();
  });

  async function open(): Promise<Socket> {
    const client = connect(proxy.port, '127.0.0.1');
    clients.push(client);
    client.on('error', () => undefined);
    await once(client, 'connect');
    return client;
  }

  /** What the client receives until the connection ends, or until this much has arrived. */
  function answer(client: Socket, characters = Number.POSITIVE_INFINITY): Promise<string> {
    return new Promise((resolve) => {
      let text = '';
      client.on('data', (chunk) => {
        text += chunk;
        if (text.length >= characters) resolve(text);
      });
      client.on('close', () => resolve(text));
    });
  }

  it('passes everything on at first, and again after a fault', async () => {
    const client = await open();
    client.write('one');
    assert.equal(await answer(client, 3), 'ONE');
    proxy.fault = 'latency';
    client.write('two');
    assert.equal(await answer(client, 3), 'TWO');
  });

  it('keeps the order, even if the first piece is delayed', async () => {
    const client = await open();
    proxy.fault = 'latency';
    client.write('one');
    await new Promise((go) => setTimeout(go, 10));
    proxy.fault = 'none';
    client.write('two');
    assert.equal(await answer(client, 6), 'ONETWO');
  });

  it('refuses: open connections are closed, and new ones get no reply', async () => {
    const client = await open();
    proxy.fault = 'refuse';
    assert.equal(await answer(client), '');
    const late = connect(proxy.port, '127.0.0.1');
    late.on('error', () => undefined);
    late.write('one');
    assert.equal(await answer(late), '');
    assert.deepEqual(shouter.heard, []);
  });

  it('swallows data, and delivers it later', async () => {
    const client = await open();
    proxy.fault = 'blackhole';
    client.write('one');
    const answered = answer(client, 3);
    assert.equal(
      await Promise.race([answered, new Promise((go) => setTimeout(go, 100, 'nothing'))]),
      'nothing',
    );
    assert.deepEqual(shouter.heard, []);
    proxy.fault = 'none';
    assert.equal(await answered, 'ONE');
  });

  it('cuts one reply in the middle', async () => {
    const client = await open();
    proxy.fault = 'cut';
    client.write('four');
    assert.equal(await answer(client), 'FO');
    assert.deepEqual([proxy.fault, proxy.broken], ['none', 1]);
  });

  it('loses the reply to the chosen request, although the server received the request', async () => {
    const [first, second] = [await open(), await open()];
    proxy.fault = 'lose';
    first.write('get');
    assert.equal(await answer(first, 3), 'GET');
    second.write('add 1');
    assert.equal(await answer(second), '');
    assert.deepEqual(shouter.heard, ['get', 'add 1']);
    assert.deepEqual([proxy.fault, proxy.broken], ['none', 1]);
  });

  it('looks to a client like a missing server if the server is missing', async () => {
    const nobody = await TcpFaultProxy.start(1);
    const client = connect(nobody.port, '127.0.0.1');
    client.on('error', () => undefined);
    assert.equal(await answer(client), '');
    await nobody.close();
  });
});
