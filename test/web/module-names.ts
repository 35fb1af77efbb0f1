import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { writeAdapter } from '../../bench/adapter/write-adapter.ts';
import { Client } from '../e2e/client.ts';
import type { Service } from '../e2e/service.ts';
import { cannotRun, openPage } from './browser.ts';
import {
  assertLooksAlike,
  differenceFrom,
  drawnBy,
  drewReferences,
  isRenewing,
  MAX_SHARE,
  referenceOf,
} from './pictures.ts';
import { sharedPage } from './shared-page.ts';

const SIZE = 16;
const RANK = 4;
const WIDTHS = [375, 1024, 1440];

const product = (layers: readonly string[], projections: readonly string[]): string[] =>
  layers.flatMap((layer) => projections.map((projection) => `${layer}${projection}`));
const numbered = (count: number, path: (index: number) => string): string[] =>
  Array.from({ length: count }, (_, index) => path(index));

const ATTENTION = ['to_k', 'to_q', 'to_v', 'to_out.0'];
const BLOCKS = [
  ...numbered(2, (index) => `down_blocks.1.attentions.${index}.transformer_blocks.0.`),
  ...numbered(3, (index) => `down_blocks.2.attentions.0.transformer_blocks.${index}.`),
  'mid_block.attentions.0.transformer_blocks.9.',
  ...numbered(3, (index) => `up_blocks.0.attentions.${index}.transformer_blocks.0.`),
];
const SDXL = product(
  BLOCKS,
  [1, 2]
    .flatMap((which) => ATTENTION.map((name) => `attn${which}.${name}`))
    .concat('ff.net.0.proj', 'ff.net.2'),
);

/** Names as in real adapters of these models. */
const MODELS: Readonly<Record<string, readonly string[]>> = {
  llama: product(
    numbered(32, (index) => `model.layers.${index}.`),
    [
      'self_attn.q_proj',
      'self_attn.k_proj',
      'self_attn.v_proj',
      'self_attn.o_proj',
      'mlp.gate_proj',
      'mlp.down_proj',
    ],
  ),
  mixtral: product(
    numbered(4, (index) => `model.layers.${index}.`),
    [
      'self_attn.q_proj',
      ...product(
        numbered(8, (index) => `block_sparse_moe.experts.${index}.`),
        ['w1', 'w2', 'w3'],
      ),
    ],
  ),
  sdxl: SDXL,
  kohya: SDXL.map((name) => `lora_unet_${name.replaceAll('.', '_')}`),
};

/**
 * What cannot be read in the table of modules: cells that are cut off, and parts of names that are broken.
 */
const UNREADABLE = `(() => {
  const found = [];
  const table = document.querySelector('.virtual');
  if (table.scrollWidth > table.clientWidth) found.push('the table is wider than its place');
  for (const cell of table.querySelectorAll('th, td')) {
    if (cell.offsetWidth === 0) continue;
    const inner = cell.querySelector('.module-name, .layer-label, button') ?? cell;
    for (const box of [cell, inner])
      if (box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1)
        found.push('cut: ' + cell.textContent + ' ' + [box.scrollWidth, box.clientWidth, box.scrollHeight, box.clientHeight]);
  }
  for (const name of table.querySelectorAll('.module-name, .layer-label')) {
    if (getComputedStyle(name).textDecorationLine !== 'none') found.push('underlined: ' + name.textContent);
    const walker = document.createTreeWalker(name, NodeFilter.SHOW_TEXT);
    for (let text = walker.nextNode(); text; text = walker.nextNode())
      for (const { 0: word, index } of text.data.matchAll(/[^\\s]+/g)) {
        const range = document.createRange();
        range.setStart(text, index);
        range.setEnd(text, index + word.length);
        if (new Set([...range.getClientRects()].map(({ top }) => Math.round(top))).size > 1)
          found.push('broken: ' + word);
      }
  }
  return found;
})()`;

/** Faults of the layout, as rules for the page at 1024 px. */
const FAULTS: Readonly<Record<string, string>> = {
  'names that are broken inside a word': '.virtual .module-name { width: 8ch; overflow-wrap: anywhere }',
  'a column that is cut off': '.virtual table { width: 104% }',
  'letters that are too far apart': '.virtual .module-name { letter-spacing: 0.5px }',
  'text over other text': '.tiles .note { position: relative; top: -0.5rem }',
  'a panel that is 10 px too far right': '.workbench .map { translate: 10px }',
};

describe('names of modules', { skip: cannotRun }, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'page-names-'));
  let service: Service;
  let browser: Browser;
  let page: Page;

  before(async () => {
    ({ service, browser } = await sharedPage());
    ({ page } = await openPage(browser, `${service.url}/`, { reducedMotion: 'reduce' }));
  });
  after(async () => {
    await page?.context().close();
    rmSync(scratch, { recursive: true, force: true });
  });

  for (const [model, names] of Object.entries(MODELS))
    it(`can be read completely at every width: ${model}`, async (t) => {
      const dir = join(scratch, model);
      const modules = names.map((name) => ({
        name: `base_model.model.${name}`,
        outFeatures: SIZE,
        inFeatures: SIZE,
      }));
      await writeAdapter(dir, { name: model, rank: RANK, modules });
      const { adapter } = await new Client(service.url).upload(dir);
      await page.goto(`${service.url}/#/adapters/${adapter.id}`);
      await page.locator('.virtual').waitFor({ timeout: 60_000 });
      await page.getByText(`${names.length} of ${names.length} modules`).waitFor();
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: 900 });
        await page.evaluate(
          'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))',
        );
        assert.deepEqual(await page.evaluate(UNREADABLE), [], `${model} at ${width} px`);
        const excess = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
        assert.equal(excess, 0, `${model} is too wide for ${width} px`);
        if (isRenewing || drewReferences(page)) await assertLooksAlike(page, `${model}-${width}`);
        else
          t.diagnostic(
            `${model}-${width} is not compared: another version, ${drawnBy()}, drew the reference`,
          );
      }
      const shown = await page
        .locator('.virtual tbody button.module-name')
        .evaluateAll((all) => all.map((button) => button.textContent));
      assert.ok(shown.length > 6 && shown.every((text) => !text!.includes('…')), String(shown));
    });

  it('would not look like the references with a fault of the layout', async (t) => {
    if (!drewReferences(page)) return t.skip(`another version of the browser, ${drawnBy()}, drew them`);
    await page.setViewportSize({ width: 1024, height: 900 });
    const reference = referenceOf('kohya-1024');
    assert.ok((await differenceFrom(page, reference)).share <= MAX_SHARE);
    for (const [fault, rules] of Object.entries(FAULTS)) {
      await page.evaluate(
        `(() => { const sheet = new CSSStyleSheet(); sheet.replaceSync(${JSON.stringify(rules)}); document.adoptedStyleSheets = [sheet]; })()`,
      );
      const { share } = await differenceFrom(page, reference, 0);
      assert.ok(share > MAX_SHARE, `${fault}: ${share}`);
    }
    return undefined;
  });
});
