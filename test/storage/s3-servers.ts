import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../free-port.ts';

export const BUCKET = 'test-bucket';
const START_LIMIT_MS = 60_000;
/** Debian's Python, for which the packages are installed. */
const PYTHON = '/usr/bin/python3';

/** An S3 server for one test, with BUCKET in it. */
export interface S3Server {
  readonly url: string;
  /** The environment with which a process uses it. */
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** A reason to skip, or undefined if moto is installed (Debian: python3-moto python3-flask-cors). */
export function motoIsMissing(): string | undefined {
  // Only looks for the modules: importing moto takes seconds.
  const looks =
    'import sys; from importlib.util import find_spec; sys.exit(not (find_spec("moto") and find_spec("flask_cors")))';
  const found = spawnSync(PYTHON, ['-c', looks], { stdio: 'ignore' });
  return found.status === 0 ? undefined : 'moto is not installed (python3-moto, python3-flask-cors)';
}

/**
 * moto: multipart, checksums; it accepts any credentials.
 * @param settings environment variables of moto
 */
export async function startMoto(settings: Readonly<Record<string, string>> = {}): Promise<S3Server> {
  const port = await freePort();
  const server = spawn(PYTHON, ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)], {
    stdio: 'ignore',
    env: { ...process.env, ...settings },
  });
  const url = `http://127.0.0.1:${port}`;
  // moto's own page, which is not an S3 request: see startMotoWithPolicy.
  await answering(server, `${url}/moto-api/`);
  const made = await fetch(`${url}/${BUCKET}`, { method: 'PUT' });
  if (!made.ok) throw new Error(`moto made no bucket: ${made.status}`);
  return { url, env: environment(url, 'motokeyid', 'moto-secret-key'), stop: () => end(server) };
}

const environment = (url: string, id: string, secret: string): Record<string, string> => ({
  AWS_ENDPOINT_URL_S3: url,
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: id,
  AWS_SECRET_ACCESS_KEY: secret,
});

async function answering(server: ChildProcess, url: string): Promise<void> {
  process.once('exit', () => server.kill('SIGKILL'));
  // A test that fails before it stops the server must not wait for it.
  server.unref();
  const deadline = Date.now() + START_LIMIT_MS;
  for (;;) {
    const answer = await fetch(url).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer) return;
    if (server.exitCode !== null) throw new Error(`the S3 server ended with ${server.exitCode}`);
    if (Date.now() > deadline) throw new Error('the S3 server did not start');
    await sleep(50);
  }
}

async function end(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  server.ref();
  server.kill('SIGKILL');
  await once(server, 'exit');
}
