import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { CONFIG, WEIGHTS } from '../../bench/adapter/write-adapter.ts';
import { apiPage } from '../../bench/api/api-page.ts';
import { writeLargeAdapter } from '../../bench/api/large-adapter.ts';
import { watchResidentMemory } from '../../bench/api/resident-memory.ts';
import { multipartBody, rawBody, sendBody } from '../../bench/api/send-body.ts';
import { residentBytes } from '../e2e/process-tree.ts';
import type { Service } from '../e2e/service.ts';
import { startServer } from '../http/server.ts';

async function withFolder(use: (dir: string) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'bench-api-'));
  try {
    await use(dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

describe('bench of the API: the adapter to upload', () => {
  it('is accepted by the service, in a form and as the body itself', () =>
    withFolder(async (dir) => {
      const bytes = await writeLargeAdapter(dir, 3e6);
      assert.equal((await readFile(join(dir, WEIGHTS))).length, bytes);
      assert.ok(bytes > 2.5e6 && bytes < 4e6, String(bytes));
      const server = await startServer({ maxUploadBytes: 10_000_000 });
      try {
        const running = { url: server.url, authorization: 'Bearer none', service: {} as Service };
        for (const bodyOf of [multipartBody, rawBody]) {
          const body = await bodyOf(dir);
          let sent = 0;
          for await (const chunk of body.chunks()) sent += chunk.length;
          assert.equal(body.headers['content-length'], sent, 'the length that is announced');
          assert.ok((await sendBody(running, body)) > 0);
        }
        const rows = await server.database.reader.selectFrom('adapter').select(['id', 'digest']).execute();
        assert.equal(new Set(rows.map(({ digest }) => digest)).size, 1);
        const files = await server.fetch(`/v1/adapters/${rows[0]!.id}/files/${CONFIG}`);
        assert.equal(await files.text(), await readFile(join(dir, CONFIG), 'utf8'));
      } finally {
        await server.close();
      }
    }));

  it('that is refused fails the benchmark', () =>
    withFolder(async (dir) => {
      await writeLargeAdapter(dir, 1e6);
      const server = createServer((request, response) => {
        request.resume().once('end', () => response.writeHead(507).end('no room'));
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const running = { url: `http://127.0.0.1:${port}`, authorization: '', service: {} as Service };
      try {
        await assert.rejects(sendBody(running, await rawBody(dir)), /507 no room/);
      } finally {
        server.close();
        server.closeAllConnections();
      }
    }));
});

describe('bench of the API: memory', () => {
  it('is the peak of the process', async () => {
    assert.ok(residentBytes(process) > 20e6);
    const { result, beforeBytes, peakBytes } = await watchResidentMemory(process, async () => {
      const held = Buffer.alloc(200e6, 1);
      return held.length;
    });
    assert.equal(result, 200e6);
    assert.ok(peakBytes - beforeBytes > 100e6, `${beforeBytes} to ${peakBytes}`);
  });
});

describe('bench of the API: its page', () => {
  const load = (requestsPerSecond: number, jobs: number) => ({
    requestsPerSecond,
    p50Ms: 3,
    p99Ms: 12,
    failures: 0,
    jobs,
  });
  const page = apiPage({
    conditions: ['Machine: one'],
    seconds: 10,
    idle: load(12345.6, 0),
    busy: load(9876.5, 8),
    uploads: [{ name: 'raw', bytes: 2e9, seconds: 5, beforeBytes: 180e6, peakBytes: 220e6 }],
  });
  const cells = (start: string): string[] =>
    page
      .split('\n')
      .find((line) => line.startsWith(`| ${start}`))!
      .split('|')
      .map((cell) => cell.trim());

  it('states what was measured, in the units that it names', () => {
    assert.deepEqual(cells('does nothing').slice(2, 7), ['12,346', '3', '12', '0', '0']);
    assert.deepEqual(cells('squeezes').slice(2, 7), ['9,877', '3', '12', '0', '8']);
    assert.deepEqual(cells('raw').slice(2, 8), ['2.0 GB', '5.00', '400', '180', '220', '40']);
    assert.match(page, /over 50 connections for 10 s/);
  });
});
