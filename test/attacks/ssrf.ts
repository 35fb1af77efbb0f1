import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { problemOf } from '../e2e/client.ts';
import type { AttackTarget } from './attack-target.ts';

interface Case {
  readonly url: string;
  readonly what: string;
  readonly refused: 'invalid' | 'forbidden' | 'at connect';
}
const CASES = JSON.parse(
  readFileSync(join(import.meta.dirname, '../fixtures/ssrf.json'), 'utf8'),
) as readonly Case[];
const CODES: readonly string[] = ['OUTBOUND_FORBIDDEN', 'OUTBOUND_URL_INVALID'];
/** Texts that the contract accepts as URLs; all others are refused before they are used. */
const MAX_URL_CHARACTERS = 2048;
const URL_CHARACTERS = /^https?:\/\/[!-[\]-~]+$/;

/** Sends every URL of the list as a webhook and as a source. */
export function internalUrlAttacks(attacked: AttackTarget): void {
  const post = (path: string, body: object): Promise<Response> =>
    attacked.client.fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  async function refused(response: Response, url: string): Promise<void> {
    const { code, status, detail } = await problemOf(response);
    const isUrl = url.length <= MAX_URL_CHARACTERS && URL_CHARACTERS.test(url);
    if (code === 'VALIDATION_FAILED') assert.ok(!isUrl && status === 400, detail);
    else assert.ok(CODES.includes(code) && status === 422, `${code}: ${detail}`);
  }

  for (const { url, what, refused: when } of CASES) {
    // Also with https, so that http is not the reason for the refusal.
    for (const text of [...new Set([url, url.replace(/^http:/, 'https:')])]) {
      it(`${what}: ${JSON.stringify(text.slice(0, 60))}`, async () => {
        const webhook = await post('/v1/webhooks', { url: text });
        // The name may be resolved, but no connection is made to its address, as test/net/ssrf.test.ts shows.
        if (when === 'at connect' && webhook.ok) return;
        await refused(webhook, text);
        if (when === 'at connect') return;
        const source = { kind: 'url', files: { weights: { url: text } } };
        await refused(await post('/v1/jobs', { kind: 'import', source }), text);
      });
    }
  }

  it('harm nothing: the service answers, and has no webhook with an internal address', async () => {
    const { data: webhooks } = await attacked.client.json<{ data: { url: string }[] }>('/v1/webhooks');
    for (const { url } of webhooks) assert.match(url, /nip\.io|\.test/);
  });
}
