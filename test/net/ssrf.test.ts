import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { AppError } from '../../src/errors/app-error.ts';
import { guardedLookup } from '../../src/net/destinations.ts';
import { Outbound } from '../../src/net/outbound.ts';
import { dialsDuring } from './dials.ts';
import { nameServer, serve, type TestServer } from './servers.ts';

interface Case {
  readonly url: string;
  readonly what: string;
  /** The URL as the WHATWG parser reads it. */
  readonly whatwg: string;
  readonly refused: 'invalid' | 'forbidden' | 'at connect';
}
const CASES = JSON.parse(readFileSync(join(import.meta.dirname, '../fixtures/ssrf.json'), 'utf8')) as Case[];
const CODES = {
  invalid: 'OUTBOUND_URL_INVALID',
  forbidden: 'OUTBOUND_FORBIDDEN',
  'at connect': 'OUTBOUND_FORBIDDEN',
};
const NOTHING_ALLOWED = { allowedHosts: [] };

const codeOf = (error: unknown): string => {
  assert.ok(error instanceof AppError, String(error));
  return error.code;
};
const codeThrown = async (work: () => unknown): Promise<string | undefined> => {
  try {
    await work();
    return undefined;
  } catch (error) {
    return codeOf(error);
  }
};

describe('hostile URLs', () => {
  for (const { url, what, refused } of CASES) {
    it(`${what}: ${url.slice(0, 60)}`, async () => {
      const outbound = new Outbound(NOTHING_ALLOWED, nameServer(['127.0.0.1']));
      // Unchanged, and also with https, so that http is not the reason for the refusal.
      for (const text of [url, url.replace(/^http:/, 'https:')]) {
        const code = await codeThrown(() => outbound.checkUrl(text));
        if (refused !== 'at connect' || text.startsWith('http:')) assert.equal(code, CODES[refused], text);
        else assert.equal(code, undefined, 'its name may be asked for');
        const dials = await dialsDuring(async () => {
          assert.equal(await codeThrown(() => outbound.request(text)), CODES[refused], text);
          assert.equal(await codeThrown(() => outbound.fetchFollowingRedirects(text)), CODES[refused], text);
          assert.equal(await codeThrown(() => outbound.fetch(text)), CODES[refused], text);
        });
        assert.deepEqual(dials, []);
      }
      await outbound.close();
    });
  }

  it('are refused without revealing what is behind the host', async () => {
    const outbound = new Outbound(NOTHING_ALLOWED);
    const secrets = ['s3cr3t', 'path-part', 'fragment'];
    for (const url of [
      'http://user:s3cr3t@10.0.0.1/path-part?sig=s3cr3t#fragment',
      'https://user:s3cr3t@example.com/path-part?sig=s3cr3t',
      'https://10.0.0.1/path-part?sig=s3cr3t#fragment',
      'gopher://10.0.0.1/path-part?sig=s3cr3t',
      'https://exa mple.com/path-part?sig=s3cr3t',
      'https://example.com\\path-part?sig=s3cr3t',
    ]) {
      await assert.rejects(outbound.request(url), (error: AppError) => {
        const text = JSON.stringify([error.message, error.context, error.stack]);
        for (const secret of secrets) assert.ok(!text.includes(secret), text);
        return true;
      });
    }
    await outbound.close();
  });
});

describe('names', () => {
  it('that have one private address among public ones are refused', async () => {
    for (const addresses of [
      ['1.1.1.1', '127.0.0.1'],
      ['10.0.0.1', '8.8.8.8'],
      ['2606:4700::1111', '::ffff:169.254.169.254'],
      ['1.1.1.1', '64:ff9b::a00:1'],
      [],
    ]) {
      const names = nameServer(addresses);
      const outbound = new Outbound(NOTHING_ALLOWED, names);
      const dials = await dialsDuring(async () => {
        assert.equal(await codeThrown(() => outbound.request('https://several.test/')), 'OUTBOUND_FORBIDDEN');
      });
      assert.deepEqual([dials, names.asked], [[], ['several.test']]);
      await outbound.close();
    }
  });

  it('do not reveal their addresses', async () => {
    const outbound = new Outbound(NOTHING_ALLOWED, nameServer(['10.11.12.13']));
    await assert.rejects(outbound.request('https://inside.test/'), (error: AppError) => {
      assert.match(error.message, /inside\.test does not resolve to a public address/);
      assert.ok(!JSON.stringify([error.message, error.context]).includes('10.11.12.13'));
      return true;
    });
    await outbound.close();
  });

  it('that change their address are resolved once per connection, and the checked address is used', async () => {
    const names = nameServer(['1.1.1.1'], ['127.0.0.1']);
    const guarded = guardedLookup(names.lookup);
    const look = (): Promise<unknown> =>
      new Promise((resolve, reject) => {
        guarded('rebind.test', { all: true }, (error, addresses) =>
          error ? reject(error) : resolve(addresses),
        );
      });
    assert.deepEqual(await look(), [{ address: '1.1.1.1', family: 4 }]);
    assert.equal(names.asked.length, 1);
    assert.equal(await codeThrown(look), 'OUTBOUND_FORBIDDEN');
    const dials = await dialsDuring(async () => {
      const outbound = new Outbound(NOTHING_ALLOWED, names);
      assert.equal(await codeThrown(() => outbound.request('https://rebind.test/')), 'OUTBOUND_FORBIDDEN');
      await outbound.close();
    });
    assert.deepEqual(dials, []);
  });
});

describe('redirects', () => {
  let server: TestServer;
  let target = '';
  let outbound: Outbound;
  before(async () => {
    server = await serve(
      (_request, response) => void response.writeHead(302, { location: target }).end('moved'),
    );
  });
  beforeEach(() => {
    outbound = new Outbound({ allowedHosts: [server.host] }, nameServer(['127.0.0.1']));
  });
  afterEach(() => outbound.close());
  after(() => server.close());

  for (const place of [
    'http://169.254.169.254/latest/meta-data/',
    'https://169.254.169.254/',
    'https://[::ffff:a9fe:a9fe]/',
    'https://public-name-of-a-private-address.test/',
    '//2130706433/',
    'http://127.0.0.1:1/',
    'https://localhost/',
    'file:///etc/passwd',
    'https://user:pass@example.com/',
    'http://',
  ]) {
    it(`to ${place} are not followed`, async () => {
      target = place;
      const codes = ['OUTBOUND_FORBIDDEN', 'OUTBOUND_URL_INVALID'];
      const dials = await dialsDuring(async () => {
        const code = await codeThrown(() => outbound.fetchFollowingRedirects(server.url));
        assert.ok(code !== undefined && codes.includes(code), code);
        assert.notEqual(await codeThrown(() => outbound.fetch(server.url)), undefined);
      });
      assert.deepEqual(new Set(dials), new Set([server.host]));
    });
  }
});
