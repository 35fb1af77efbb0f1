import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { BatchRecord } from '../../src/contract/batch.ts';
import { Client } from '../e2e/client.ts';
import { type Service, startService } from '../e2e/service.ts';
import { CONFIG, tinyAdapter, WEIGHTS } from '../http/tiny-adapter.ts';
import { type FakeHub, GOOD_TOKEN, startFakeHub } from '../transfer/fake-hub.ts';
import { assertAccessible, cannotRun, openBrowser, openPage, type WatchedPage } from './browser.ts';

const TIMEOUT = { timeout: 60_000 };

describe('the form for a batch of remote adapters', { skip: cannotRun }, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'page-new-batch-'));
  let hub: FakeHub;
  let service: Service;
  let client: Client;
  let browser: Browser;
  let watched: WatchedPage;
  let page: Page;

  before(async () => {
    hub = await startFakeHub();
    const [chat, code] = [tinyAdapter(1), tinyAdapter(2)];
    hub.commit('team/adapters', {
      ...{ [`chat/${WEIGHTS}`]: chat.weights, [`chat/${CONFIG}`]: chat.config },
      ...{ [`code/${WEIGHTS}`]: code.weights, [`code/${CONFIG}`]: code.config },
    });
    const env = { EXECUTION_PROVIDER: 'cpu', HF_ENDPOINT: hub.url, HF_TOKEN: GOOD_TOKEN };
    service = await startService({ dataDir: join(scratch, 'data'), env });
    client = new Client(service.url);
    const connection = await client.fetch('/v1/connections', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        ...{ kind: 'hub', name: 'team', prefixes: ['hf://team'], ambient: true },
        allowed_hosts: [hub.host, hub.store.host],
      }),
    });
    assert.equal(connection.status, 201, await connection.clone().text());
    browser = await openBrowser();
    watched = await openPage(browser, `${service.url}/#/batches`);
    page = watched.page;
  });
  after(async () => {
    await browser?.close();
    await service?.stop();
    await hub?.close();
    rmSync(scratch, { recursive: true, force: true });
  });

  const batches = async () => (await client.json<{ data: BatchRecord[] }>('/v1/batches')).data;
  const check = () => page.getByRole('button', { name: 'Check the batch' }).click();
  const requestFor = async (language: string) => {
    await page.getByRole('button', { name: language, exact: true }).click();
    return (await page.getByRole('region', { name: `The request for ${language}` }).textContent())!;
  };
  /** The error of the focused field. */
  const fault = async () => {
    await page.locator('[aria-invalid=true]:focus').waitFor(TIMEOUT);
    return page.evaluate(`(() => {
      const field = document.activeElement;
      const [id] = field.getAttribute('aria-describedby').split(' ');
      return { name: field.name, text: document.getElementById(id).textContent };
    })()`) as Promise<{ name: string; text: string }>;
  };

  it('lists the content of a folder before anything is started', async () => {
    await page.getByRole('link', { name: 'New batch…' }).click();
    await page.getByRole('heading', { level: 1, name: 'New batch' }).waitFor(TIMEOUT);
    const folder = page.getByRole('combobox', { name: 'Folder' });
    await page.locator('datalist option[value="hf://team"]').first().waitFor({ state: 'attached' });
    await folder.fill('hf://team/adapters');
    await page.getByLabel('Rank', { exact: true }).fill('2');
    await check();
    await page.getByRole('heading', { name: 'The batch has 2 adapters' }).waitFor(TIMEOUT);
    await assertAccessible(page, 'the form for a batch');
    assert.deepEqual(await batches(), []);
  });

  it('shows the same request for a shell, for Python and for the command', async () => {
    await page.getByText('Request for a script').click();
    const body = JSON.parse(/-d '(.*)'$/s.exec(await requestFor('curl'))![1]!);
    assert.deepEqual(body, { source_prefix: 'hf://team/adapters', targets: [{ rank: 2 }] });
    assert.match(await requestFor('Python'), /service\.batches\.create\(\{\n {4}"source_prefix": "hf:/);
    assert.match(
      await requestFor('Command'),
      /batch create hf:\/\/team\/adapters\/ --server \S+ \\\n {2}--rank 2/,
    );
  });

  it('shows refusals of the service at their fields, and removes those of earlier requests', async () => {
    await page.getByLabel('Deliver the results to').fill('hf://team/adapters/out');
    assert.equal(await page.getByRole('button', { name: 'Squeeze 2 adapters' }).count(), 0);
    await check();
    const { name, text } = await fault();
    assert.equal(name, 'deliver');
    assert.match(text, /^"deliver" is inside "source_prefix"/);
    await page.getByRole('alert').filter({ hasText: 'BATCH_INVALID' }).waitFor();
    await assertAccessible(page, 'the form for a batch, refused');
    await page.getByLabel('Deliver the results to').fill('');
  });

  it('accepts a list, and reports what is wrong with a line', async () => {
    await page.getByLabel('Squeeze', { exact: true }).selectOption('list');
    const sources = page.getByLabel('Sources');
    const source = 'hf://team/adapters/chat';
    await sources.fill(`${source}\n\n${source}`);
    await check();
    assert.deepEqual(await fault(), { name: 'sources', text: 'sources[1] is the same as sources[0]' });
    await sources.fill(`${source}\nhf://team/adapters/code\n`);
    await check();
    await page.getByRole('heading', { name: 'The batch has 2 adapters' }).waitFor(TIMEOUT);
  });

  it('starts the batch, and opens it', async () => {
    await page.setViewportSize({ width: 375, height: 812 });
    assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 375);
    await page.setViewportSize({ width: 1440, height: 900 });
    await page.getByLabel('Name of the batch').fill('nightly');
    await check();
    await page.getByRole('button', { name: 'Squeeze 2 adapters' }).click();
    await page.getByRole('heading', { level: 1, name: 'nightly' }).waitFor(TIMEOUT);
    await page.getByRole('status').getByText('succeeded').waitFor(TIMEOUT);
    const [batch] = await batches();
    assert.deepEqual(batch?.counts.succeeded, 2);
    watched.assertClean();
  });
});
