import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import { Client } from '../e2e/client.ts';
import { buildSafetensors, parseSafetensors } from '../oracle/safetensors.ts';
import { cannotRun, openPage, uploadAndAnalyze, type WatchedPage } from './browser.ts';
import { sharedPage } from './shared-page.ts';

const GPT2 = join(import.meta.dirname, '../../examples/adapters/gpt2-lora-r8');
const CONFIG = join(GPT2, 'adapter_config.json');
const MLX = join(import.meta.dirname, '../fixtures/adapters/mlx-qwen25-05b-r8');

describe('the page with files other than the two of PEFT', { skip: cannotRun }, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'page-other-'));
  const { tensors } = parseSafetensors(readFileSync(join(GPT2, 'adapter_model.safetensors')));
  const half = tensors.size / 2;
  const shards = [[...tensors].slice(0, half), [...tensors].slice(half)].map((part, index) => {
    const path = join(scratch, `cut-0000${index + 1}-of-00002.safetensors`);
    writeFileSync(path, buildSafetensors(Object.fromEntries(part)));
    return path;
  });
  let url: string;
  let browser: Browser;
  let client: Client;
  let watched: WatchedPage;
  let page: Page;

  before(async () => {
    const shared = await sharedPage();
    ({ browser } = shared);
    ({ url } = shared.service);
    client = new Client(url);
    watched = await openPage(browser, `${url}/`);
    ({ page } = watched);
  });
  after(async () => {
    await page?.context().close();
    rmSync(scratch, { recursive: true, force: true });
  });

  it('names a shard that was not chosen', async () => {
    await page.setInputFiles('[data-picker=files]', [shards[0]!, CONFIG]);
    await page
      .getByText(/cut-00002-of-00002\.safetensors/)
      .first()
      .waitFor();
  });

  it('uploads all shards as one adapter', async () => {
    await page.goto(`${url}/#/`);
    await uploadAndAnalyze(page, [...shards, CONFIG]);
    await page.getByText('36 of 36 modules').waitFor();
    const { data } = await client.json<{ data: AdapterRecord[] }>('/v1/adapters?limit=1');
    assert.deepEqual(
      data[0]!.files.map(({ name }) => name),
      ['adapter_model.safetensors', 'adapter_config.json'],
    );
  });

  it('offers the programs that load the format of the result', async () => {
    await page.goto(`${url}/#/`);
    await uploadAndAnalyze(
      page,
      ['adapters.safetensors', 'adapter_config.json'].map((name) => join(MLX, name)),
    );
    const offered = async () =>
      (await page.getByLabel('Serve with').locator('option').allTextContents()).join(', ');
    const own = await offered();
    assert.match(own, /mlx-lm/);
    assert.doesNotMatch(own, /vLLM|llama\.cpp/);
    await page.getByRole('button', { name: 'Ranks by module', exact: true }).click();
    const size = page.getByRole('slider', { name: 'Size of the factors' });
    for (let presses = 0; presses < 3; presses++) await size.press('PageDown');
    await page.getByText(/^mlx-lm needs one rank for all modules\..* choose one rank for all\.$/).waitFor();
    await page.getByRole('button', { name: 'One rank for all', exact: true }).click();
    await page.getByText('mlx-lm needs one rank').waitFor({ state: 'detached' });
    await page.getByText('Advanced', { exact: true }).click();
    await page.getByLabel('Format', { exact: true }).selectOption('peft');
    await page.getByLabel('Serve with').getByText('vLLM').waitFor({ state: 'attached' });
    assert.doesNotMatch(await offered(), /mlx-lm/);
    watched.assertClean();
  });
});
