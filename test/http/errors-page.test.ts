import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { errorsPage } from '../../scripts/errors-page.ts';
import { ERROR_KINDS } from '../../src/errors/error-kinds.ts';
import { problemIn, startServer } from './server.ts';

const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');

describe('docs/errors.md', () => {
  it('is generated from the table of errors (npx tsx scripts/write-errors.ts)', () => {
    assert.equal(page, errorsPage());
  });

  it('lists every code once, with its status', () => {
    for (const [code, { status }] of Object.entries(ERROR_KINDS)) {
      const rows = page.split('\n').filter((line) => line.includes(`| \`${code}\` |`));
      assert.equal(rows.length, 1, code);
      assert.ok(rows[0]!.startsWith(`| ${status} |`), code);
    }
  });

  it('shows a problem document exactly as the service sends it', async () => {
    const server = await startServer();
    try {
      const shown = JSON.parse(/```json\n([\s\S]*?)```/.exec(page)![1]!) as Record<string, unknown>;
      const given = await problemIn(await server.fetch('/v1/adapters/ad_0'), 404, 'ADAPTER_NOT_FOUND');
      assert.match(given.instance!, /^urn:lora-squeeze:request:./);
      assert.deepEqual({ ...given, instance: shown.instance }, shown);
    } finally {
      await server.close();
    }
  });
});
