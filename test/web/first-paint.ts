import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import type { Service } from '../e2e/service.ts';
import { cannotRun, openPage } from './browser.ts';
import { sharedPage } from './shared-page.ts';

const MAX_FIRST_PAINT_BYTES = 60_000;

/** The files that the page has loaded so far, with their compressed sizes. */
const LOADED = `performance.getEntriesByType('resource')
  .filter(({ name }) => name.includes('/assets/'))
  .map(({ name, encodedBodySize }) => [name.split('/').at(-1), encodedBodySize])`;

describe('the first paint of the page', { skip: cannotRun }, () => {
  let service: Service;
  let browser: Browser;
  before(async () => {
    ({ service, browser } = await sharedPage());
  });

  it('loads at most 60 kB, and no chart', async () => {
    const { page, assertClean } = await openPage(browser, `${service.url}/`);
    await page.getByText('Drop an adapter here').waitFor();
    await page.waitForLoadState('load');
    const loaded = (await page.evaluate(LOADED)) as [name: string, bytes: number][];
    const bytes = loaded.reduce((sum, [, one]) => sum + one, 0);
    assert.ok(bytes > 20_000 && bytes <= MAX_FIRST_PAINT_BYTES, `${bytes} bytes: ${loaded.join('; ')}`);
    assert.ok(!loaded.some(([name]) => name.startsWith('echarts')), String(loaded));
    assertClean();
    await page.context().close();
  });
});
