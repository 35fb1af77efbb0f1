import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { RunRecord } from '../../src/contract/run.ts';
import { type Service, startService } from '../e2e/service.ts';
import {
  assertAccessible,
  cannotRun,
  openBrowser,
  openPage,
  uploadAndAnalyze,
  type WatchedPage,
} from './browser.ts';
import { openRequestGate } from './gate.ts';

const GPT2 = join(import.meta.dirname, '../../examples/adapters/gpt2-lora-r8');
const FILES = ['adapter_model.safetensors', 'adapter_config.json'].map((name) => join(GPT2, name));
const ADMIN_KEY = 'administrator-of-the-page-test-42';

describe('the page when the service refuses a call', { skip: cannotRun }, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'page-refusals-'));
  let service: Service;
  let browser: Browser;
  let watched: WatchedPage;
  let page: Page;
  let keys: { full: string; reader: string };

  before(async () => {
    const env = { EXECUTION_PROVIDER: 'cpu', AUTH: 'keys', ADMIN_KEY };
    service = await startService({ dataDir: join(scratch, 'data'), env });
    keys = { full: await newKey(['read', 'write']), reader: await newKey(['read']) };
    browser = await openBrowser();
    watched = await openPage(browser, `${service.url}/`);
    page = watched.page;
  });
  after(async () => {
    await browser?.close();
    await service?.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  async function createKey(scopes: string[]): Promise<{ id: string; key: string }> {
    await fetch(`${service.url}/v1/tenants/page`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
      body: '{}',
    });
    const response = await fetch(`${service.url}/v1/keys`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({ tenant: 'page', scopes }),
    });
    return (await response.json()) as { id: string; key: string };
  }
  const newKey = async (scopes: string[]): Promise<string> => (await createKey(scopes)).key;
  async function enter(key: string): Promise<void> {
    await page.getByLabel('API key').fill(key);
    await page.getByRole('button', { name: 'Use this key' }).click();
  }
  /** The alert that is shown, and its code. */
  async function problem(code: string): Promise<string> {
    const alert = page.getByRole('alert').filter({ hasText: code });
    await alert.waitFor({ timeout: 30_000 });
    return (await alert.textContent())!;
  }

  it('asks for a key if one is required, and for nothing else', async () => {
    await page.getByRole('heading', { name: 'This service needs a key' }).waitFor();
    assert.equal(await page.locator('.drop').isVisible(), false);
    assert.equal(await page.evaluate('document.activeElement.id'), 'key');
    await assertAccessible(page, 'the form for the key');
  });

  it('shows in the form that a key is wrong', async () => {
    await enter('lsq_00000000_nothing');
    assert.match(await problem('KEY_INVALID'), /unknown, was revoked, or has expired/);
    assert.equal(await page.locator('.key-form [role=alert]').textContent(), await problem('KEY_INVALID'));
  });

  it('continues with a valid key, which is not written to a disk', async () => {
    await enter(keys.full);
    await page.locator('.drop').waitFor();
    assert.equal(await page.locator('.key-form').count(), 0);
    assert.equal(await page.evaluate('sessionStorage.getItem("lora-squeeze.key")'), keys.full);
    assert.equal(await page.evaluate('JSON.stringify(localStorage).includes("lsq_")'), false);
    await page.reload();
    await page.locator('.drop').waitFor();
  });

  it('passes the key to a new tab, and forgets it in both at once', async () => {
    const other = await page.context().newPage();
    await other.goto(`${service.url}/`);
    await other.locator('.drop').waitFor();
    await other.reload();
    await other.locator('.drop').waitFor();
    await other.getByRole('button', { name: 'Key', exact: true }).click();
    await other.getByRole('heading', { name: 'Your key' }).waitFor();
    await other.getByText('This page acts for the tenant page with the scopes read, write').waitFor();
    await other.getByRole('button', { name: 'Forget the key' }).click();
    for (const one of [page, other])
      await one.getByRole('heading', { name: 'This service needs a key' }).waitFor();
    await other.close();
    await enter(keys.full);
    await page.locator('.drop').waitFor();
  });

  const pickle = Buffer.concat([Buffer.from([0x80, 2]), Buffer.from('}q\x00.'), Buffer.alloc(64)]);
  const broken = Buffer.concat([Buffer.from([40, 0, 0, 0, 0, 0, 0, 0]), Buffer.alloc(40, 'x')]);
  const cases: [what: string, name: string, bytes: Buffer, code: RegExp][] = [
    ['a pickle', 'adapter_model.bin', pickle, /PICKLE_REFUSED/],
    ['a pickle under a wrong name', 'adapter_model.safetensors', pickle, /PICKLE_REFUSED|ST_\w+/],
    ['a broken header', 'adapter_model.safetensors', broken, /ST_\w+/],
    ['something else', 'notes.txt', Buffer.from('hello'), /FILE_MISSING/],
  ];
  for (const [what, name, bytes, code] of cases) {
    it(`shows in the drop zone what is wrong with ${what}`, async () => {
      mkdirSync(join(scratch, what), { recursive: true });
      const path = join(scratch, what, name);
      writeFileSync(path, bytes);
      await page.setInputFiles('[data-picker=files]', [path, FILES[1]!]);
      const alert = page.locator('.hero .problem').filter({ hasText: code });
      await alert.waitFor({ timeout: 30_000 });
      assert.match((await alert.locator('p').first().textContent())!, /\w+ .{10,}/);
      await page.getByRole('button', { name: /^Dismiss / }).click();
      await page.getByText('Drop an adapter here').waitFor();
    });
  }

  it('can do everything with the key: upload, analysis, events, download', async () => {
    await uploadAndAnalyze(page, FILES);
    await page.getByRole('button', { name: 'Squeeze to rank 4' }).click();
    await page.getByRole('heading', { level: 2, name: 'rank 4' }).waitFor({ timeout: 60_000 });
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: /adapter_model\.safetensors/ }).click();
    assert.equal((await download).suggestedFilename(), 'adapter_model.safetensors');
  });

  it('offers the choice, but no job, with a key that may only read', async () => {
    await page.locator('.facts a').first().click();
    const start = page.getByRole('button', { name: 'Squeeze to rank 4' });
    await start.waitFor({ timeout: 60_000 });
    await page.getByRole('button', { name: 'Key', exact: true }).click();
    await enter(keys.reader);
    // The analysis exists, and reading it is permitted.
    await page.getByText('This key may only read').waitFor({ timeout: 60_000 });
    assert.equal(await start.count(), 0);
    assert.equal(await page.getByRole('slider').first().isVisible(), true);
    await page.getByRole('button', { name: 'Key', exact: true }).click();
    await enter(keys.full);
    await start.waitFor({ timeout: 60_000 });
  });

  it('shows a run, but no call that sends a checkpoint, with a key that may only read', async () => {
    const here = page.url();
    const response = await fetch(`${service.url}/v1/runs`, {
      method: 'POST',
      headers: { authorization: `Bearer ${keys.full}`, 'content-type': 'application/json' },
      body: JSON.stringify({ schedule: { source_rank: 8, target_rank: 2, total_steps: 1000 } }),
    });
    const { id } = (await response.json()) as RunRecord;
    await page.goto(`${service.url}/#/runs/${id}`);
    const call = page.getByRole('region', { name: 'The request for curl' });
    await call.getByText('-H "Authorization: Bearer $LORA_SQUEEZE_KEY"').waitFor();
    await page.getByRole('button', { name: 'Key', exact: true }).click();
    await enter(keys.reader);
    await page.getByText('This key may only read: it cannot send a checkpoint.').waitFor();
    assert.equal(await call.count(), 0);
    await page.getByRole('button', { name: 'Key', exact: true }).click();
    await enter(keys.full);
    await call.waitFor();
    await page.goto(here);
    await page.getByRole('button', { name: 'Squeeze to rank 4' }).waitFor({ timeout: 60_000 });
  });

  it('keeps the key that was entered last, even if an older one is refused after that', async (t) => {
    const gate = await openRequestGate(service.url);
    t.after(() => gate.close());
    const other = await openPage(browser, gate.url);
    const use = async (key: string) => {
      await other.page.getByLabel('API key').fill(key);
      await other.page.getByRole('button', { name: 'Use this key' }).click();
      await other.page.getByRole('button', { name: 'Key', exact: true }).waitFor();
    };
    const old = await createKey(['read', 'write']);
    await use(old.key);
    gate.hold(/^POST \/v1\/adapters /);
    await other.page.setInputFiles('[data-picker=files]', FILES);
    await gate.untilHeld(1);
    await other.page.getByRole('button', { name: 'Key', exact: true }).click();
    await use(keys.full);
    const headers = { authorization: `Bearer ${ADMIN_KEY}` };
    const revoked = await fetch(`${service.url}/v1/keys/${old.id}`, { method: 'DELETE', headers });
    assert.equal(revoked.ok, true);
    gate.letThrough();
    await other.page.locator('.uploads .problem', { hasText: 'KEY_' }).waitFor({ timeout: 30_000 });
    assert.equal(await other.page.locator('.key-form').count(), 0);
    assert.equal(await other.page.locator('.drop').isVisible(), true);
    other.assertClean();
    await other.page.context().close();
  });

  it('shows in the panel what a profile does not accept, before anything is sent', async () => {
    await page.getByText('Advanced', { exact: true }).click();
    await page.getByLabel('Serve with').selectOption('sglang');
    await page.getByLabel('Choose ranks by').selectOption('energy');
    await page.getByLabel('One rank for all modules').uncheck();
    await page.locator('.squeeze .problem', { hasText: 'needs one rank for all modules' }).waitFor();
    assert.equal(await page.getByRole('button', { name: /^Squeeze to/ }).isDisabled(), true);
  });

  it('reports that an adapter, a job or a page does not exist', async () => {
    await page.goto(`${service.url}/#/adapters/ad_00000000000000000000000000000000`);
    await problem('ADAPTER_NOT_FOUND');
    await page.goto(`${service.url}/#/jobs/job_0`);
    await problem('JOB_NOT_FOUND');
    for (const nowhere of ['nowhere', '%', 'jobs%E0/x']) {
      await page.goto(`${service.url}/#/${nowhere}`);
      await page.getByRole('heading', { name: 'Nothing is here' }).waitFor();
      await page.goto(`${service.url}/#/`);
      await page.locator('.drop').waitFor();
    }
  });

  it('reports that the service is gone', async () => {
    await page.goto(`${service.url}/#/`);
    await page.locator('.drop').waitFor();
    await page.context().setOffline(true);
    await page.getByRole('link', { name: 'Jobs', exact: true }).click();
    await problem('UNREACHABLE');
    await page.context().setOffline(false);
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('table').waitFor();
    watched.assertClean();
  });
});
