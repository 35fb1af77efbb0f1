import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Service, startService } from '../e2e/service.ts';
import { programEntry, SERVICE_ENTRY } from '../entry.ts';
import { multipartOf, openSocket, parseResponse, part, postHead, readAll } from '../http/raw-request.ts';
import { CONFIG, tinyAdapter, WEIGHTS } from '../http/tiny-adapter.ts';

const OPEN_FILES = 1024;
const SOCKETS = 10_000;
const WAVE = 500;
/** Heads have 10 s and answers 2 s; this longer limit only prevents hanging. */
const GONE_LIMIT_MS = 300_000;
/** The test's own connection, and other open files. */
const SLACK = 8;

const hasPrlimit = spawnSync('prlimit', ['--version']).status === 0;

it('a connection limit that the file descriptors do not allow is refused at startup', {
  skip: !hasPrlimit,
}, () => {
  const args = [`--nofile=${OPEN_FILES}`, process.execPath, ...SERVICE_ENTRY];
  const env = { ...process.env, MAX_CONNECTIONS: '385', DATA_DIR: join(tmpdir(), 'squeeze-never-made') };
  const { status, stderr } = spawnSync('prlimit', args, { env, encoding: 'utf8' });
  assert.equal(status, 2, stderr);
  assert.match(stderr, /^MAX_CONNECTIONS is 385, which needs 1026 .* the process may open only 1024; .*\n$/);
});

describe('ten thousand sockets that send nothing, or half a head', { skip: !hasPrlimit }, () => {
  let dataDir: string;
  let service: Service;
  let hostile: ChildProcess | undefined;
  let port: number;
  let seed = 0;

  before(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'squeeze-sockets-'));
    service = await startService({ dataDir, openFiles: OPEN_FILES, env: { EXECUTION_PROVIDER: 'cpu' } });
    port = Number(new URL(service.url).port);
  });
  after(async () => {
    hostile?.kill('SIGKILL');
    await service?.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });

  const descriptors = (): number => readdirSync(`/proc/${service.pid}/fd`).length;

  /** On a connection of its own. */
  async function ask(bytes: Uint8Array | string) {
    const socket = await openSocket(port);
    socket.write(bytes);
    return parseResponse(await readAll(socket));
  }
  const get = (path: string) => ask(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`);

  async function assertServes(): Promise<void> {
    assert.equal((await get('/livez')).status, 200);
    const { weights, config } = tinyAdapter(seed++);
    const body = multipartOf(part(CONFIG, config), part(WEIGHTS, weights));
    const head = postHead('/v1/adapters', [`Content-Length: ${body.length}`, 'Connection: close']);
    const { status, body: text } = await ask(Buffer.concat([Buffer.from(head), body]));
    assert.equal(status, 201, text);
  }

  it('do not keep out other clients, and hold no descriptor longer than their time allows', async () => {
    await assertServes();
    const before = descriptors();
    const program = programEntry(join(import.meta.dirname, 'hostile-sockets.program.ts'));
    hostile = spawn(process.execPath, [...program, String(port), String(SOCKETS), String(WAVE)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let opened = 0;
    const lines = createInterface(hostile.stdout!).on('line', (line) => {
      opened = Number(line);
    });
    await once(lines, 'line');
    for (let served = 0; opened < SOCKETS || served === 0; served++) await assertServes();

    // The process that opened them still holds all of them.
    assert.ok(descriptors() < OPEN_FILES);
    const { body: metrics } = await get('/metrics');
    const [, evicted] = /connections_cut_total\{listener="main",reason="evicted_silent"\} (\d+)/.exec(
      metrics,
    )!;
    assert.ok(Number(evicted) > SOCKETS / 2, `${evicted} evicted`);
    assert.doesNotMatch(metrics, /reason="refused"/);

    const deadline = Date.now() + GONE_LIMIT_MS;
    while (descriptors() > before + SLACK && Date.now() < deadline) await sleep(100);
    assert.ok(descriptors() <= before + SLACK, `${before} descriptors before, ${descriptors()} now`);
    assert.equal(hostile.exitCode, null);
    await assertServes();
  });
});
