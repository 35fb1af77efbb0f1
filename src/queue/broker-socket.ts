import { createHash } from 'node:crypto';
import { lstat, mkdir } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BrokerError } from './broker-error.ts';

/** unix(7): sun_path has 108 bytes, the last one is NUL. */
const MAX_SOCKET_PATH_BYTES = 107;

const LEFTOVER_TIMEOUT_MS = 15_000;

/**
 * The path of the server's socket: in its folder, or where that path is too long, in a private folder of the
 * system's temporary folder whose name is derived from the first, so that a later start finds it again.
 * @throws BrokerError when somebody else owns that folder
 */
export async function socketPathIn(folder: string): Promise<string> {
  const path = join(folder, 'redis.sock');
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES) return path;
  const digest = createHash('sha256').update(folder).digest('hex').slice(0, 16);
  const fallback = join(tmpdir(), `lora-squeeze-${digest}`);
  await mkdir(fallback, { recursive: true, mode: 0o700 });
  const found = await lstat(fallback);
  if (!found.isDirectory() || found.uid !== process.getuid?.() || (found.mode & 0o077) !== 0) {
    throw new BrokerError(
      `${fallback} is needed for the queue's socket, but is not a private folder of this user.`,
    );
  }
  return join(fallback, 'redis.sock');
}

/** Whether a server listens on the socket. */
export async function isListening(socketPath: string): Promise<boolean> {
  const socket = await connected(socketPath);
  socket?.destroy();
  return socket !== undefined;
}

/**
 * Ends a server that outlived its parent, and waits until it is gone.
 * @throws BrokerError when it does not go
 */
export async function stopLeftover(socketPath: string): Promise<void> {
  const deadlineMs = performance.now() + LEFTOVER_TIMEOUT_MS;
  for (let socket = await connected(socketPath); socket; socket = await connected(socketPath)) {
    // Redis takes plain lines as commands: https://redis.io/docs/latest/develop/reference/protocol-spec/#inline-commands
    socket.end('SHUTDOWN\r\n').resume();
    if (performance.now() > deadlineMs) {
      throw new BrokerError(
        `A Redis server of an earlier run still listens on ${socketPath} and does not stop.`,
      );
    }
    await sleep(50);
  }
}

function connected(socketPath: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.once('connect', () => resolve(socket));
    socket.on('error', () => resolve(undefined));
  });
}
