import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { atRate } from '../../bench/syncs/at-rate.ts';
import { CallWatch, syncsBetween } from '../../bench/syncs/call-watch.ts';
import { jobPage, livezPage } from '../../bench/syncs/syncs-page.ts';

const noCompiler = !existsSync('/usr/bin/gcc') && 'there is no gcc';

/** Makes a file durable twice, by two calls, and prints how many milliseconds it took. */
const PROGRAM = `
  const fs = require('node:fs');
  const file = fs.openSync(process.argv[1], 'w');
  const begin = performance.now();
  fs.fsyncSync(file);
  fs.fdatasyncSync(file);
  console.log(performance.now() - begin);`;

describe('bench of syncs: the preloaded library', { skip: noCompiler }, () => {
  it('counts the calls of all processes, and makes them slower', () => {
    const folder = mkdtempSync(join(tmpdir(), 'bench-syncs-'));
    try {
      const watch = new CallWatch(folder, 50);
      const none = watch.counts();
      assert.deepEqual(none, { fsync: 0, fdatasync: 0, processes: 0, open: 0, read: 0, write: 0 });
      for (const processes of [1, 2]) {
        const args = ['-e', PROGRAM, join(folder, 'file')];
        const env = { ...process.env, ...watch.env };
        const taken = Number(execFileSync(process.execPath, args, { env, encoding: 'utf8' }));
        assert.ok(taken >= 100, `${taken} ms`);
        const { fsync, fdatasync, processes: begun, open, read, write } = watch.counts();
        assert.deepEqual([fsync, fdatasync, begun], [processes, processes, processes]);
        assert.ok(open >= processes && read >= processes && write >= processes, `${open} ${read} ${write}`);
      }
      assert.equal(syncsBetween(none, watch.counts()), 4);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('bench of syncs: the load', () => {
  it('continues while no request is answered, and reports the answers', async () => {
    const held: (() => void)[] = [];
    const server = createServer((request, response) => {
      held.push(() => response.writeHead(request.method === 'POST' ? 202 : 500).end());
      // If each request waited for the one before, no request would follow the first one.
      if (held.length === 5) for (const answer of held) answer();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
      const { statuses, milliseconds } = await atRate({ url, body: '{}' }, 100, 0.05);
      assert.deepEqual([...statuses], [[202, 5]]);
      assert.equal(milliseconds.length, 5);
    } finally {
      server.close();
      server.closeAllConnections();
    }
    const { statuses } = await atRate({ url: 'http://127.0.0.1:1/' }, 100, 0.02);
    assert.deepEqual([...statuses], [[0, 2]]);
  });
});

describe('bench of syncs: its page', () => {
  const answers = (milliseconds: number[], status: number) => ({
    milliseconds,
    statuses: new Map([[status, milliseconds.length]]),
    seconds: 1,
  });
  const row = (delayMs: number, livezMs: number) => ({
    ...{ delayMs, syncs: 120 },
    livez: answers([1, 2, livezMs], 200),
    jobs: answers(new Array(60).fill(3), 202),
  });

  it('states which delays exceed the limit', () => {
    assert.match(livezPage([row(0, 3), row(10, 49)]), /All are below the aim/);
    const page = livezPage([row(0, 3), row(10, 50)]);
    assert.match(page, /Not below the aim, a 99th percentile of 50 ms: with 10 ms\./);
    assert.match(
      page.replace(/ +/g, ' '),
      /\| 10 ms \| 2\.0 \| 50\.0 \| 50\.0 \| 0 \| 60 \| 3\.0 \| 3\.0 \| 0 \| 120 \|/,
    );
  });

  it('has one number per job', () => {
    const page = jobPage({ jobs: [5, 4, 9], idlePerMinute: 12, processes: 3 });
    assert.match(page, /^\*\*5\*\* from its request .* all 3 processes; median of 3 jobs/m);
    assert.match(page, /\(4 to 9\)\..* 12 a minute/);
  });
});
