import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser, Locator, Page } from 'playwright-core';
import { writeAdapter } from '../../bench/adapter/write-adapter.ts';
import { formatPercent } from '../../src/charts/format.ts';
import { succeededResults } from '../../src/charts/succeeded-targets.ts';
import type { JobRecord } from '../../src/contract/job.ts';
import type { Report, SucceededTargetReport } from '../../src/contract/report.ts';
import { Client } from '../e2e/client.ts';
import type { Service } from '../e2e/service.ts';
import { until } from '../queue/harness.ts';
import { assertAccessible, cannotRun, openPage, type WatchedPage } from './browser.ts';
import { sharedPage } from './shared-page.ts';

const GPT2 = join(import.meta.dirname, '../../examples/adapters/gpt2-lora-r8');

describe('the rank studio', { skip: cannotRun }, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'page-studio-'));
  let service: Service;
  let browser: Browser;
  let client: Client;
  let watched: WatchedPage;
  let page: Page;
  let adapterId: string;
  let analysis: NonNullable<Report['analysis']>;

  before(async () => {
    ({ service, browser } = await sharedPage());
    client = new Client(service.url);
    adapterId = (await client.upload(GPT2)).adapter.id;
    watched = await openPage(browser, `${service.url}/#/adapters/${adapterId}`);
    page = watched.page;
    await handle('one rank for all').waitFor({ timeout: 60_000 });
    const { data: jobs } = await client.json<{ data: JobRecord[] }>(
      `/v1/jobs?kind=analyze&adapter_id=${adapterId}`,
    );
    analysis = (await client.report(jobs[0]!.id)).analysis!;
  });
  after(async () => {
    await page?.context().close();
    rmSync(scratch, { recursive: true, force: true });
  });

  const handle = (line: string): Locator => page.getByRole('slider', { name: `Size on the curve, ${line}` });
  const tile = (title: string) =>
    page.locator('.tiles > div', { hasText: title }).first().locator('.tile-value').textContent();
  /** The address is updated a moment after the choice. */
  const addressWith = (part: string | RegExp) =>
    until(`an address with ${part}`, async () => (page.url().match(part) ? page.url() : undefined));

  it('gives the ranks by module that the analysis recommends, for the size of the chosen rank', async () => {
    assert.equal(await tile('Mean module error'), formatPercent(analysis.uniform.module_relative_error!));
    await page.getByText('Rank 4 halves the size and keeps 98.7 % of the update.').waitFor();
    await page.getByText('The blue handle is at the recommended rank for all modules.').waitFor();
    await page.getByRole('button', { name: 'Ranks by module', exact: true }).click();
    await page
      .getByText(
        'The grey handle is at the same size on the other line, which is the recommended rank for all modules.',
      )
      .waitFor();
    assert.equal(await tile('Mean module error'), formatPercent(analysis.budget.module_relative_error!));
    assert.equal(await tile('Size of the factors'), '1.62\u00a0MB');
    const { min, max } = analysis.budget.rank;
    await page.getByText(new RegExp(`^Ranks ${min}–${max} halve the size and keep`)).waitFor();
  });

  it('can be dragged along both lines, with mouse and keyboard', async () => {
    const one = handle('one rank for all');
    const box = (await one.boundingBox())!;
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    await page.mouse.move(x, y);
    await page.mouse.down();
    await page.mouse.move(x - 400, y, { steps: 8 });
    await page.mouse.up();
    assert.equal(await page.getByLabel('Rank, as a number').inputValue(), '1');
    await one.press('ArrowRight');
    await one.press('ArrowRight');
    assert.equal(await page.getByLabel('Rank, as a number').inputValue(), '3');
    assert.match((await one.getAttribute('aria-valuetext'))!, /^rank 3, 1\.22\u00a0MB, error 14\.6\u00a0%$/);

    const each = handle('ranks by module');
    await each.focus();
    await each.press('End');
    assert.equal(await tile('Mean module error'), '0\u00a0%');
    await each.press('PageDown');
    assert.match((await each.getAttribute('aria-valuetext'))!, /^ranks \d–8, [\d.]+\sMB, error [\d.]+\s%$/);
    await each.press('Home');
    assert.equal(await tile('Mean module error'), formatPercent(analysis.curve[0]!.module_relative_error!));
  });

  it('keeps a number that is half typed while the page is rendered again', async () => {
    await page.getByRole('button', { name: 'One rank for all', exact: true }).click();
    const number = page.getByLabel('Rank, as a number');
    const place = handle('one rank for all');
    const before = await place.getAttribute('aria-valuetext');
    await number.fill('');
    // Something else changes, and the field keeps the focus.
    await page.evaluate(`{
      const select = [...document.querySelectorAll('select')].find(({ value }) => value === 'relative');
      select.value = 'energy';
      select.dispatchEvent(new Event('change', { bubbles: true }));
    }`);
    await until('the error of the whole adapter on the curve', async () =>
      (await place.getAttribute('aria-valuetext')) === before ? undefined : true,
    );
    assert.equal(await number.inputValue(), '');
    await number.pressSequentially('3');
    await number.press('Enter');
    await page.locator('[role=slider][aria-valuetext^="rank 3,"]').waitFor();
    await page.getByLabel('Minimise').selectOption('relative');
  });

  it('takes the largest error or the largest size, for one rank and for ranks by module', async () => {
    const [error, size] = ['Mean module error at most', 'Size at most'].map((label) =>
      page.getByLabel(label),
    ) as [Locator, Locator];
    const enter = async (field: Locator, value: string) => {
      await field.fill(value);
      await field.press('Enter');
    };
    const rank = page.getByLabel('Rank, as a number');
    await enter(error, '15');
    assert.deepEqual([await rank.inputValue(), await error.inputValue()], ['3', '15']);
    assert.equal(formatPercent(analysis.curve[2]!.module_relative_error!), '14.6\u00a0%');
    await addressWith('rank=3');
    await enter(size, '2.5');
    assert.deepEqual([await rank.inputValue(), await tile('Size of the factors')], ['6', '2.43\u00a0MB']);
    assert.equal(await error.inputValue(), '', 'another choice than that of 15 %');
    await enter(size, '0.1');
    await page.getByText('The smallest possible size is 406\u00a0kB.').waitFor();
    assert.equal(await rank.inputValue(), '1');

    await page.getByRole('button', { name: 'Ranks by module', exact: true }).click();
    await enter(error, '10');
    const reached = Number.parseFloat((await tile('Mean module error'))!);
    assert.ok(reached <= 10 && reached > 9, String(reached));
    await enter(size, '1.5');
    assert.equal(await tile('Size of the factors'), '1.50\u00a0MB');
    await addressWith('parameters=375000');
    await page.getByLabel('Size of the factors', { exact: true }).press('ArrowRight');
    assert.equal(await size.inputValue(), '');
  });

  it('treats a click on a line as the choice of that point', async () => {
    await page.getByRole('button', { name: 'One rank for all', exact: true }).click();
    await page.getByLabel('Rank, as a number').fill('2');
    await page.getByLabel('Rank, as a number').press('Enter');
    await page.locator('[role=slider][aria-valuetext^="rank 2,"]').waitFor();
    // Once it has come to rest.
    await handle('one rank for all').hover({ trial: true });
    const two = (await handle('one rank for all').boundingBox())!;
    await page.getByLabel('Rank, as a number').fill('7');
    await page.getByLabel('Rank, as a number').press('Enter');
    await page.mouse.click(two.x + two.width / 2, two.y + two.height / 2);
    assert.equal(await page.getByLabel('Rank, as a number').inputValue(), '2');
  });

  it('pins modules that were selected in the map with the keyboard, and shares the rest out again at the same size', async () => {
    await page.getByLabel('Rank, as a number').fill('4');
    await page.getByLabel('Rank, as a number').press('Enter');
    await page.getByRole('button', { name: 'Ranks by module', exact: true }).click();
    const size = await tile('Size of the factors');
    const cell = page.getByRole('button', { name: /^Cell of the map: / });
    await cell.focus();
    assert.match(
      (await cell.getAttribute('aria-label'))!,
      /transformer\.h\.0\.attn\.c_attn: rank \d of 8, error/,
    );
    await cell.press('ArrowRight');
    await cell.press('ArrowDown');
    await cell.press(' ');
    assert.match((await cell.getAttribute('aria-label'))!, /transformer\.h\.1\.attn\.c_proj: .*selected$/);
    await page.getByRole('button', { name: 'Select this row' }).click();
    await page.getByText('12 modules selected').waitFor();
    await page.getByLabel('Rank to pin to').selectOption('1');
    await page.getByRole('button', { name: 'Pin to rank 1' }).click();
    await page.getByText('12 modules selected, 12 pinned').waitFor();
    assert.equal(await tile('Size of the factors'), size);
    assert.match((await cell.getAttribute('aria-label'))!, /rank 1 of 8, pinned/);
  });

  it('leaves modules that were selected in the table unchanged', async () => {
    await page.getByRole('button', { name: 'Select none' }).click();
    await page.getByRole('checkbox', { name: 'Select transformer.h.0.mlp.c_proj' }).check();
    await page.getByText('1 module selected').waitFor();
    await page.getByRole('button', { name: 'Leave as it is (rank 8)' }).click();
    await page.getByText('1 module selected, 13 pinned').waitFor();
    await page.getByText('Picked: transformer.h.0.mlp.c_proj').waitFor();
  });

  it('says which size the pins leave, and takes the last of them back', async () => {
    const size = await tile('Size of the factors');
    const cell = page.getByRole('button', { name: /^Cell of the map: / });
    await cell.focus();
    for (let row = 0; row < 3; row++) await cell.press('ArrowUp');
    for (let row = 0; row < 3; row++) {
      await page.getByRole('button', { name: 'Select this row' }).click();
      await cell.focus();
      await cell.press('ArrowDown');
    }
    await page.getByText('36 modules selected, 13 pinned').waitFor();
    await page.getByRole('button', { name: 'Leave as they are (rank 8)' }).click();
    await page
      .getByText(/^1\.6\d\sMB cannot be reached with these pins: the smallest size with them is 3\.2\d\sMB\./)
      .waitFor();
    await page.getByRole('button', { name: 'Undo the last pins' }).click();
    await page.getByText('cannot be reached').waitFor({ state: 'detached' });
    assert.equal(await tile('Size of the factors'), size);
    await page.getByText('13 pinned', { exact: false }).first().waitFor();
  });

  it('is in the address: a reload shows the same, and the job gets exactly these ranks', async () => {
    const address = await addressWith(/pins=1\*.*_8\*/);
    assert.ok(address.length < 200, address);
    const shown = await tile('Mean module error');
    await page.reload();
    await handle('ranks by module').waitFor();
    await page.getByText('13 pinned', { exact: false }).first().waitFor();
    assert.equal(await tile('Mean module error'), shown);
    const ranks = await ranksInTable(page);

    await page.getByText('Request for a script').click();
    const text = (await page.getByRole('region', { name: 'The request for curl' }).textContent())!;
    const body = JSON.parse(/-d '(.*)'$/s.exec(text)![1]!);
    await page.getByRole('button', { name: /^Squeeze to ranks by module \(1\.6\d MB\)$/ }).click();
    await page.getByRole('heading', { level: 2, name: 'ranks by module' }).waitFor({ timeout: 60_000 });
    const job = await client.json<JobRecord>(`/v1/jobs/${page.url().split('/').at(-1)}`);
    assert.deepEqual((job.request as unknown as { targets: unknown }).targets, body.targets);
    const { modules } = (await client.report(job.id)).targets[0] as SucceededTargetReport;
    assert.deepEqual(Object.fromEntries(modules.map(({ name, rank }) => [name, rank])), ranks);
    assert.equal(formatPercent(succeededResults(job)[0]!.module_relative_error!), shown);
    assert.equal(ranks['transformer.h.0.mlp.c_proj'], 8);
    assert.equal(ranks['transformer.h.5.attn.c_proj'], 1);
  });

  it('follows a link with another choice', async () => {
    await page.goto(`${service.url}/#/adapters/${adapterId}?rank=6&profile=vllm`);
    await handle('one rank for all').waitFor();
    await page.getByRole('button', { name: 'Squeeze to rank 6 for vLLM' }).waitFor();
    await page.evaluate(`location.hash = '#/adapters/${adapterId}?rank=5'`);
    await page.getByRole('button', { name: 'Squeeze to rank 5', exact: true }).waitFor();
  });

  it('asks for what a format requires, filled in from the base model, and checks it before anything is queued', async () => {
    const jobs = async () =>
      (await client.json<{ data: JobRecord[] }>(`/v1/jobs?adapter_id=${adapterId}`)).data.length;
    const before = await jobs();
    await page.getByText('Advanced', { exact: true }).click();
    await page.getByLabel('Format', { exact: true }).selectOption('gguf');
    const architecture = page.getByLabel('Architecture of the base model');
    assert.equal(await architecture.inputValue(), 'gpt2');
    await architecture.selectOption('');
    await page.getByRole('button', { name: 'Squeeze to rank 5 as GGUF', exact: true }).click();
    await page
      .getByRole('alert')
      .getByText(
        'On the page, targets[0] is result 1 and format_options.architecture is “Architecture of the base model”.',
      )
      .waitFor();
    assert.equal(await jobs(), before);

    await architecture.selectOption('gpt2');
    await addressWith('format=gguf&architecture=gpt2');
    await page.getByLabel('Rank, as a number').fill('8');
    await page.getByLabel('Rank, as a number').press('Enter');
    await page.getByRole('button', { name: 'Convert to GGUF', exact: true }).waitFor();
    await page.getByLabel('Rank, as a number').fill('5');
    await page.getByLabel('Rank, as a number').press('Enter');
    await page.getByText('Request for a script').click();
    await page.getByRole('button', { name: 'Command', exact: true }).click();
    const text = page.getByRole('region', { name: 'The request for Command' });
    assert.match((await text.textContent())!, /--format gguf \\\s+--architecture gpt2/);
  });

  it('is unchanged by a reload right after a change', async () => {
    const loaded = page.waitForEvent('load');
    await page.evaluate(
      `{
        const select = [...document.querySelectorAll('select')].find(({ value }) => value === 'gpt2');
        select.value = 'qwen2';
        select.dispatchEvent(new Event('input', { bubbles: true }));
        requestAnimationFrame(() => {
          // As a browser does once the choice is made.
          select.dispatchEvent(new Event('change', { bubbles: true }));
          location.reload();
        });
      }`,
    );
    await loaded;
    await handle('one rank for all').waitFor();
    assert.match(page.url(), /architecture=qwen2/);
    await page.getByText('Advanced', { exact: true }).click();
    assert.equal(await page.getByLabel('Architecture of the base model').inputValue(), 'qwen2');
    await page.goto(`${service.url}/#/adapters/${adapterId}?rank=5`);
    await page.getByRole('button', { name: 'Squeeze to rank 5', exact: true }).waitFor();
  });

  it('is unchanged by a reload right after a drag, at its last step', async () => {
    const one = handle('one rank for all');
    await one.hover({ trial: true });
    const box = (await one.boundingBox())!;
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    await page.mouse.move(x, y);
    await page.mouse.down();
    // As fast as a hand can be: all within the pause before the address is updated.
    await page.mouse.move(x - 400, y, { steps: 3 });
    await page.mouse.up();
    await page.reload();
    await one.waitFor();
    assert.equal(await page.getByLabel('Rank, as a number').inputValue(), '1');
    await page.goto(`${service.url}/#/adapters/${adapterId}?rank=5`);
    await page.getByRole('button', { name: 'Squeeze to rank 5', exact: true }).waitFor();
  });

  it('shows what a server refuses, and why', async () => {
    await page.getByLabel('Serve with').selectOption('lorax');
    await page.getByText('LoRAX needs one rank for all modules.').first().waitFor();
    assert.ok(await page.getByRole('button', { name: 'Ranks by module', exact: true }).isDisabled());
    assert.equal(await handle('ranks by module').count(), 0);
    await page.getByText('LoRAX needs one rank for all modules. No module can be pinned.').waitFor();
    assert.equal(
      await page.getByLabel('Rank, as a number').inputValue(),
      '8',
      'the only one of LoRAX up to 8',
    );
    const one = handle('one rank for all');
    await one.press('Home');
    assert.match((await one.getAttribute('aria-valuetext'))!, /^rank 8,/);
  });

  it('says why a typed rank is not taken, and which one is instead', async () => {
    await page.getByLabel('Serve with').selectOption('');
    const number = page.getByLabel('Rank, as a number');
    for (const [typed, taken, reason] of [
      ['99', '8', 'The adapter has no rank above 8. Rank 8 is the nearest.'],
      ['0', '1', 'The smallest rank is 1. Rank 1 is the nearest.'],
    ] as const) {
      await number.fill(typed);
      await number.press('Enter');
      await page.getByText(reason).waitFor();
      assert.equal(await number.inputValue(), taken);
    }
    await number.fill('5');
    await number.press('Enter');
    await page.getByText('is the nearest').waitFor({ state: 'detached' });
  });

  it('offers the ranks up to the one that the server is set to, and says what the result needs', async () => {
    const large = join(scratch, 'rank 24');
    await writeAdapter(large, {
      name: 'rank 24',
      rank: 24,
      modules: [{ name: 'base_model.model.model.layers.0.mlp.up_proj', outFeatures: 40, inFeatures: 40 }],
    });
    const { id } = (await client.upload(large)).adapter;
    await page.goto(`${service.url}/#/adapters/${id}?rank=24`);
    await page.getByRole('button', { name: 'Squeeze to rank 24', exact: true }).waitFor();
    await page.getByLabel('Serve with').selectOption('vllm');
    const setting = page.getByLabel('Largest rank, set by --max-lora-rank');
    assert.equal(await setting.inputValue(), '16', 'the default');
    await page
      .getByText('vLLM loads ranks up to 16 only (--max-lora-rank). Rank 16 is the nearest.')
      .waitFor();
    const one = handle('one rank for all');
    await one.press('End');
    assert.match((await one.getAttribute('aria-valuetext'))!, /^rank 16,/);
    await page.goto(`${service.url}/#/adapters/${id}?energy=99.99&profile=vllm`);
    const missed = page.getByText(
      /energy is missed by 1 of 1 modules, .* at most 16 \(vLLM, --max-lora-rank\)/,
    );
    await missed.waitFor();
    await setting.selectOption('32');
    await missed.waitFor({ state: 'detached' });
    await page.goto(`${service.url}/#/adapters/${id}?rank=24&profile=vllm`);
    await setting.selectOption('32');
    await addressWith('max_rank=32');
    await page.getByRole('button', { name: 'Squeeze to rank 24 for vLLM' }).click();
    await page.getByText('Loads in vLLM with --max-lora-rank 32').waitFor({ timeout: 60_000 });
    assert.equal(await page.getByRole('link', { name: 'Change and run again' }).count(), 0);
    await page.getByRole('status').getByText('loads', { exact: true }).waitFor();
    const job = await client.json<JobRecord>(`/v1/jobs/${page.url().split('/').at(-1)}`);
    assert.deepEqual((job.request as unknown as { targets: unknown }).targets, [
      { rank: 24, profile: 'vllm', max_rank: 32 },
    ]);
    await page.goto(`${service.url}/#/adapters/${adapterId}?rank=5`);
    await page.getByRole('button', { name: 'Squeeze to rank 5', exact: true }).waitFor();
  });

  it('says before the job what will not load, and begins the verdict on the result with the broken rules, beside the state of the job', async () => {
    await page.goto(`${service.url}/#/adapters/${adapterId}?rank=8&profile=cloudflare`);
    await page.getByText('The result will not load in Cloudflare Workers AI').waitFor();
    await page
      .getByText(/^In adapter_config\.json, model_type must be mistral or gemma or llama, because/)
      .waitFor();
    await page.getByLabel('Serve with').selectOption('vllm');
    await page.getByText('will not load').waitFor({ state: 'detached' });
    const { id } = await client.squeeze(adapterId, [{ rank: 8, profile: 'cloudflare' }]);
    await page.goto(`${service.url}/#/jobs/${id}`);
    await page.getByText('Does not load in Cloudflare Workers AI').waitFor();
    assert.match((await page.locator('.verdict li').first().textContent()) ?? '', /^broken: config-fields/);
    assert.equal(await page.locator('.panel-head [role=status]').textContent(), 'succeeded does not load');
    await page.getByRole('link', { name: 'Change and run again' }).click();
    await page.getByRole('button', { name: 'Squeeze to rank 8 for Cloudflare' }).waitFor();
    await page.goto(`${service.url}/#/jobs`);
    await page.getByRole('row', { name: 'does not load' }).first().waitFor();
    await page.goto(`${service.url}/#/adapters/${adapterId}?rank=5`);
    await page.getByRole('button', { name: 'Squeeze to rank 5', exact: true }).waitFor();
  });

  it('selects the module of a cell that is clicked', async () => {
    await page.getByLabel('Serve with').selectOption('');
    const cell = page.getByRole('button', { name: /^Cell of the map: / });
    await cell.focus();
    for (const key of ['ArrowRight', 'ArrowRight', 'ArrowRight']) await cell.press(key);
    const name = /Cell of the map: (\S+):/.exec((await cell.getAttribute('aria-label'))!)![1]!;
    const place = (await cell.boundingBox())!;
    for (const key of ['ArrowDown', 'ArrowLeft']) await cell.press(key);
    await page.mouse.click(place.x + place.width / 2, place.y + place.height / 2);
    await page.getByText(`Picked: ${name}`).waitFor();
    await page.getByText('1 module selected').waitFor();
  });

  it('is accessible with all of it in use', async () => {
    await assertAccessible(page, 'the studio');
    watched.assertClean();
  });
});

/** The new rank of every module, as the table has it. */
async function ranksInTable(page: Page): Promise<Record<string, number>> {
  await page.getByText('Rank, energy and error by module as a table').click();
  const rows = page
    .getByRole('region', { name: 'Table: Rank, energy and error by module' })
    .locator('tbody tr');
  // A table is rendered once it is open.
  await rows.first().waitFor();
  const cells = await rows.evaluateAll((all) =>
    all.map((row) => [...row.querySelectorAll('td')].slice(0, 2).map((cell) => cell.textContent)),
  );
  return Object.fromEntries(cells.map(([name, rank]) => [name!, Number(rank)]));
}
