import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Outbound } from '../../src/net/outbound.ts';
import { SCHEDULE_MS } from '../../src/resources/webhooks/delivery-schedule.ts';
import { sendRequest } from '../../src/resources/webhooks/send-request.ts';
import { signedHeaders } from '../../src/resources/webhooks/signature.ts';
import { newSecret } from '../../src/resources/webhooks/webhook-secrets.ts';
import { LOOPBACK } from './webhook-bench.ts';

const ROOT = join(import.meta.dirname, '../..');

/** The code in docs/webhooks.md, exactly as written. */
describe('docs/webhooks.md', () => {
  let text: string;
  let folder: string;
  before(async () => {
    text = await readFile(join(ROOT, 'docs/webhooks.md'), 'utf8');
    folder = await mkdtemp(join(tmpdir(), 'ls-watching-'));
    await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  });
  after(() => rm(folder, { recursive: true }));

  /** The block in a language that defines a name. */
  const block = (language: string, name: string): string => {
    const blocks = [...text.matchAll(/```(\w+)\n(.*?)```/gs)];
    const found = blocks.find(([, of, code]) => of === language && code!.includes(name));
    assert.ok(found, `${language} ${name}`);
    return found[2]!;
  };

  it('verifies in JavaScript what the service signed, and nothing else', async () => {
    const module = join(folder, 'receive.mjs');
    await writeFile(module, block('js', 'function receive'));
    const { receive } = (await import(module)) as {
      receive: (secret: string, onEvent: (event: { type: string }, id: string) => void) => Server;
    };
    const secret = newSecret();
    const seen: [string, string][] = [];
    const server = receive(secret, ({ type }, id) => seen.push([type, id])).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const outbound = new Outbound(LOOPBACK);
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
      const body = JSON.stringify({ type: 'webhook.test', timestamp: new Date().toISOString(), data: {} });
      const send = (signedBy: string[]) =>
        sendRequest(outbound, url, {
          headers: signedHeaders('msg_1', body, signedBy, Date.now()),
          body,
          timeoutMs: 10_000,
          signal: new AbortController().signal,
        });
      assert.equal((await send([newSecret(), secret])).status, 204);
      assert.equal((await send([newSecret()])).status, 401);
      assert.deepEqual(seen, [['webhook.test', 'msg_1']]);
    } finally {
      await outbound.close();
      server.close();
    }
  });

  it('verifies in Python what the service signed, and nothing else', (t) => {
    if (spawnSync('python3', ['--version']).status !== 0) return t.skip('there is no python3');
    const secret = `whsec_${randomBytes(24).toString('base64')}`;
    const body = '{"type":"job.failed","text":"ü"}';
    const now = Date.now();
    const cases = [
      [signedHeaders('msg_1', body, [secret], now), true],
      [signedHeaders('msg_1', body, [newSecret(), secret], now), true],
      [signedHeaders('msg_1', body, [newSecret()], now), false],
      [signedHeaders('msg_1', `${body} `, [secret], now), false],
      [signedHeaders('msg_1', body, [secret], now - 600_000), false],
    ] as const;
    const program = `${block('python', 'def is_genuine')}
import json, sys
secret, body, cases = json.load(sys.stdin)
print(json.dumps([is_genuine(secret, headers, body.encode()) for headers in cases]))`;
    const input = JSON.stringify([secret, body, cases.map(([headers]) => headers)]);
    const { stdout, stderr } = spawnSync('python3', ['-c', program], { input, encoding: 'utf8' });
    assert.equal(stderr, '');
    assert.deepEqual(
      JSON.parse(stdout),
      cases.map(([, isGenuine]) => isGenuine),
    );
    return undefined;
  });

  it('states the real schedule', () => {
    const schedule = /after 5 seconds, 5 and 30 minutes, 2, 5, 10, 14, 20 and 24 hours/;
    assert.match(text.replace(/\s+/g, ' '), schedule);
    const [second, minute, hour] = [1_000, 60_000, 3_600_000];
    const hours = [2, 5, 10, 14, 20, 24].map((count) => count * hour);
    assert.deepEqual(SCHEDULE_MS, [0, 5 * second, 5 * minute, 30 * minute, ...hours]);
  });
});
