import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { JobRecord } from '../../src/contract/job.ts';
import { Client } from '../e2e/client.ts';
import { tinyAdapter } from '../http/tiny-adapter.ts';
import { buildSafetensors, float32Tensor } from '../oracle/safetensors.ts';
import { until } from '../queue/harness.ts';
import { assertAccessible, cannotRun, openPage, type WatchedPage } from './browser.ts';
import { sharedPage } from './shared-page.ts';

const GPT2 = join(import.meta.dirname, '../../examples/adapters/gpt2-lora-r8');
const MLX = join(import.meta.dirname, '../fixtures/adapters/mlx-qwen25-05b-r8');
const TIMEOUT = { timeout: 60_000 };

/** One module, named as in Qwen. */
function qwenAdapter(seed: number): { weights: Buffer; config: string } {
  const path = 'base_model.model.model.layers.0.self_attn.q_proj';
  const values = Array.from({ length: 64 }, (_, index) => Math.sin(seed + index));
  const weights = buildSafetensors({
    [`${path}.lora_A.weight`]: float32Tensor([4, 16], values),
    [`${path}.lora_B.weight`]: float32Tensor([16, 4], values.toReversed()),
  });
  const config = { peft_type: 'LORA', base_model_name_or_path: 'Qwen/Qwen2.5-0.5B', r: 4, lora_alpha: 4 };
  return { weights: Buffer.from(weights), config: JSON.stringify({ ...config, target_modules: ['q_proj'] }) };
}

