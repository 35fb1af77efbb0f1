import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import type { JobRecord } from '../../src/contract/job.ts';
import type { RunRecord } from '../../src/contract/run.ts';
import { Client } from '../e2e/client.ts';
import type { Service } from '../e2e/service.ts';
import { until } from '../queue/harness.ts';
import { assertAccessible, cannotRun, openPage } from './browser.ts';
import { sharedPage } from './shared-page.ts';

const GPT2 = join(import.meta.dirname, '../../examples/adapters/gpt2-lora-r8');
const PHONE = { width: 375, height: 812 };
const DESKTOP = { width: 1440, height: 900 };

describe('the accessibility of the page', { skip: cannotRun }, () => {
  let service: Service;
  let browser: Browser;
  /** The addresses of all pages, and what they contain when they are loaded. */
  let places: [address: string, loaded: string][];

  before(async () => {
    ({ service, browser } = await sharedPage());
    const client = new Client(service.url);
    const { id } = (await client.upload(GPT2)).adapter;
    const job: JobRecord = await client.squeeze(id, [
      { rank: 4, profile: 'vllm' },
      { energy: 0.9, uniform: false },
    ]);
    const cloudflare = await client.squeeze(id, [{ rank: 4, profile: 'cloudflare' }]);
    const response = await client.fetch('/v1/runs', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ schedule: { source_rank: 8, target_rank: 2, total_steps: 1000 } }),
    });
    const run = (await response.json()) as RunRecord;
    places = [
      ['/', '.cards'],
      ['/adapters', '.cards'],
      [`/adapters/${id}`, '.workbench canvas'],
      ['/adapters/ad_0', '.problem'],
      ['/jobs', 'table'],
      ['/batches', '.panel'],
      [`/merge?of=${id}`, '.plain a'],
      ['/settings/webhooks', '.panel'],
      ['/settings/connections', '.panel'],
      ['/settings/usage', '.tiles'],
      ['/settings/workers', 'table'],
      [`/jobs/${job.id}`, '.report canvas'],
      [`/jobs/${cloudflare.id}`, '.verdict.is-bad'],
      [`/compare?a=${job.id}.0&b=${job.id}.1`, '.report canvas'],
      ['/runs', 'table'],
      [`/runs/${run.id}`, 'canvas'],
      ['/nowhere', 'h1'],
    ];
  });

  for (const [colorScheme, device, viewport] of [
    ['light', 'phone', PHONE],
    ['dark', 'desktop', DESKTOP],
  ] as const) {
    it(`passes axe, and fits the window: ${colorScheme}, ${device}`, async () => {
      const { page, assertClean } = await openPage(browser, `${service.url}/`, {
        colorScheme,
        viewport,
        reducedMotion: 'reduce',
      });
      for (const [address, loaded] of places) {
        await page.goto(`${service.url}/#${address}`);
        await page.locator(loaded).first().waitFor({ timeout: 60_000 });
        await page.evaluate(
          'for (const details of document.querySelectorAll("details:not([open]) > summary")) details.click()',
        );
        await assertAccessible(page, `${address}, ${colorScheme}, ${device}`);
        const excess = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
        assert.equal(excess, 0, `${address} is too wide for a ${device}`);
        const hidden = await page
          .getByRole('navigation', { name: 'Main' })
          .evaluate((nav) => nav.scrollWidth - nav.clientWidth);
        assert.equal(hidden, 0, `links of the navigation are hidden on a ${device}`);
        assert.equal(await page.locator('h1:visible').count(), 1, address);
      }
      assertClean();
      await page.context().close();
    });
  }

  it('lets the reader switch colours, in charts too, and remembers the choice', async () => {
    const { page } = await openPage(browser, `${service.url}/#${places[2]![0]}`, { colorScheme: 'light' });
    const ground = () => page.evaluate('getComputedStyle(document.documentElement).backgroundColor');
    // Not page.waitForFunction: it repeatedly evaluates a text in the page, which its content security policy
    // forbids.
    const untilCorner = (colour: string) =>
      until(`a corner of ${colour}`, async () => {
        const now = await page.evaluate(`(() => {
          const canvas = document.querySelector('.workbench canvas');
          return [...canvas.getContext('2d').getImageData(2, 2, 1, 1).data].slice(0, 3).join();
        })()`);
        return now === colour || undefined;
      });
    await page.locator('.workbench canvas').first().waitFor({ timeout: 60_000 });
    await untilCorner('255,255,255');
    const light = await ground();
    await page.getByRole('button', { name: 'Use dark colours' }).click();
    await untilCorner('22,28,39');
    const dark = await ground();
    assert.notEqual(light, dark);
    await page.reload();
    await page.getByRole('button', { name: 'Use light colours' }).waitFor();
    assert.equal(await ground(), dark);
    await page.context().close();
  });

  it('gives every chart a description and, if the chart shows more, a table', async () => {
    const { page } = await openPage(browser, `${service.url}/#${places[2]![0]}`);
    await page.locator('.workbench canvas').first().waitFor({ timeout: 60_000 });
    for (const figure of await page.locator('figure').all()) {
      assert.match((await figure.getByRole('img').getAttribute('aria-label'))!, /^\S.{20,}\.$/s);
      await figure.locator('summary').click();
      await figure.getByRole('table').waitFor();
      assert.ok((await figure.getByRole('row').count()) > 8);
    }
    assert.equal(await page.getByRole('row', { name: /^rank 4 1\.62 MB 10\.9 % / }).count(), 1);
    await page.context().close();
  });

  it('describes how the stages of a run learn, and what the last one gets', async () => {
    const { page } = await openPage(browser, `${service.url}/#${places.at(-2)![0]}`);
    await page.getByText('rank 2, stage 3 of 3: 500 steps, 41.2 % of Σ(learning rate × steps)').waitFor();
    await page.getByText('warm-up until step 30').waitFor();
    await page.getByText('Stages as a table').click();
    const last = page.getByRole('row').filter({ hasText: '×\u00a01.59' });
    await last.waitFor();
    assert.deepEqual(await last.getByRole('cell').allTextContents(), [
      '2',
      '500',
      '1000',
      '×\u00a01.59',
      '30',
      '500',
      '41.2\u00a0%',
    ]);
    await page.context().close();
  });

  it('lets the keyboard skip the header', async () => {
    const { page } = await openPage(browser, `${service.url}/`);
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate('document.activeElement.textContent'), 'Skip to content');
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate('document.activeElement.id'), 'main');
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate('document.activeElement.textContent'), 'Choose files');
    await page.context().close();
  });
});
