import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/**
 * Opens sockets to a port of this machine in waves, and keeps them for as long as the other side permits.
 * Every second socket sends the beginning of a request, the others nothing. Prints after each wave how many
 * it has opened. Ends with its standard input.
 */
const [port, total, wave] = process.argv.slice(2).map(Number) as [number, number, number];
const HALF_A_HEAD = 'POST /v1/adapters HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multi';

async function open(index: number): Promise<Socket> {
  // It stays when the other side closes.
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  // Resets are expected: they are how the other side ends a connection.
  socket.on('error', () => {}).resume();
  await Promise.race([once(socket, 'connect'), once(socket, 'close')]);
  if (index % 2 === 0) socket.write(HALF_A_HEAD);
  return socket;
}

for (let opened = 0; opened < total; opened += wave) {
  await Promise.all(Array.from({ length: wave }, (_, index) => open(index)));
  console.log(opened + wave);
}
process.stdin.resume().once('end', () => process.exit());
