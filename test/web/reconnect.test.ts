import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { Client } from '../e2e/client.ts';
import { type Service, startService } from '../e2e/service.ts';
import { tinyAdapter } from '../http/tiny-adapter.ts';
import { cannotRun, openBrowser, openPage } from './browser.ts';

const TIMEOUT = { timeout: 60_000 };

describe('the page while the service is away', { skip: cannotRun }, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'page-reconnect-'));
  let service: Service;
  let browser: Browser;

  const start = (port?: number) =>
    startService({
      dataDir: join(scratch, 'data'),
      env: { EXECUTION_PROVIDER: 'cpu' },
      ...(port !== undefined && { port }),
    });

  before(async () => {
    service = await start();
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    await service?.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  it('reports the lost connection, keeps its content, and reconnects by itself', async () => {
    const client = new Client(service.url);
    const upload = async (seed: number) =>
      ((await (await client.postAdapter(tinyAdapter(seed))).json()) as { id: string }).id;
    const analyze = async (id: string, name: string) => {
      const response = await client.postJob({ kind: 'analyze', adapter_id: id, name });
      assert.equal(response.status, 202);
    };
    await analyze(await upload(1), 'before');
    const { page, assertClean } = await openPage(browser, `${service.url}/#/jobs`);
    await page.getByRole('row').filter({ hasText: 'before' }).getByText('succeeded').waitFor(TIMEOUT);
    const lost = page.getByRole('status').filter({ hasText: 'Reconnecting…' });
    assert.equal(await lost.count(), 0);
    const { port } = new URL(service.url);
    await service.stop();
    await lost.waitFor(TIMEOUT);
    assert.equal(await page.getByRole('link', { name: 'before' }).isVisible(), true);
    service = await start(Number(port));
    await lost.waitFor({ ...TIMEOUT, state: 'detached' });
    await analyze(await upload(2), 'afterwards');
    await page.getByRole('row').filter({ hasText: 'afterwards' }).getByText('succeeded').waitFor(TIMEOUT);
    assertClean();
    await page.context().close();
  });
});
