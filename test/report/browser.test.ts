import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { reportPage } from '../../src/report/page/page.ts';
import type { ReportInput } from '../../src/report/report-input.ts';
import { assertAccessible, noChromium, openBrowser } from '../web/browser.ts';
import { buildReportInput } from './report-inputs.ts';

const PAGES: Readonly<Record<string, ReportInput>> = {
  squeeze: buildReportInput({
    modules: 32,
    rank: 16,
    targets: [{ rank: 4, profile: 'vllm' }, { rank: 8 }],
    warnings: ['A warning.'],
  }),
  // One module for each verdict of an analysis, and some more.
  analysis: buildReportInput({ modules: 8, kind: 'analyze' }),
  merge: buildReportInput({ modules: 8, kind: 'merge', sources: 3 }),
  hostile: buildReportInput({
    modules: 30,
    nameOf: (index) => `layers.${index}.<img src=x onerror=alert(1)>${'w'.repeat(index * 300)}`,
    baseModel: '</title><script>alert(1)</script>',
  }),
  diffusion: buildReportInput({
    modules: 32,
    nameOf: (index) => `down_blocks.${index}.attentions.1.transformer_blocks.0.attn2.to_out.0`,
    targets: [{ rank: 4 }],
  }),
  large: buildReportInput({ modules: 4000, rank: 32, targets: [{ rank: 8 }, { rank: 16 }] }),
};

describe('the page of a report in a browser', { skip: noChromium }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'report-'));
  let browser: Browser;
  before(async () => {
    browser = await openBrowser();
    for (const [name, input] of Object.entries(PAGES))
      writeFileSync(join(folder, `${name}.html`), reportPage(input, false).text);
  });
  after(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true });
  });

  async function opened(
    name: string,
    { width = 1280, scheme = 'light' as 'light' | 'dark' } = {},
  ): Promise<{ page: Page; requested: string[]; messages: string[] }> {
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme: scheme });
    const [requested, messages]: [string[], string[]] = [[], []];
    page.on('request', (request) => requested.push(request.url()));
    page.on('console', (message) => messages.push(message.text()));
    page.on('dialog', (dialog) => messages.push(dialog.message()));
    await page.goto(pathToFileURL(join(folder, `${name}.html`)).href);
    return { page, requested: requested.filter((url) => !/^(?:data:,|file:.*\.html)$/.test(url)), messages };
  }

  for (const name of Object.keys(PAGES)) {
    it(`loads nothing, logs no errors and is as wide as its window: ${name}`, async () => {
      const { page, requested, messages } = await opened(name);
      assert.deepEqual([requested, messages], [[], []]);
      for (const width of [390, 1280]) {
        await page.setViewportSize({ width, height: 900 });
        const wide = 'document.documentElement.scrollWidth - window.innerWidth';
        assert.equal(await page.evaluate(wide), 0, `at ${width}`);
      }
      await page.close();
    });
  }

  it('has a row for each module if there is room', async () => {
    for (const name of ['squeeze', 'diffusion']) {
      const { page } = await opened(name, { width: 1440 });
      const rows = page.getByRole('region', { name: 'Modules: table' }).locator('tbody tr');
      const heights = await rows.evaluateAll((all) => all.map((row) => row.getBoundingClientRect().height));
      assert.ok(heights.length >= 32);
      for (const height of heights) assert.ok(height > 0 && height < 40, `${name}: a row of ${height} px`);
      await page.close();
    }
  });

  it('shows every result completely on a phone', async () => {
    for (const name of ['squeeze', 'merge', 'analysis']) {
      const { page } = await opened(name, { width: 375 });
      const tables = await page.locator('.short').evaluateAll((all) =>
        all.map((table) => ({
          label: table.getAttribute('aria-label'),
          cut: table.scrollWidth - table.clientWidth,
          // Higher than its own text needs.
          high: Math.max(
            ...[...table.querySelectorAll('td')].map((cell) => {
              const lines = Math.max(cell.firstElementChild!.getBoundingClientRect().height, 21);
              return cell.getBoundingClientRect().height - lines;
            }),
          ),
        })),
      );
      assert.ok(tables.length > 0, name);
      for (const { label, cut, high } of tables) {
        assert.equal(cut, 0, `${name}, ${label}: ${cut} px are cut`);
        assert.ok(high < 30, `${name}, ${label}: ${high} px of a cell are empty`);
      }
      await page.close();
    }
  });

  it('is accessible, in the light and in the dark', async () => {
    for (const name of ['squeeze', 'analysis', 'merge']) {
      for (const scheme of ['light', 'dark'] as const) {
        const { page } = await opened(name, { scheme });
        await assertAccessible(page, `${name}, ${scheme}`);
        await page.close();
      }
    }
  });

  it("has charts in the reader's colour scheme", async () => {
    const ground = `getComputedStyle(document.querySelector('#chart-error svg rect')).fill`;
    for (const [scheme, colour] of [
      ['light', 'rgb(255, 255, 255)'],
      ['dark', 'rgb(22, 28, 39)'],
    ] as const) {
      const { page } = await opened('squeeze', { scheme });
      assert.equal(await page.evaluate(ground), colour);
      await page.emulateMedia({ media: 'print' });
      assert.equal(await page.evaluate(ground), 'rgb(255, 255, 255)', 'paper is white');
      await page.close();
    }
  });

  it('prints on a few pages', async () => {
    const { page } = await opened('squeeze');
    const pdf = (await page.pdf({ format: 'A4', printBackground: true })).toString('latin1');
    const pages = Number(/\/Count (\d+)/.exec(pdf)?.[1]);
    assert.ok(pages >= 2 && pages <= 8, `${pages} pages`);
    await page.close();
  });
});
