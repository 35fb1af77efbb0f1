import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { AuditEntry } from '../../src/http/plugins/audit.ts';
import { startServer, type TestServer } from './server.ts';

describe('the address of a client', () => {
  let server: TestServer;
  let entries: AuditEntry[];
  afterEach(() => server.close());

  async function start(trustedProxies: readonly string[], failedKeysPerMinute = 100): Promise<void> {
    entries = [];
    server = await startServer(
      {},
      { auth: { mode: 'keys', failedKeysPerMinute }, audit: (entry) => entries.push(entry), trustedProxies },
    );
  }
  const ask = (forwarded: string, key = `lsq_${'x'.repeat(32)}`) =>
    server.fetch('/v1/jobs', {
      headers: { 'x-forwarded-for': forwarded, authorization: `Bearer ${key}` },
    });
  async function addressFor(forwarded: string): Promise<string | undefined> {
    assert.equal((await ask(forwarded)).status, 401);
    return entries.pop()?.ip;
  }

  it('is that of the connection, whatever a header of an untrusted client says', async () => {
    await start([]);
    assert.equal(await addressFor('203.0.113.9'), '127.0.0.1');
    await server.close();
    await start(['10.0.0.0/8', 'fd00::/8']);
    assert.equal(await addressFor('203.0.113.9'), '127.0.0.1', 'loopback is not among the proxies');
  });

  it('is the last one that is not a proxy, even if the client has put others before it', async () => {
    await start(['127.0.0.1', '10.0.0.0/8']);
    const cases: [forwarded: string, address: string][] = [
      ['203.0.113.9', '203.0.113.9'],
      ['198.51.100.1, 203.0.113.9', '203.0.113.9'],
      ['198.51.100.1, 203.0.113.9, 10.1.2.3', '203.0.113.9'],
      ['10.9.9.9, 10.1.2.3', '10.9.9.9'],
      ['2001:db8::7', '2001:db8::7'],
      ['203.0.113.9:51234', '203.0.113.9'],
      ['[2001:db8::7]:51234', '2001:db8::7'],
      ['unknown', '127.0.0.1'],
      ['<script>, 10.1.2.3', '127.0.0.1'],
      ['', '127.0.0.1'],
    ];
    for (const [forwarded, address] of cases) assert.equal(await addressFor(forwarded), address, forwarded);
  });

  it('is the one by which failed keys are counted', async () => {
    await start(['127.0.0.1'], 2);
    const statuses = async (forwarded: string) => (await ask(forwarded)).status;
    for (const expected of [401, 401, 429]) assert.equal(await statuses('203.0.113.9'), expected);
    assert.equal(await statuses('198.51.100.1'), 401, 'another client behind the same proxy');
    assert.equal(await statuses('198.51.100.1, 203.0.113.9'), 429, 'one that pretends to be another');
  });

  it('cannot be forged with another header, and neither can the host', async () => {
    await start(['127.0.0.1']);
    await server.fetch('/v1/jobs', {
      headers: { 'x-real-ip': '203.0.113.9', forwarded: 'for=203.0.113.9', 'x-forwarded-host': 'evil.test' },
    });
    assert.equal(entries.pop()?.ip, '127.0.0.1');
  });
});
