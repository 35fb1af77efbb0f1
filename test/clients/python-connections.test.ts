import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runPython, skipWithoutPython } from './python.ts';
import { serviceFixture } from './service-fixture.ts';

interface Connections {
  readonly made: { readonly name: string; readonly prefixes: readonly string[] };
  readonly listed: readonly string[];
  readonly changed: { readonly prefixes: readonly string[] };
  readonly codes: readonly string[];
}

describe('connections in Python', { skip: skipWithoutPython('httpx') }, () => {
  const fixture = serviceFixture('python-connections');

  for (const kind of ['blocking', 'async'])
    it(`are made, listed, changed and removed by the ${kind} client, and sources go through them`, async () => {
      const { made, listed, changed, codes } = await runPython<Connections>(
        'connections.py',
        kind,
        fixture.service.url,
      );
      assert.deepEqual([made.name, made.prefixes], ['team', ['hf://team']]);
      assert.ok(!JSON.stringify([made, changed]).includes('hf_example'), 'credentials are never shown');
      assert.deepEqual(listed, ['team']);
      assert.deepEqual(changed.prefixes, ['hf://team/adapters']);
      assert.deepEqual(codes, ['CONNECTION_NOT_FOUND', 'CONNECTION_NEEDED']);
    });
});
