import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser, CDPSession } from 'playwright-core';
import type { AdapterSpec } from '../../bench/adapter/adapter-spec.ts';
import { writeAdapter } from '../../bench/adapter/write-adapter.ts';
import type { Service } from '../e2e/service.ts';
import { cannotRun, openPage, uploadAndAnalyze } from './browser.ts';
import { longestTaskMs, slownessOf } from './longest-task.ts';
import { sharedPage } from './shared-page.ts';

const SIZE = 40;
/** At rank 64 no task is longer than the limit below either, but the analysis takes half a minute or more. */
const RANK = 16;
/** Visible and spare rows of a table of 480 px. */
const MAX_ROWS = 30;
/**
 * What 4,000 modules may cost the page, as a multiple of 224 modules: with all rows it would be eighteen
 * times as much.
 */
const MAX_TIMES_WORK = 4;
/** Longer tasks of a page are noticeable, on a machine that is not slow. */
const MAX_TASK_MS = 200;
const PROJECTIONS = [
  'self_attn.q_proj',
  'self_attn.k_proj',
  'self_attn.v_proj',
  'self_attn.o_proj',
  'mlp.gate_proj',
  'mlp.up_proj',
  'mlp.down_proj',
];

/** A model of many small layers. */
function spec(modules: number): AdapterSpec {
  const names = Array.from({ length: modules }, (_, index) => {
    const layer = Math.floor(index / PROJECTIONS.length);
    return `base_model.model.model.layers.${layer}.${PROJECTIONS[index % PROJECTIONS.length]}`;
  });
  return {
    name: `small-${modules}`,
    rank: RANK,
    modules: names.map((name) => ({ name, outFeatures: SIZE, inFeatures: SIZE })),
  };
}

/** Seconds of processor time that the page has used so far, whatever else the machine does. */
async function workOf(session: CDPSession): Promise<number> {
  const { metrics } = await session.send('Performance.getMetrics');
  return metrics.find(({ name }) => name === 'TaskDuration')!.value;
}

describe('the page of an adapter with many modules', { skip: cannotRun }, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'page-many-'));
  let service: Service;
  let browser: Browser;

  before(async () => {
    ({ service, browser } = await sharedPage());
  });
  after(() => rmSync(scratch, { recursive: true, force: true }));

  /**
   * Opens the adapter and performs the actions of a user. @returns the cost for the page, in seconds of
   * processor time
   */
  async function workWith(dir: string, modules: number): Promise<number> {
    const { page, assertClean } = await openPage(browser, `${service.url}/`);
    const session = await page.context().newCDPSession(page);
    await session.send('Performance.enable', { timeDomain: 'threadTicks' });
    const before = await workOf(session);
    const rows = () => page.locator('.virtual tbody tr:not(.gap)').count();
    await uploadAndAnalyze(page, [join(dir, 'adapter_model.safetensors'), join(dir, 'adapter_config.json')]);
    await page
      .getByText(`${modules.toLocaleString('en')} of ${modules.toLocaleString('en')} modules`)
      .waitFor();
    const rowCount = await page.locator('.virtual table').getAttribute('aria-rowcount');
    assert.equal(rowCount, String(modules + 1), 'its own row is the head');
    assert.ok((await rows()) <= MAX_ROWS, `${await rows()} rows`);

    const slider = page.getByRole('slider', { name: 'Rank', exact: true });
    await slider.focus();
    for (const key of ['Home', 'ArrowRight', 'ArrowRight', 'End', 'ArrowLeft', 'PageDown'])
      await slider.press(key);
    for (const share of [0.5, 1, 0.25]) {
      await page.evaluate(
        `(() => { const host = document.querySelector('.virtual'); host.scrollTo(0, ${share} * host.scrollHeight); })()`,
      );
      await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
      assert.ok((await rows()) <= MAX_ROWS);
    }
    await page.getByRole('columnheader', { name: 'Error' }).getByRole('button').click();
    await page
      .getByRole('group', { name: 'What the map shows' })
      .getByRole('button', { name: 'Error' })
      .click();
    await page.getByText('Rank, energy and error by module as a table').click();
    await page.getByRole('searchbox', { name: 'Search modules' }).fill('layers.17.');
    await page.getByText(/^7 of /).waitFor();
    assert.ok((await rows()) <= 7);
    assert.ok(((await page.evaluate('document.querySelectorAll("*").length')) as number) < 2500);
    const work = (await workOf(session)) - before;

    await page.getByRole('searchbox', { name: 'Search modules' }).fill('');
    const table = page.getByRole('region', { name: 'Table of the modules' });
    await page.getByRole('button', { name: 'Layer', exact: true }).click();
    await table.focus();
    await page.keyboard.press('End');
    const last = Math.floor((modules - 1) / PROJECTIONS.length);
    await page
      .getByRole('button', { name: new RegExp(`layers\\.${last}\\.`) })
      .first()
      .waitFor();
    assert.ok((await rows()) <= MAX_ROWS);
    assertClean();
    await page.context().close();
    return work;
  }

  it('has no noticeable task, from the analysis to the last step of a drag', async () => {
    const dir = join(scratch, '4000');
    await writeAdapter(dir, spec(4000));
    const slowness = await slownessOf(browser);
    const { page, assertClean } = await openPage(browser, `${service.url}/`);
    const longest = await longestTaskMs(browser, page, async () => {
      await uploadAndAnalyze(page, [
        join(dir, 'adapter_model.safetensors'),
        join(dir, 'adapter_config.json'),
      ]);
      await page.getByRole('button', { name: 'Ranks by module', exact: true }).click();
      const handle = page.getByRole('slider', { name: 'Size on the curve, ranks by module' });
      for (const key of ['PageDown', 'PageDown', 'ArrowLeft']) await handle.press(key);
      await page.getByRole('button', { name: 'Select this layer' }).click();
      await page.getByRole('button', { name: `Leave as they are (rank ${RANK})` }).click();
      await page.getByText('7 modules selected, 7 pinned').waitFor();
      await page.getByLabel('Minimise').selectOption('energy');
      await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
    });
    const limitMs = MAX_TASK_MS * Math.max(slowness, await slownessOf(browser));
    assert.ok(longest < limitMs, `${longest} ms of at most ${limitMs} ms`);
    assertClean();
    await page.context().close();
  });

  it('stays fluid, and its table shows the last modules at its end', async () => {
    const work: number[] = [];
    for (const modules of [224, 4000]) {
      const dir = join(scratch, String(modules));
      await writeAdapter(dir, spec(modules));
      work.push(await workWith(dir, modules));
    }
    const [few, many] = work as [number, number];
    assert.ok(many < MAX_TIMES_WORK * few, `${many} s of work instead of ${few} s`);
  });
});
