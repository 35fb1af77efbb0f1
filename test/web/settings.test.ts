import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { type Service, startService } from '../e2e/service.ts';
import { formOf, tinyAdapter } from '../http/tiny-adapter.ts';
import { assertAccessible, cannotRun, openBrowser, openPage, type WatchedPage } from './browser.ts';

const ADMIN_KEY = 'administrator-of-the-settings-42';
const TIMEOUT = { timeout: 60_000 };
const PHONE = { width: 375, height: 812 };

describe('the settings', { skip: cannotRun }, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'page-settings-'));
  /** The events that the receiver of webhooks got. */
  const received: string[] = [];
  let receiver: Server;
  let service: Service;
  let browser: Browser;
  let watched: WatchedPage;
  let page: Page;
  let adapterId: string;

  before(async () => {
    receiver = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      request.on('end', () => {
        received.push(body);
        response.end();
      });
    }).listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    const { port } = receiver.address() as AddressInfo;
    const env = {
      ...{ EXECUTION_PROVIDER: 'cpu', AUTH: 'keys', ADMIN_KEY },
      OUTBOUND_ALLOWED_HOSTS: `127.0.0.1:${port}`,
      SECRETS_KEYS: Buffer.alloc(32, 7).toString('base64'),
    };
    service = await startService({ dataDir: join(scratch, 'data'), env });
    const response = await fetch(`${service.url}/v1/adapters`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_KEY}` },
      body: formOf(tinyAdapter(5)),
    });
    adapterId = ((await response.json()) as { id: string }).id;
    browser = await openBrowser();
    watched = await openPage(browser, `${service.url}/#/settings`);
    page = watched.page;
    await enter(ADMIN_KEY);
  });
  after(async () => {
    await browser?.close();
    await service?.stop();
    receiver?.close();
    rmSync(scratch, { recursive: true, force: true });
  });

  async function enter(key: string): Promise<void> {
    await page.getByLabel('API key').fill(key);
    await page.getByRole('button', { name: 'Use this key' }).click();
  }
  const open = async (part: string) => {
    await page.goto(`${service.url}/#/settings/${part.toLowerCase()}`);
    await page.getByRole('navigation', { name: 'Settings' }).getByText(part).waitFor(TIMEOUT);
  };
  const dialog = () => page.getByRole('dialog');
  const confirm = (verb: string) => dialog().getByRole('button', { name: verb, exact: true }).click();

  it('show usage and limits of the tenant', async () => {
    await page.getByRole('heading', { name: 'Tenant default' }).waitFor(TIMEOUT);
    await page.locator('.tiles').getByText('1 adapters, no limit').waitFor();
    await assertAccessible(page, 'usage');
  });

  it('create a key, show it once, and revoke it', async () => {
    await open('Keys');
    await page.getByRole('button', { name: 'New key…' }).click();
    await dialog().getByLabel('Name').fill('looks only');
    await dialog()
      .getByLabel(/^write:/)
      .uncheck();
    await assertAccessible(page, 'the form for a key');
    await confirm('Create the key');
    const field = page.getByLabel('The key looks only');
    const key = await field.inputValue();
    assert.match(key, /^lsq_/);
    await assertAccessible(page, 'keys, with a new one');
    const caller = () => fetch(`${service.url}/v1/caller`, { headers: { authorization: `Bearer ${key}` } });
    assert.deepEqual(((await (await caller()).json()) as { scopes: string[] }).scopes, ['read']);
    await page.getByRole('button', { name: 'Done' }).click();
    assert.equal(await page.getByText(key).count(), 0);

    await page.getByRole('button', { name: 'Revoke looks only' }).click();
    await confirm('Revoke');
    await page.getByRole('row').filter({ hasText: 'looks only' }).getByText('revoked').waitFor();
    assert.equal((await caller()).status, 401);
  });

  it('create a webhook, show its secret once, test it, and show its deliveries', async () => {
    const { port } = receiver.address() as AddressInfo;
    const address = `http://127.0.0.1:${port}/hook`;
    await open('Webhooks');
    await page.getByRole('button', { name: 'New webhook…' }).click();
    await dialog().getByLabel('Address').fill(address);
    await confirm('Create the webhook');
    assert.match(await page.getByLabel(`The secret of ${address}`).inputValue(), /^whsec_/);
    await page.getByRole('button', { name: 'Done' }).click();
    await assertAccessible(page, 'webhooks');
    await page.getByRole('link', { name: address }).click();
    await page.getByRole('button', { name: 'Send a test' }).click();
    const delivery = page.getByRole('row').filter({ hasText: 'webhook.test' });
    await delivery.getByText('delivered').waitFor(TIMEOUT);
    assert.deepEqual(
      received.map((body) => (JSON.parse(body) as { type: string }).type),
      ['webhook.test'],
    );
    await assertAccessible(page, 'a webhook');
    await page.getByRole('button', { name: 'Disable' }).click();
    await page.getByText('disabled', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Delete' }).click();
    await confirm('Delete');
    await page.getByText('There is no webhook yet.').waitFor(TIMEOUT);
  });

  it('create a connection that imports and deliveries use, and delete it', async () => {
    const { port } = receiver.address() as AddressInfo;
    await open('Connections');
    await page.getByRole('button', { name: 'New connection…' }).click();
    await dialog().getByLabel('Leads to').selectOption('url');
    await dialog().getByLabel('Name', { exact: true }).fill('store');
    await dialog().getByLabel('Prefixes').fill(`http://127.0.0.1:${port}/out`);
    await dialog().getByLabel('Authorization header').fill('Bearer abc');
    await assertAccessible(page, 'the form for a connection');
    await confirm('Create the connection');
    await page.getByRole('row').filter({ hasText: 'store' }).getByText('its own').waitFor(TIMEOUT);
    await assertAccessible(page, 'connections');

    await page.goto(`${service.url}/#/adapters/${adapterId}`);
    await page.getByRole('button', { name: 'Deliver…' }).click();
    await dialog().getByLabel('Deliver to').fill(`http://127.0.0.1:${port}/out/a`);
    await dialog()
      .getByLabel(/model card/)
      .uncheck();
    await confirm('Deliver');
    await page.getByRole('heading', { level: 1, name: 'Delivery' }).waitFor(TIMEOUT);
    await page.locator('section[aria-label=Deliveries]').getByText('succeeded').waitFor(TIMEOUT);

    // The server sends nothing that is an adapter, which no retry changes.
    await page.goto(`${service.url}/#/adapters`);
    const source = `http://127.0.0.1:${port}/out/none`;
    await page.getByRole('button', { name: 'Import…' }).click();
    await dialog().getByLabel('Import from').fill(source);
    await confirm('Import');
    await page.getByRole('link', { name: 'Change and run again' }).click(TIMEOUT);
    assert.equal(await dialog().getByLabel('Import from').inputValue(), source);
    await dialog().getByRole('button', { name: 'Close' }).click();

    await open('Connections');
    await page.getByRole('button', { name: 'Delete store' }).click();
    await confirm('Delete');
    await page.getByText('There is no connection yet.').waitFor(TIMEOUT);
  });

  it('create a tenant with a weight and limits, suspend and resume it', async () => {
    await open('Tenants');
    await page.getByRole('button', { name: 'New tenant…' }).click();
    await dialog().getByLabel('ID').fill('team-a');
    await dialog().getByLabel('Weight').fill('3');
    await dialog().getByLabel('Queued jobs at most').fill('7');
    await confirm('Save');
    await page.getByRole('row').filter({ hasText: 'team-a' }).getByText('weight 3').waitFor(TIMEOUT);
    // One without a weight has the default of the service.
    await page.getByText('weight 100', { exact: true }).first().waitFor(TIMEOUT);
    await assertAccessible(page, 'tenants');
    await page.getByRole('link', { name: 'team-a' }).click();
    await page.locator('.tiles').getByText('of 7 at most').waitFor(TIMEOUT);
    await assertAccessible(page, 'a tenant');
    await page.getByRole('button', { name: 'Suspend' }).click();
    await confirm('Suspend');
    await page.getByText('suspended', { exact: true }).waitFor(TIMEOUT);
    await page.getByRole('button', { name: 'Resume' }).click();
    await page.getByText('active', { exact: true }).waitFor(TIMEOUT);
  });

  it('show the workers and what they run', async () => {
    await open('Workers');
    await page
      .getByRole('row')
      .filter({ hasText: 'active' })
      .getByText(/\d of \d/)
      .waitFor(TIMEOUT);
    await assertAccessible(page, 'workers');
  });

  it('fit a phone', async () => {
    await page.setViewportSize(PHONE);
    for (const part of ['Usage', 'Webhooks', 'Connections', 'Keys', 'Tenants', 'Workers']) {
      await open(part);
      await page.locator('.panel, table').first().waitFor();
      assert.equal(await page.evaluate('document.documentElement.scrollWidth - innerWidth'), 0, part);
    }
    await page.setViewportSize({ width: 1440, height: 900 });
  });

  it('show a key that may only read no button that would fail', async () => {
    const response = await fetch(`${service.url}/v1/keys`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'reader', scopes: ['read'], tenant: 'default' }),
    });
    const { key } = (await response.json()) as { key: string };
    await page.goto(`${service.url}/#/`);
    await page.getByRole('button', { name: 'Key', exact: true }).click();
    await enter(key);
    await page.getByText('Your key can only view and download').waitFor(TIMEOUT);
    assert.equal(await page.getByRole('button', { name: 'Choose files' }).count(), 0);
    await page.goto(`${service.url}/#/adapters/${adapterId}`);
    await page.getByRole('button', { name: 'All as zip' }).waitFor(TIMEOUT);
    for (const name of [/^Delete/, 'Rename', 'Deliver…', 'Save label'])
      assert.equal(await page.getByRole('button', { name }).count(), 0, String(name));
    await open('Usage');
    const tabs = await page.getByRole('navigation', { name: 'Settings' }).getByRole('link').allTextContents();
    assert.deepEqual(tabs, ['Usage', 'Webhooks', 'Connections']);
    watched.assertClean();
  });
});