describe('live updates and edits in the page', { skip: cannotRun }, () => {
  let url: string;
  let client: Client;
  let browser: Browser;
  let watched: WatchedPage;
  let page: Page;
  let adapterId: string;

  before(async () => {
    const shared = await sharedPage();
    ({ browser } = shared);
    ({ url } = shared.service);
    client = new Client(url);
    adapterId = (await client.upload(GPT2)).adapter.id;
    await patch(`/v1/adapters/${adapterId}`, { name: 'support chat' });
    watched = await openPage(browser, `${url}/#/jobs`);
    page = watched.page;
  });
  after(async () => {
    watched.assertClean();
    await page.context().close();
  });

  const send = async <T>(method: string, path: string, body: object): Promise<T> => {
    const headers = { 'content-type': 'application/json' };
    const response = await client.fetch(path, { method, headers, body: JSON.stringify(body) });
    assert.ok(response.ok, `${method} ${path}: ${response.status}`);
    return (await response.json()) as T;
  };
  const patch = (path: string, body: object) => send('PATCH', path, body);
  const visit = async (place: string, heading: string | RegExp) => {
    await page.goto(`${url}/#${place}`);
    await page.getByRole('heading', { level: 1, name: heading }).waitFor(TIMEOUT);
  };
  const confirm = (verb: string) =>
    page.getByRole('dialog').getByRole('button', { name: verb, exact: true }).click();

  it('show jobs that others submit, their adapters, and their outcomes', async () => {
    await page.getByRole('heading', { level: 1, name: 'Jobs' }).waitFor();
    const job = await send<JobRecord>('POST', '/v1/jobs', {
      ...{ kind: 'squeeze', adapter_id: adapterId, name: 'nightly', reuse: false },
      targets: [{ rank: 4 }],
    });
    const row = page.getByRole('row').filter({ has: page.getByRole('link', { name: 'nightly' }) });
    await row.waitFor(TIMEOUT);
    await row.getByText('support chat').waitFor(TIMEOUT);
    await row.getByText('succeeded').waitFor(TIMEOUT);
    await row.getByText(/^mean module error 10\.9\s%, [\d.]+\sMB$/).waitFor();
    assert.equal(await page.getByRole('button', { name: 'Refresh' }).count(), 0);
    await page.goto(`${url}/#/jobs/${job.id}`);
    await page.getByRole('heading', { level: 1, name: 'nightly' }).waitFor(TIMEOUT);
    // The title follows the first paint.
    await until('the title', async () =>
      (await page.title()) === '✓ nightly, 10.9\u00a0% · LoRA-Squeeze' ? true : undefined,
    );
  });

  it('rename in place, with the keyboard alone', async () => {
    await visit(`/adapters/${adapterId}`, 'support chat');
    await page.getByRole('button', { name: 'Rename' }).focus();
    await page.keyboard.press('Enter');
    const field = page.getByRole('textbox', { name: 'Name', exact: true });
    await field.waitFor();
    assert.equal(await page.evaluate('document.activeElement.getAttribute("aria-label")'), 'Name');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Rename' }).waitFor();
    assert.equal(await page.evaluate('document.activeElement.textContent'), 'Rename');
    await page.keyboard.press('Enter');
    await field.fill('support chat v2');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'support chat v2' }).waitFor();
    assert.equal((await client.json<{ name: string }>(`/v1/adapters/${adapterId}`)).name, 'support chat v2');
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'All as zip' }).click();
    assert.equal((await download).suggestedFilename(), 'support-chat-v2.zip');
  });

  it('add and remove labels, and show errors in place', async () => {
    const labels = page.getByRole('list', { name: 'Labels' });
    const field = page.getByLabel('New label, as name:value');
    await field.fill('team:search');
    await field.press('Enter');
    await labels.getByText('team:search').waitFor();
    await field.fill('prod');
    await field.press('Enter');
    assert.ok(
      await field.evaluate(
        (input: { validity: { patternMismatch: boolean } }) => input.validity.patternMismatch,
      ),
    );
    assert.equal(await labels.getByText('prod').count(), 0);
    await field.fill('not a name:x');
    await field.press('Enter');
    await page.getByRole('alert').filter({ hasText: 'VALIDATION_FAILED' }).waitFor();
    await labels.getByRole('link', { name: 'team:search' }).click();
    await page.getByRole('heading', { level: 1, name: 'Adapters' }).waitFor();
    await page.getByText('support chat v2').waitFor();
    assert.equal(await page.locator('.cards li').count(), 1);
    await visit(`/adapters/${adapterId}`, 'support chat v2');
    await page.getByRole('button', { name: 'Remove the label team' }).click();
    await labels.getByText('team:search').waitFor({ state: 'detached' });
  });

  it('delete after a confirmation, and not if that is declined', async () => {
    const { id } = (await (await client.postAdapter(tinyAdapter(71))).json()) as { id: string };
    await patch(`/v1/adapters/${id}`, { name: 'to be deleted' });
    await visit(`/adapters/${id}`, 'to be deleted');
    const opener = page.getByRole('button', { name: 'Delete to be deleted' });
    await opener.click();
    await assertAccessible(page, 'the question before something is deleted');
    await confirm('Cancel');
    assert.equal((await client.fetch(`/v1/adapters/${id}`)).status, 200);
    await opener.click();
    await confirm('Delete');
    await page.getByRole('heading', { level: 1, name: 'Adapters' }).waitFor(TIMEOUT);
    assert.equal((await client.fetch(`/v1/adapters/${id}`)).status, 404);
  });

  it('squeeze several adapters as a batch, show its items, and offer all results as a zip', async () => {
    for (const [index, name] of ['one of two', 'two of two'].entries()) {
      const { id } = (await (await client.postAdapter(tinyAdapter(81 + index))).json()) as { id: string };
      await patch(`/v1/adapters/${id}`, { name });
    }
    await visit('/adapters', 'Adapters');
    for (const name of ['one of two', 'two of two']) await page.getByLabel(`Select ${name}`).check();
    await page.getByText('2 adapters selected').waitFor();
    await page.getByRole('button', { name: 'Squeeze all…' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Rank', { exact: true }).fill('2');
    await dialog.getByLabel('Name of the batch').fill('both');
    await assertAccessible(page, 'the form for a batch');
    await dialog.getByRole('button', { name: 'Squeeze all', exact: true }).click();
    await page.getByRole('heading', { level: 1, name: 'both' }).waitFor(TIMEOUT);
    await page.getByText('2 succeeded').waitFor(TIMEOUT);
    assert.equal(await page.getByRole('table', { name: 'Items' }).getByRole('row').count(), 3);
    await page.getByRole('link', { name: 'one of two' }).waitFor();
    for (const result of ['one of two', 'two of two'])
      assert.match(
        (await page
          .getByRole('row')
          .filter({ hasText: result })
          .filter({ hasText: 'error' })
          .textContent(TIMEOUT))!,
        /rank 2: mean module error [\d.]+\s%, [\d.,]+\skB/,
      );
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: /All results as zip/ }).click();
    assert.match((await download).suggestedFilename(), /\.zip$/);
    await assertAccessible(page, 'a batch');
    await visit('/batches', 'Batches');
    await page.getByRole('link', { name: 'both' }).waitFor();
    await assertAccessible(page, 'the list of batches');
  });

  it('choose the rank of each adapter of a batch by the energy that it keeps', async () => {
    await visit('/adapters', 'Adapters');
    for (const name of ['one of two', 'two of two'])
      await page.getByLabel(`Select ${name}`, { exact: true }).check();
    await page.getByRole('button', { name: 'Squeeze all…' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Choose the rank by').selectOption('energy');
    await dialog.getByLabel('Energy that every module keeps, %').fill('99.5');
    await dialog.getByLabel('Name of the batch').fill('by energy');
    await dialog.getByRole('button', { name: 'Squeeze all', exact: true }).click();
    await page.getByRole('heading', { level: 1, name: 'by energy' }).waitFor(TIMEOUT);
    await page.getByText('2 succeeded').waitFor(TIMEOUT);
    await page
      .getByText(/energy 99\.5\s%/)
      .nth(1)
      .waitFor(TIMEOUT);

    const { data } = await client.json<{ data: { id: string }[] }>('/v1/jobs?limit=2');
    await page.goto(`${url}/#/compare?a=${data[0]!.id}.0&b=${data[1]!.id}.0`);
    await page.getByText('The two results are of different adapters.').waitFor(TIMEOUT);
  });

  it('say before a batch which adapters a server does not load, and run a failed one again changed', async () => {
    const read = (name: string) => readFileSync(join(MLX, name));
    const { id } = (await (
      await client.postAdapter({
        weights: read('adapters.safetensors'),
        config: read('adapter_config.json').toString(),
      })
    ).json()) as { id: string };
    await patch(`/v1/adapters/${id}`, { name: 'from mlx' });
    await visit('/adapters', 'Adapters');
    for (const name of ['one of two', 'from mlx'])
      await page.getByLabel(`Select ${name}`, { exact: true }).check();
    await page.getByRole('button', { name: 'Squeeze all…' }).click();
    const dialog = page.getByRole('dialog');
    const misfit = dialog.getByText(/It will not load 1 of the 2 adapters: from mlx \(MLX/);
    await dialog.getByLabel('Serve with').selectOption('vllm');
    await misfit.waitFor();
    await assertAccessible(page, 'the form for a batch with a warning');
    await dialog.getByRole('button', { name: /^Convert all to / }).click();
    assert.equal(await misfit.count(), 0);
    assert.equal(await dialog.getByLabel('Format').inputValue(), 'peft');
    await dialog.getByLabel('Format').selectOption('');
    await misfit.waitFor();
    await dialog.getByLabel('Rank', { exact: true }).fill('3');
    await dialog.getByLabel('Name of the batch').fill('half of it');
    await dialog.getByRole('button', { name: 'Squeeze all', exact: true }).click();
    await page.getByRole('heading', { level: 1, name: 'half of it' }).waitFor(TIMEOUT);
    await page.getByText('1 succeeded, 1 failed').waitFor(TIMEOUT);
    assert.match(
      (await page.getByRole('link', { name: 'from mlx' }).getAttribute('href'))!,
      /^#\/(?:jobs|adapters)\//,
    );
    await page.getByRole('button', { name: 'Change and run again…' }).click();
    const change = page.getByRole('dialog', { name: 'Squeeze 1 adapter as a batch' });
    await change.locator('select[name=profile] option[value=vllm]:checked').waitFor({ state: 'attached' });
    assert.equal(await change.getByLabel('Rank', { exact: true }).inputValue(), '3');
    await change.getByRole('button', { name: /^Convert all to / }).click();
    await change.getByLabel('Name of the batch').fill('the other half');
    await change.getByRole('button', { name: 'Squeeze all', exact: true }).click();
    await page.getByRole('heading', { level: 1, name: 'the other half' }).waitFor(TIMEOUT);
    await page.getByText(/rank 3 as PEFT for vLLM/).waitFor(TIMEOUT);
  });

  it('filter while one types, and keep what is typed', async () => {
    await visit('/adapters', 'Adapters');
    await page.getByText('from mlx', { exact: true }).waitFor();
    const field = page.getByLabel('Name starts with');
    await field.pressSequentially('one of ');
    await page.getByText('from mlx', { exact: true }).waitFor({ state: 'detached' });
    await page.getByText('one of two').first().waitFor();
    assert.equal(await field.inputValue(), 'one of ', 'with the space at its end');
    await field.fill('');
    await page.getByText('from mlx', { exact: true }).waitFor();
    const label = page.getByLabel('Label', { exact: true });
    await label.pressSequentially('team');
    await page.getByText('This filter is not applied yet.').waitFor();
    await page.waitForTimeout(1000);
    assert.equal(await page.getByRole('alert').filter({ hasText: 'VALIDATION_FAILED' }).count(), 0);
    assert.equal(new URL(page.url()).hash, '#/adapters');
    await label.pressSequentially(':none');
    await page.getByText('No adapter matches these filters.').waitFor();
  });

  it('merge the selected adapters, with weights', async () => {
    await visit('/adapters', 'Adapters');
    for (const name of ['one of two', 'two of two'])
      await page.getByLabel(`Select ${name}`, { exact: true }).check();
    await page.getByRole('link', { name: 'Merge…' }).click();
    await page.getByRole('heading', { level: 1, name: 'Merge adapters' }).waitFor(TIMEOUT);
    await page.getByText('Rank 8, the sum of the adapters’ ranks, loses nothing').waitFor();
    await page.getByLabel('Weight of one of two').fill('0.5');
    await page.getByLabel('Rank', { exact: true }).fill('3');
    await assertAccessible(page, 'the page of a merge');
    await page.getByRole('button', { name: 'Merge', exact: true }).click();
    await page
      .getByRole('heading', {
        level: 1,
        name: /^Merge of 2 adapters with weights (?:0\.5, 1|1, 0\.5), to rank 3$/,
      })
      .waitFor(TIMEOUT);
    const merged = page.locator('.facts dd').first();
    for (const name of ['one of two', 'two of two'])
      await merged.getByRole('link', { name }).waitFor(TIMEOUT);
    const sum = (await merged.textContent())!.split(' + ');
    assert.deepEqual(sum.sort(), ['0.5 × one of two', '1 × two of two']);
    await page.getByText('succeeded').first().waitFor(TIMEOUT);
    const id = new URL(page.url()).hash.split('/').at(-1)!;
    const { request } = await client.json<JobRecord>(`/v1/jobs/${id}`);
    const weights = request.kind === 'merge' ? request.sources.map(({ weight }) => weight) : [];
    assert.deepEqual(weights.sort(), [0.5, 1]);
    await page.getByRole('link', { name: 'Open this adapter' }).click(TIMEOUT);
    const made = page.locator('.facts dd').filter({ hasText: 'Merge of 2 adapters' });
    await made.getByText(/^mean module error [\d.]+\s%, [\d.,]+\skB$/).waitFor(TIMEOUT);
    assert.match((await made.textContent())!, /0\.5 × one of two/);
  });

  it('ask for what a format requires, and fill in what the base model determines', async () => {
    const ids = [];
    for (const seed of [91, 92]) {
      const response = await client.postAdapter(qwenAdapter(seed));
      ids.push(((await response.json()) as { id: string }).id);
    }
    await visit(`/merge?of=${ids.join()}`, 'Merge adapters');
    // Both have the same name.
    for (const id of ids)
      await page.getByLabel(new RegExp(`^Weight of .+ \\(…${id.slice(-6)}\\)$`)).waitFor();
    await page.getByLabel('Format', { exact: true }).selectOption('gguf');
    const architecture = page.getByLabel('Architecture of the base model');
    assert.equal(await architecture.inputValue(), 'qwen2');
    await architecture.selectOption('');
    await page.getByRole('button', { name: 'Merge', exact: true }).click();
    // The mistake is found before anything is queued.
    await page.getByRole('alert').filter({ hasText: 'architecture' }).waitFor(TIMEOUT);
    assert.match(page.url(), /#\/merge/);
    await architecture.selectOption('qwen2');
    await page.getByRole('button', { name: 'Merge', exact: true }).click();
    await page.getByText('succeeded').first().waitFor(TIMEOUT);
  });

  it('say before a merge that the adapters are for different base models', async () => {
    const ids: string[] = [];
    for (const adapter of [qwenAdapter(95), tinyAdapter(96)])
      ids.push(((await (await client.postAdapter(adapter)).json()) as { id: string }).id);
    await visit(`/merge?of=${ids.join()}`, 'Merge adapters');
    await page
      .getByText(/ is for Qwen.* is for .*Only adapters for the same base model can be merged/)
      .waitFor();
    assert.equal(await page.getByRole('button', { name: 'Merge', exact: true }).count(), 0);
  });

  it('tell adapters of the same name apart', async () => {
    const ids: string[] = [];
    for (const seed of [93, 94]) {
      const response = await client.postAdapter(qwenAdapter(seed));
      ids.push(((await response.json()) as { id: string }).id);
    }
    await visit('/adapters', 'Adapters');
    for (const id of ids) {
      const card = page.getByRole('listitem').filter({ has: page.locator(`a[href="#/adapters/${id}"]`) });
      await card.getByText(`· …${id.slice(-6)}`).waitFor(TIMEOUT);
    }
    const merge = await send<JobRecord>('POST', '/v1/jobs', {
      kind: 'merge',
      sources: ids.map((id) => ({ adapter_id: id })),
      targets: [{ rank: 2 }],
    });
    await visit(`/jobs/${merge.id}`, /Merge of 2 adapters/);
    for (const id of ids)
      await page
        .locator('.facts')
        .getByRole('link', { name: `(…${id.slice(-6)})` })
        .waitFor(TIMEOUT);
  });

  it('offer to change the choice if a retry cannot help', async () => {
    // GPT-2 is not a Llama, which no retry changes.
    const target = { rank: 4, format: 'gguf', format_options: { architecture: 'llama', heads: 12 } };
    const job = await send<JobRecord>('POST', '/v1/jobs', {
      ...{ kind: 'squeeze', adapter_id: adapterId, targets: [target] },
    });
    await client.finished(job.id);
    await visit(`/jobs/${job.id}`, /Squeeze to rank 4/);
    const link = page.getByRole('link', { name: 'Change and run again' });
    await link.waitFor(TIMEOUT);
    assert.equal(await page.getByRole('button', { name: 'Try this job again' }).count(), 0);
    await until('the title', async () => ((await page.title()).startsWith('✗ ') ? true : undefined));
    const query = new URLSearchParams((await link.getAttribute('href'))!.split('?')[1]);
    assert.deepEqual(Object.fromEntries(query), {
      ...{ rank: '4', format: 'gguf', architecture: 'llama', heads: '12' },
    });
    await link.click();
    await page.getByRole('button', { name: /Squeeze to rank 4/ }).waitFor(TIMEOUT);
  });

  it('explain a term, with keyboard and pointer', async () => {
    await visit(`/adapters/${adapterId}`, 'support chat v2');
    const word = page.locator('.facts').getByRole('button', { name: 'Rank', exact: true });
    const meaning = page.getByRole('tooltip', { name: '' }).filter({ hasText: 'inner dimension' });
    await word.hover();
    await meaning.waitFor();
    await page.mouse.move(0, 0);
    await meaning.waitFor({ state: 'hidden' });
    await word.focus();
    await meaning.waitFor();
    await page.keyboard.press('Escape');
    await meaning.waitFor({ state: 'hidden' });
  });
});
