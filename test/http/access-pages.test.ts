import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import type { NewKey } from '../../src/contract/key.ts';
import { openRateCounter } from './rate-counter.ts';
import { startServer, type TestServer } from './server.ts';
import { CONFIG, tinyAdapter, WEIGHTS } from './tiny-adapter.ts';

const DOCS = join(import.meta.dirname, '../../docs');
const ADMIN_KEY = 'administrator-of-these-pages-1';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pages-test-'));
  const { weights, config } = tinyAdapter();
  await writeFile(join(folder, WEIGHTS), weights);
  await writeFile(join(folder, CONFIG), config);
});
after(async () => {
  await rm(folder, { recursive: true });
});

/** Runs the shell examples of a page in order, and returns what each printed. */
async function runExamples(
  page: string,
  server: TestServer,
  environment: (before: readonly string[]) => Promise<Record<string, string>>,
): Promise<string[]> {
  const text = readFileSync(join(DOCS, page), 'utf8');
  const printed: string[] = [];
  for (const [, code] of text.matchAll(/^```sh\n([\s\S]*?)^```/gm)) {
    const { stdout } = await promisify(execFile)(
      'sh',
      ['-euc', code!.replaceAll('http://127.0.0.1:8080', server.url)],
      {
        cwd: folder,
        env: { ...process.env, ...(await environment(printed)) },
      },
    );
    printed.push(stdout);
  }
  return printed;
}

describe('docs/keys.md', () => {
  it('has examples that work as written', async () => {
    const counter = await openRateCounter();
    const server = await startServer(
      {},
      { auth: { mode: 'keys', adminKey: () => ADMIN_KEY }, rates: counter.rates },
    );
    try {
      await server.workspaces.tenants.put('search', {});
      const { key: KEY } = await server.keys.create({
        tenant: 'search',
        name: '',
        scopes: ['read'],
        expiresAt: null,
      });
      const [jobs, team, made, revoked, tenant] = await runExamples(
        'keys.md',
        server,
        async ([, , created]) => ({
          KEY,
          ADMIN_KEY,
          OLD_KEY_ID: created === undefined ? '' : (JSON.parse(`${created.split('}')[0]!}}`) as NewKey).id,
        }),
      );
      assert.deepEqual(JSON.parse(jobs!).data, []);
      assert.equal(JSON.parse(team!).id, 'search');
      assert.match(made!, /"key":"lsq_[0-9a-f_]+"\}\s*\{"data":\[\{"id":"key_/);
      assert.equal(revoked, '');
      assert.deepEqual(JSON.parse(tenant!).quotas, {
        stored_bytes: 107_374_182_400,
        max_queued: 20,
        requests_per_minute: 600,
      });

      const counted = await server.fetch('/v1/jobs', { headers: { authorization: `Bearer ${KEY}` } });
      const text = readFileSync(join(DOCS, 'keys.md'), 'utf8');
      assert.ok(text.includes(`ratelimit-policy: ${counted.headers.get('ratelimit-policy')}`));
      assert.match(counted.headers.get('ratelimit')!, /^"requests";r=\d+;t=\d+$/);
    } finally {
      await server.close();
      await counter.close();
    }
  });
});

describe('docs/idempotency.md', () => {
  it('has examples that work as written', async () => {
    const server = await startServer();
    try {
      const { id: ADAPTER_ID } = await server.upload();
      const [jobs, upload, digest] = await runExamples('idempotency.md', server, async () => ({
        ADAPTER_ID,
      }));
      const ids = [...jobs!.matchAll(/"id":"(job_[0-9a-f]+)"/g)].map(([, id]) => id);
      assert.equal(ids.length, 2);
      assert.equal(ids[0], ids[1]);
      assert.equal(jobs!.match(/^idempotent-replayed: true/gim)?.length, 1);
      assert.equal(JSON.parse(upload!).complete, true);
      assert.match(digest!, /^repr-digest: sha-256=:[A-Za-z0-9+/=]+:/i);
    } finally {
      await server.close();
    }
  });
});
