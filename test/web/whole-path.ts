import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser, Download, Page } from 'playwright-core';
import { formatPercent } from '../../src/charts/format.ts';
import { succeededResults } from '../../src/charts/succeeded-targets.ts';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import type { JobRecord } from '../../src/contract/job.ts';
import { Client } from '../e2e/client.ts';
import { largeAdapter } from '../e2e/large-adapter.ts';
import type { Service } from '../e2e/service.ts';
import { cannotRun, openPage, uploadAndAnalyze, type WatchedPage } from './browser.ts';
import { sharedPage } from './shared-page.ts';

const GPT2 = join(import.meta.dirname, '../../examples/adapters/gpt2-lora-r8');
const FILES = ['adapter_model.safetensors', 'adapter_config.json'].map((name) => join(GPT2, name));

/** Drops files onto the page as a browser does, as far as a script can. */
async function drop(page: Page, paths: readonly string[]): Promise<void> {
  const files = paths.map((path) => ({
    name: path.slice(path.lastIndexOf('/') + 1),
    base64: readFileSync(path).toString('base64'),
  }));
  const dataTransfer = await page.evaluateHandle(`(async () => {
    const transfer = new DataTransfer();
    for (const { name, base64 } of ${JSON.stringify(files)}) {
      const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      transfer.items.add(new File([bytes], name));
    }
    return transfer;
  })()`);
  await page.dispatchEvent('.drop', 'drop', { dataTransfer });
}

const tile = (page: Page, title: string) =>
  page.locator('.tiles > div', { hasText: title }).first().locator('.tile-value').textContent();

async function contentOf(download: Promise<Download>): Promise<{ name: string; bytes: Buffer }> {
  const done = await download;
  return { name: done.suggestedFilename(), bytes: readFileSync(await done.path()) };
}

