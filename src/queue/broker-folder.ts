import { createHash, randomBytes } from 'node:crypto';
import { link, lstat, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, thisProcess } from '../storage/process-identity.ts';

/** Several processes may try to take a stale claim; in each round one of them makes progress. */
const ROUNDS = 5;

/** unix(7): sun_path has 108 bytes, the last one is NUL. */
const MAX_SOCKET_PATH_BYTES = 107;

const LEFTOVER_TIMEOUT_MS = 15_000;

/** The private Redis server is not available. The message is for the person who starts the service. */
export class BrokerError extends Error {
  override readonly name = 'BrokerError';
}

/**
 * Claims the folder for this process until `release`: a second server would take the socket of the first one.
 * @param isInUse asked if the owner is not visible from here, because it is in another container or on another
 *   machine
 * @throws BrokerError naming the process that has the folder
 */
export async function claimBroker(
  folder: string,
  isInUse: () => Promise<boolean>,
): Promise<{ release(): Promise<void> }> {
  const path = join(folder, 'owner');
  const own = await thisProcess();
  for (let round = 0; round < ROUNDS; round++) {
    if (await create(path, own)) return { release: () => removeIf(path, own) };
    const owner = await readOwner(path);
    if (owner === undefined) continue;
    if ((await isAlive(owner)) ?? (await isInUse())) {
      throw new BrokerError(
        `${folder} is in use by process ${owner.split('-')[1]}: stop that process, or set another DATA_DIR for this one.`,
      );
    }
    await removeIf(path, owner);
  }
  throw new BrokerError(`${path} could not be claimed: other processes keep taking it.`);
}

/** Creates the claim atomically, so that no other process reads an empty one. */
async function create(path: string, owner: string): Promise<boolean> {
  const draft = `${path}-${randomBytes(6).toString('hex')}`;
  await writeFile(draft, owner);
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/**
 * Moves the claim away before reading it: of several processes only one succeeds, and a new claim of another process
 * is put back.
 */
async function removeIf(path: string, owner: string): Promise<void> {
  const aside = `${path}-${randomBytes(6).toString('hex')}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if ((await readOwner(aside)) !== owner) await link(aside, path).catch(() => undefined);
  await rm(aside, { force: true });
}

async function readOwner(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * The path of the server's socket: in its folder or, if that path is too long, in a private folder of the system's
 * temporary folder whose name is derived from it, so that a later start finds it again.
 * @throws BrokerError if another user owns that folder
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
 * Ends a server that outlived its parent, and waits until it has gone.
 * @throws BrokerError if it does not stop
 */
export async function stopLeftoverServer(socketPath: string): Promise<void> {
  const deadlineMs = performance.now() + LEFTOVER_TIMEOUT_MS;
  for (let socket = await connected(socketPath); socket; socket = await connected(socketPath)) {
    // Redis accepts commands as plain lines:
    // https://redis.io/docs/latest/develop/reference/protocol-spec/#inline-commands
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
