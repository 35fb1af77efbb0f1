import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startGateway } from './gateway.ts';
import { runPython, skipWithoutPython } from './python.ts';
import { serviceFixture } from './service-fixture.ts';

describe('the Python client with a token that is renewed', { skip: skipWithoutPython('httpx') }, () => {
  const fixture = serviceFixture('python-token');
  for (const kind of ['blocking', 'async'])
    it(`sends the newest token in each request, including retries, ${kind}`, async () => {
      const gateway = await startGateway(fixture.service.url, { failures: [503] });
      try {
        const versions = await runPython<string[]>('renewed_token.py', kind, gateway.url);
        assert.equal(versions.length, 2);
        assert.deepEqual(
          gateway.requests.map(({ authorization }) => authorization),
          ['Bearer token-1', 'Bearer token-2', 'Bearer token-3'],
        );
      } finally {
        await gateway.close();
      }
    });
});