describe('the page, from drop to download', { skip: cannotRun }, () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'page-test-'));
  let service: Service;
  let client: Client;
  let browser: Browser;
  let watched: WatchedPage;
  let page: Page;

  before(async () => {
    ({ service, browser } = await sharedPage());
    client = new Client(service.url);
    watched = await openPage(browser, `${service.url}/`);
    page = watched.page;
  });
  after(async () => {
    await page?.context().close();
    rmSync(dataDir, { recursive: true, force: true });
  });

  it('accepts a dropped adapter and shows its modules at once', async () => {
    await drop(page, FILES);
    await page.getByRole('heading', { level: 1, name: 'gpt2' }).waitFor();
    await page.getByRole('heading', { name: 'Error against size' }).waitFor({ timeout: 60_000 });
    assert.match(page.url(), /#\/adapters\/ad_/);
    await page.getByText('36 of 36 modules').waitFor();
    await page.getByRole('searchbox', { name: 'Search modules' }).fill('mlp');
    await page.getByText('12 of 36 modules').waitFor();
    await page.getByRole('button', { name: 'transformer.h.3.mlp.c_proj' }).click();
    await page.getByText('Picked: transformer.h.3.mlp.c_proj').waitFor();
  });

  it('changes error and size with the rank before anything is written, as the analysis has them', async () => {
    const { data: jobs } = await client.json<{ data: JobRecord[] }>('/v1/jobs?kind=analyze');
    const { analysis } = await client.report(jobs[0]!.id);
    const slider = page.getByRole('slider', { name: 'Rank', exact: true });
    for (const rank of [1, 6, 2]) {
      await slider.fill(String(rank - 1));
      const point = analysis!.curve[rank - 1]!;
      assert.equal(await tile(page, 'Mean module error'), formatPercent(point.module_relative_error!));
      assert.equal(await tile(page, 'Worst module'), formatPercent(point.worst_module_error));
      assert.equal(await page.getByLabel('Rank, as a number').inputValue(), String(rank));
      assert.match((await slider.getAttribute('aria-valuetext'))!, new RegExp(`^rank ${rank}: error `));
    }
    await page.getByRole('button', { name: 'Recommended: 4' }).click();
    assert.equal(await slider.inputValue(), '3');
    const { data: adapters } = await client.json<{ data: AdapterRecord[] }>('/v1/adapters');
    assert.equal(adapters.length, 1, 'nothing was written');
  });

  it('predicts other policies as the service then executes them', async () => {
    await page.getByText('Advanced', { exact: true }).click();
    await page.getByLabel('Choose ranks by').selectOption('energy');
    await page.getByLabel('One rank for all modules').uncheck();
    const foretold = await tile(page, 'Mean module error');
    await page.getByRole('button', { name: 'Add' }).click();
    const { id } = (await client.json<{ data: AdapterRecord[] }>('/v1/adapters')).data[0]!;
    const job = await client.squeeze(id, [{ energy: 0.9, uniform: false }]);
    assert.equal(foretold, formatPercent(succeededResults(job)[0]!.module_relative_error!));
    await page.getByRole('button', { name: 'Back to one rank' }).click();
  });

  it('predicts the ranks of kohya, which the request then asks for', async () => {
    await page.getByLabel('Choose ranks by').selectOption('energy');
    const plain = await tile(page, 'Mean module error');
    await page.getByLabel('Ranks as in kohya’s resize_lora.py, which keeps one more direction').check();
    assert.equal(await page.getByLabel('One rank for all modules').isChecked(), false, 'as kohya does');
    const foretold = await tile(page, 'Mean module error');
    assert.notEqual(foretold, plain);
    await page.getByText('Request for a script').click();
    const text = (await page.getByRole('region', { name: 'The request for curl' }).textContent())!;
    const { targets } = JSON.parse(/-d '(.*)'$/s.exec(text)![1]!);
    assert.deepEqual(targets.at(-1), { energy: 0.9, compat: 'kohya', uniform: false });
    const { id } = (await client.json<{ data: AdapterRecord[] }>('/v1/adapters')).data.at(-1)!;
    const job = await client.squeeze(id, targets.slice(-1));
    assert.equal(formatPercent(succeededResults(job)[0]!.module_relative_error!), foretold);
    await page.getByLabel('Choose ranks by').selectOption('knee');
    assert.equal(
      await page.getByLabel('Ranks as in kohya’s resize_lora.py, which keeps one more direction').count(),
      0,
      'kohya has no such method',
    );
    await page.getByLabel('Choose ranks by').selectOption('energy');
    await page.getByLabel('Ranks as in kohya’s resize_lora.py, which keeps one more direction').uncheck();
    await page.getByRole('button', { name: 'Back to one rank' }).click();
    await page.getByText('Request for a script').click();
  });

  it('shares a size out by the chosen criterion, as the service then does', async () => {
    const { id } = (await client.json<{ data: AdapterRecord[] }>('/v1/adapters')).data.at(-1)!;
    await page.getByRole('button', { name: 'Recommended: 4' }).click();
    await page.getByRole('button', { name: 'Ranks by module', exact: true }).click();
    const foretold: (string | null)[] = [];
    for (const criterion of ['relative', 'energy']) {
      await page.getByLabel('Minimise').selectOption(criterion);
      foretold.push(await tile(page, 'Mean module error'));
      await page.getByRole('button', { name: 'Add' }).click();
    }
    const budget = { budget_parameters: 405_504, uniform: false };
    const job = await client.squeeze(id, [budget, { ...budget, criterion: 'energy' }]);
    const errors = succeededResults(job).map((result) => formatPercent(result.module_relative_error!));
    assert.deepEqual(foretold, errors);
    assert.notEqual(errors[0], errors[1]);
    await page.getByRole('button', { name: /^Remove ≤ .*, by energy/ }).click();
    await page.getByRole('button', { name: /^Remove ≤/ }).click();
    await page.getByLabel('Minimise').selectOption('relative');
    await page.getByRole('button', { name: 'One rank for all' }).click();
  });

  it('offers only ranks that the profile accepts', async () => {
    await page.getByLabel('Serve with').selectOption('lorax');
    assert.equal(
      await page.getByLabel('Rank, as a number').inputValue(),
      '8',
      'the only one of LoRAX up to 8',
    );
    await page.getByLabel('Serve with').selectOption('vllm');
    await page.getByLabel('Rank, as a number').fill('4');
    await page.getByLabel('Rank, as a number').press('Enter');
    await page.getByRole('button', { name: 'Squeeze to rank 4 for vLLM' }).waitFor();
  });

  it('starts the job and shows its outcome', async () => {
    await page.getByRole('button', { name: 'Squeeze to rank 4 for vLLM' }).click();
    await page.getByRole('heading', { level: 2, name: 'rank 4 for vLLM' }).waitFor({ timeout: 60_000 });
    assert.match(page.url(), /#\/jobs\/job_/);
    const job = await client.json<JobRecord>(`/v1/jobs/${page.url().split('/').at(-1)}`);
    assert.equal(job.results.length, 2, 'the one that was added, and the one on the button');
    assert.equal(await page.locator('.result').count(), 2);
    await page.getByText('Loads in vLLM').click();
    const rules = succeededResults(job)[1]!.serving!.rules;
    assert.equal(await page.locator('.verdict li.passed').count(), rules.length);
    await page.getByRole('heading', { name: 'Where the error is' }).waitFor();
    await page.getByText('36 of 36 modules').waitFor();
  });

  it('shows where the two results differ', async () => {
    const panel = page.getByRole('region', { name: 'Where the two differ' });
    const counts = (of: string) =>
      new RegExp(`^Of 36 modules, \\d+ have a lower ${of} in .* and \\d+ in rank 4 for vLLM`);
    await panel.getByText(counts('error')).waitFor();
    await panel
      .getByRole('img', { name: /^Difference of the errors/ })
      .locator('canvas')
      .first()
      .waitFor();
    await panel.getByRole('button', { name: 'Rank' }).click();
    await panel.getByText(counts('rank')).waitFor();
    await panel.getByText('Difference of the ranks as a table').click();
    await panel.getByRole('table').waitFor();
    assert.equal(await panel.getByRole('row').count(), 37);
  });

  it('downloads from the service: files, zip, report', async () => {
    const jobId = page.url().split('/').at(-1)!;
    const job = await client.json<JobRecord>(`/v1/jobs/${jobId}`);
    const { adapter_id: id } = succeededResults(job)[1]!;
    const card = page.locator('.result', { hasText: 'rank 4 for vLLM' });
    const weights = page.waitForEvent('download');
    await card.getByRole('button', { name: /adapter_model\.safetensors/ }).click();
    const { name, bytes } = await contentOf(weights);
    assert.equal(name, 'adapter_model.safetensors');
    assert.ok(bytes.equals(await client.bytes(`/v1/adapters/${id}/files/adapter_model.safetensors`)));

    const zip = page.waitForEvent('download');
    await card.getByRole('button', { name: /zip/ }).click();
    assert.equal((await contentOf(zip)).bytes.subarray(0, 2).toString(), 'PK');

    const report = page.waitForEvent('download');
    await page.getByRole('button', { name: /Report \(JSON\)/ }).click();
    assert.equal(JSON.parse((await contentOf(report)).bytes.toString()).job_id, jobId);

    const forPeople = page.waitForEvent('download');
    await page.getByRole('button', { name: /Report \(HTML\)/ }).click();
    assert.match((await contentOf(forPeople)).bytes.toString(), /^<!doctype html>/i);

    for (const [title, form, start] of [
      ['Figure (PNG)', 'png', '\x89PNG'],
      ['Figure (SVG)', 'svg', '<svg'],
    ] as const) {
      const figure = page.waitForEvent('download');
      await page.getByRole('button', { name: title }).click();
      const saved = await contentOf(figure);
      assert.match(saved.name, /^gpt2-adapter-ranks-\d-\d-rank-4-error-by-rank\.(png|svg)$/);
      const { headers } = await client.fetch(`/v1/jobs/${jobId}/report.${form}`);
      assert.equal(
        headers.get('content-disposition'),
        `inline; filename="${saved.name}"`,
        'as the service says',
      );
      assert.equal(saved.bytes.toString('latin1').slice(0, 4), start);
    }
  });

  it('compares the two results, in a link that can be shared', async () => {
    const jobId = page.url().split('/').at(-1)!;
    await page.locator('.result', { hasText: 'for vLLM' }).getByRole('link', { name: 'Compare' }).click();
    await page.getByLabel('Second result').selectOption(`${jobId}.0`);
    await page.getByRole('heading', { name: 'Side by side' }).waitFor();
    assert.ok(page.url().endsWith(`#/compare?a=${jobId}.1&b=${jobId}.0`), page.url());
    const job = await client.json<JobRecord>(`/v1/jobs/${jobId}`);
    const errors = [1, 0].map((one) => formatPercent(succeededResults(job)[one]!.relative_error));
    const whole = page.getByRole('row', { name: /^Error of the whole adapter/ }).getByRole('cell');
    assert.deepEqual((await whole.allInnerTexts()).slice(0, 2), errors);
    const means = [1, 0].map((one) => succeededResults(job)[one]!.module_relative_error!);
    const [low, high] = means.toSorted((a, b) => a - b).map(formatPercent);
    const better = (await page
      .getByRole('region', { name: 'Which is better' })
      .getByRole('paragraph')
      .textContent())!;
    if (low === high) assert.ok(better.startsWith(`Both have the same mean module error, ${low}.`), better);
    else {
      const closer = means[0]! < means[1]! ? 'first' : 'second';
      const words = `The ${closer} is closer to its source: its mean module error is ${low} instead of ${high}, `;
      assert.ok(better.startsWith(words), better);
    }
    assert.match(
      better,
      /(?:smaller: [\d.]+\s[kM]B instead of|Both files have the same size,) [\d.]+\s[kM]B\.$/,
    );
    await page.reload();
    await page.getByRole('heading', { name: 'Side by side' }).waitFor();
    await page
      .getByRole('region', { name: 'Where the two differ' })
      .getByText(/^Of 36 modules, \d+ have a lower error in the first and \d+ in the second\./)
      .waitFor();
  });

  it('does not offer to compare a result with itself', async () => {
    const jobId = page.url().split('a=').at(-1)!.split('.')[0]!;
    const offered = (label: string) =>
      page
        .getByLabel(label)
        .locator('option')
        .evaluateAll((options) => options.map((option) => option.getAttribute('value')));
    const [first, second] = [await offered('First result'), await offered('Second result')];
    assert.ok(first.includes(`${jobId}.1`) && !first.includes(`${jobId}.0`), String(first));
    assert.ok(second.includes(`${jobId}.0`) && !second.includes(`${jobId}.1`), String(second));
  });

  it('has room for the names of modules on a phone', async () => {
    await page.setViewportSize({ width: 375, height: 812 });
    const table = page.getByRole('region', { name: 'Modules of both' });
    const { width } = (await table.getByRole('columnheader', { name: 'Module' }).boundingBox())!;
    assert.ok(width >= 120, `${width} px`);
    for (const head of ['First', 'Second']) {
      const cut = await table
        .getByRole('button', { name: head, exact: true })
        .evaluate((button) => button.scrollWidth > button.clientWidth);
      assert.ok(!cut, `${head} is cut`);
    }
    assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 375);
    await page.setViewportSize({ width: 1440, height: 900 });
  });

  it('shows the progress of a job, and cancels it', async () => {
    const folder = largeAdapter(join(dataDir, 'large'), 12);
    await page.goto(`${service.url}/#/`);
    await page.setInputFiles('[data-picker=files]', [
      join(folder, 'adapter_model.safetensors'),
      join(folder, 'adapter_config.json'),
    ]);
    await page.getByRole('progressbar', { name: 'Job' }).waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.locator('.problem', { hasText: 'CANCELLED' }).waitFor({ timeout: 30_000 });
    await page.goto(`${service.url}/#/jobs?state=cancelled`);
    await page.getByRole('link', { name: 'Analysis' }).click();
    await page.getByRole('button', { name: 'Try this job again' }).click();
    await page.getByText('succeeded').waitFor({ timeout: 60_000 });
    await page.getByRole('link', { name: 'See the analysis' }).click();
    await page.getByText('12 of 12 modules').waitFor();
  });

  it('lists and filters', async () => {
    await page.getByRole('link', { name: 'Jobs', exact: true }).click();
    await page.getByLabel('Kind').selectOption('squeeze');
    await page.getByText('rank 4 for vLLM').first().waitFor();
    await page.getByLabel('State').selectOption('failed');
    await page.getByText('No job matches these filters.').waitFor();
    await page.getByRole('link', { name: 'Adapters', exact: true }).click();
    await page.getByLabel('Base model', { exact: true }).fill('gpt2');
    await page.getByLabel('Base model', { exact: true }).press('Enter');
    // The list of all adapters stays until the filtered one has arrived.
    await page.locator('.cards a', { hasNotText: 'gpt2' }).first().waitFor({ state: 'detached' });
    for (const card of await page.locator('.cards a').allInnerTexts())
      assert.match(card, /^gpt2.*\ngpt2\n/, 'its name, and the base model');
  });

  it('did all that without an error and without requests to other hosts', () => watched.assertClean());

  it('can be used with the keyboard alone', async () => {
    const other = await openPage(browser, `${service.url}/`);
    await uploadAndAnalyze(other.page, FILES);
    await other.page.keyboard.press('Tab');
    const reach = async (name: RegExp): Promise<void> => {
      for (let presses = 0; presses < 80; presses++) {
        const here = (await other.page.evaluate(
          'document.activeElement.getAttribute("aria-valuetext") ?? document.activeElement.innerText ?? ""',
        )) as string;
        if (name.test(here)) return;
        await other.page.keyboard.press('Tab');
      }
      assert.fail(`Tab does not lead to ${name}`);
    };
    await reach(/^rank 4: /);
    await other.page.keyboard.press('ArrowLeft');
    await reach(/^Squeeze to rank 3$/);
    await other.page.keyboard.press('Enter');
    await other.page
      .getByRole('heading', { level: 1, name: 'Squeeze to rank 3' })
      .waitFor({ timeout: 60_000 });
    assert.equal(await other.page.evaluate('document.activeElement.id'), 'main', 'one begins at the top');
    await other.page.getByRole('heading', { level: 2, name: 'rank 3' }).waitFor({ timeout: 60_000 });
    await other.page.keyboard.press('Tab');
    await reach(/adapter_config\.json/);
    const download = other.page.waitForEvent('download');
    await other.page.keyboard.press('Enter');
    assert.equal((await contentOf(download)).name, 'adapter_config.json');
    other.assertClean();
    await other.page.context().close();
  });
});
