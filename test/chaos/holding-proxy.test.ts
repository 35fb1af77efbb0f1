import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { until } from '../queue/harness.ts';
import { HoldingProxy } from './holding-proxy.ts';

describe('the proxy that stops a connection at a certain moment', () => {
  let heard: string[];
  let server: Server;
  let proxy: HoldingProxy;
  const sockets: Socket[] = [];

  beforeEach(async () => {
    heard = [];
    server = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => undefined);
      socket.on('data', (chunk) => {
        heard.push(String(chunk));
        socket.write(String(chunk).toUpperCase());
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    proxy = await HoldingProxy.start((server.address() as { port: number }).port);
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await proxy.close();
    server.close();
  });

  async function open(): Promise<{ socket: Socket; got: string[] }> {
    const socket = connect(proxy.port, '127.0.0.1');
    sockets.push(socket);
    const got: string[] = [];
    socket.on('error', () => undefined).on('data', (chunk) => got.push(String(chunk)));
    await once(socket, 'connect');
    return { socket, got };
  }

  const ask = async ({ socket, got }: { socket: Socket; got: string[] }, text: string): Promise<void> => {
    const before = got.length;
    socket.write(text);
    await until(`an answer to ${text}`, () => got.length > before);
  };

  it('holds a request and everything after it back from the server, and does not affect other connections', async () => {
    const [one, other] = [await open(), await open()];
    await ask(one, 'before');
    const moment = proxy.hold('request', (sent) => sent.endsWith('b'));
    await ask(one, 'a');
    one.socket.write('b');
    assert.equal(await moment, 'ab');
    one.socket.write('c');
    await ask(other, 'b');
    assert.deepEqual(
      [heard, one.got],
      [
        ['before', 'a', 'b'],
        ['BEFORE', 'A'],
      ],
    );
  });

  it('holds a response back from the client after the server has sent it', async () => {
    const one = await open();
    const moment = proxy.hold('answer', (sent) => sent === 'b');
    one.socket.write('b');
    await moment;
    assert.deepEqual([heard, one.got], [['b'], []]);
  });

  it('lets the server notice the end of a client that was killed', async () => {
    const one = await open();
    await ask(one, 'a');
    const ended = once(sockets.find((socket) => socket.remotePort !== proxy.port)!, 'close');
    const moment = proxy.hold('request', () => true);
    one.socket.write('b');
    await moment;
    one.socket.resetAndDestroy();
    await ended;
    assert.deepEqual(heard, ['a']);
  });
});
