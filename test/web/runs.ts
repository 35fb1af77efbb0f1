import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import type { Browser } from 'playwright-core';
import type { CheckpointRecord, RunRecord } from '../../src/contract/run.ts';
import { Client } from '../e2e/client.ts';
import { checkpointForm, momentsOf, OPTIMIZER } from '../http/checkpoint-form.ts';
import { CONFIG, tinyAdapter, WEIGHTS } from '../http/tiny-adapter.ts';
import { assertAccessible, cannotRun, openPage, type WatchedPage } from './browser.ts';
import { sharedPage } from './shared-page.ts';

const TIMEOUT = { timeout: 60_000 };
const execute = promisify(execFile);

describe('the open page of a run', { skip: cannotRun }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'page-runs-'));
  let url: string;
  let browser: Browser;
  let client: Client;
  let run: RunRecord;
  let watched: WatchedPage;

  before(async () => {
    const shared = await sharedPage();
    ({ browser } = shared);
    ({ url } = shared.service);
    client = new Client(url);
    const response = await client.fetch('/v1/runs', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        name: 'left open',
        schedule: { source_rank: 8, target_rank: 2, total_steps: 1000, squeeze_steps: [300, 600] },
      }),
    });
    run = (await response.json()) as RunRecord;
    watched = await openPage(browser, `${url}/#/runs/${run.id}`);
  });
  after(async () => {
    await watched.page.context().close();
    rmSync(folder, { recursive: true, force: true });
  });

  const send = async (step: number, rank: number, loss?: number): Promise<CheckpointRecord> => {
    const response = await client.fetch(`/v1/runs/${run.id}/checkpoints`, {
      method: 'POST',
      headers: { prefer: 'wait=60' },
      body: checkpointForm(tinyAdapter(step, { rank }), { step, ...(loss !== undefined && { loss }) }),
    });
    const record = (await response.json()) as CheckpointRecord;
    assert.equal(record.state, 'succeeded', JSON.stringify(record));
    return record;
  };

  const offeredCall = async (): Promise<string> =>
    (await watched.page.getByRole('region', { name: 'The request for curl' }).textContent())!;

  it('shows each checkpoint as it arrives: rank, error, loss, and the ranks of the modules', async () => {
    const { page, assertClean } = watched;
    await page.getByRole('heading', { level: 1, name: 'left open' }).waitFor(TIMEOUT);
    await page.getByText('The trainer has sent no checkpoint yet.').waitFor();
    assert.match(await page.title(), /^0\u00a0%, rank 8 · left open/);
    await assertAccessible(page, 'a run without checkpoints');
    assert.match(await offeredCall(), /-F step=300 /);
    const kept = await send(100, 8, 2.5);
    assert.deepEqual([kept.decision, kept.loss], ['keep', 2.5]);
    const row = (step: string) =>
      page.getByRole('row').filter({ has: page.getByText(step, { exact: true }) });
    await row('100').getByText('2.500').waitFor(TIMEOUT);
    const squeezed = await send(300, 8, 1.25);
    assert.deepEqual([squeezed.decision, squeezed.loss], ['squeeze', 1.25]);
    await row('300').getByText('8 → 4').waitFor(TIMEOUT);
    await page.getByRole('heading', { name: 'Rank of each module' }).waitFor(TIMEOUT);
    assert.match(await page.title(), /^30\u00a0%, rank 4 · left open/);
    const bands = page.getByRole('region', { name: 'Rank of each module' });
    await bands.locator('canvas').waitFor(TIMEOUT);
    await bands.getByText('Rank of each module as a table').click();
    const cells = bands.getByRole('row').filter({ hasText: 'q_proj' }).getByRole('cell');
    await cells.first().waitFor(TIMEOUT);
    assert.deepEqual((await cells.allTextContents()).slice(1), ['8', '4']);
    await page.getByText('Request for the checkpoint of step 600').waitFor(TIMEOUT);
    // Without a loss the run continues as well, and the call of the page sends what it names.
    const call = await offeredCall();
    const { weights, config } = tinyAdapter(600, { rank: 4 });
    writeFileSync(join(folder, WEIGHTS), weights);
    writeFileSync(join(folder, CONFIG), config);
    writeFileSync(join(folder, OPTIMIZER), momentsOf({ rank: 4 }));
    const { stdout } = await execute('bash', ['-c', call], { cwd: folder });
    const last = JSON.parse(stdout) as CheckpointRecord;
    assert.deepEqual([last.step, last.decision, last.loss], [600, 'squeeze', null]);
    await row('600').getByText('4 → 2').waitFor(TIMEOUT);
    await page.getByText(/^Request for the checkpoint/).waitFor({ state: 'detached', ...TIMEOUT });
    await page
      .getByText('The run needs no more checkpoints: the trainer goes on to step 1,000')
      .waitFor(TIMEOUT);
    await bands
      .getByText(/parameters, and its training takes 25\.0\s% of the original memory/)
      .waitFor(TIMEOUT);
    const errors = page.getByRole('region', { name: 'Where the error is' });
    await errors.getByText('Error by module as a table').click(TIMEOUT);
    const rankIs = (rank: string) =>
      errors.getByRole('row').filter({ hasText: 'q_proj' }).getByRole('cell', { name: rank, exact: true });
    await rankIs('2').first().waitFor(TIMEOUT);
    await errors.getByLabel('Squeeze at step').selectOption('300');
    await rankIs('4').first().waitFor(TIMEOUT);
    const spectra = page.getByRole('region', { name: 'Singular values', exact: true });
    await spectra.locator('canvas').waitFor();
    await assertAccessible(page, 'a run with checkpoints');
    assertClean();
  });

  it('says when the run is finished, on its page and in the list', async () => {
    const { page } = watched;
    assert.equal((await send(1000, 2)).decision, 'keep');
    await page.getByText('of 1,000; finished').waitFor(TIMEOUT);
    await page.getByText('The run is finished. The result is the adapter').waitFor(TIMEOUT);
    await page.goto(`${url}/#/runs`);
    const row = page.getByRole('row').filter({ hasText: 'left open' });
    await row.getByText('finished at 1,000').waitFor(TIMEOUT);
  });

  it('plans the schedule of a new run, and starts it', async () => {
    const { page } = watched;
    await page.goto(`${url}/#/runs`);
    await page.getByRole('link', { name: 'New run…' }).click();
    const form = page.getByRole('region', { name: 'From which rank to which?' });
    await form.getByLabel('Rank at the start').fill('16');
    await form.getByLabel('Rank at the end').fill('32');
    await form.getByRole('button', { name: 'Plan' }).click();
    await form.getByRole('alert').getByText('SCHEDULE_INVALID').waitFor(TIMEOUT);
    await form.getByText('source_rank is “Rank at the start” and target_rank is “Rank at the end”').waitFor();
    await form.getByLabel('Rank at the end').fill('4');
    await form.getByLabel('Name of the run').fill('planned');
    await form.getByRole('button', { name: 'Plan' }).click();
    const stages = page.getByRole('region', { name: 'Over the steps' });
    await stages.locator('canvas').waitFor(TIMEOUT);
    await stages.getByText('Stages as a table').click();
    const ranks = stages.locator('tbody tr td:first-child');
    await ranks.first().waitFor(TIMEOUT);
    assert.deepEqual(await ranks.allTextContents(), ['16', '8', '4']);
    await assertAccessible(page, 'a planned schedule');
    await page.getByRole('button', { name: 'Start a run of 3 stages' }).click();
    await page.getByRole('heading', { level: 1, name: 'planned' }).waitFor(TIMEOUT);
    const started = await client.json<RunRecord>(`/v1/runs/${page.url().split('/').at(-1)}`);
    assert.deepEqual(
      started.schedule!.stages.map(({ rank }) => rank),
      [16, 8, 4],
    );
    await page.goto(`${url}/#/runs/${run.id}`);
    await page.getByRole('heading', { level: 1, name: 'left open' }).waitFor(TIMEOUT);
  });

  it('can rename the run, find it by its new name, and delete it after a confirmation', async () => {
    const { page } = watched;
    await page.getByRole('button', { name: 'Rename' }).click();
    await page.getByRole('textbox', { name: 'Name', exact: true }).fill('overnight');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('heading', { level: 1, name: 'overnight' }).waitFor(TIMEOUT);
    await page.goto(`${url}/#/runs?name=over`);
    await page.getByRole('link', { name: 'overnight' }).click();
    await page.getByRole('button', { name: 'Delete', exact: true }).click(TIMEOUT);
    await page.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByRole('heading', { level: 1, name: 'Annealing runs' }).waitFor(TIMEOUT);
    assert.equal((await client.fetch(`/v1/runs/${run.id}`)).status, 404);
  });
});
