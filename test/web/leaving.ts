import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import type { Browser, Dialog, Page } from 'playwright-core';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import type { JobRecord } from '../../src/contract/job.ts';
import { Client } from '../e2e/client.ts';
import { largeAdapter } from '../e2e/large-adapter.ts';
import type { Service } from '../e2e/service.ts';
import { assertAccessible, cannotRun, openPage, type WatchedPage } from './browser.ts';
import { openRequestGate, type RequestGate } from './gate.ts';
import { sharedPage } from './shared-page.ts';

const GPT2 = join(import.meta.dirname, '../../examples/adapters/gpt2-lora-r8');
const NAMES = ['adapter_model.safetensors', 'adapter_config.json'];
const FILES = NAMES.map((name) => join(GPT2, name));
const UPLOAD = /^POST \/v1\/adapters /;
const PHONE = { width: 375, height: 812 };

/** Drags files, or a text, as the operating system does: over the middle of the page, and drops it. */
async function drag(page: Page, data: { files?: readonly string[]; text?: string }, at = { x: 600, y: 500 }) {
  const { files = [], text } = data;
  const items = text === undefined ? [] : [{ mimeType: 'text/plain', data: text }];
  const session = await page.context().newCDPSession(page);
  const send = (type: 'dragEnter' | 'dragOver' | 'drop') =>
    session.send('Input.dispatchDragEvent', {
      type,
      ...at,
      data: { items, files: [...files], dragOperationsMask: 1 },
    });
  await send('dragEnter');
  await send('dragOver');
  return { drop: () => send('drop') };
}

describe('the page during uploads and jobs', { skip: cannotRun }, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'page-leaving-'));
  const large = largeAdapter(join(scratch, 'large'), 24);
  let service: Service;
  let client: Client;
  let gate: RequestGate;
  let browser: Browser;
  let watched: WatchedPage;
  let page: Page;

  before(async () => {
    ({ service, browser } = await sharedPage());
    client = new Client(service.url);
    gate = await openRequestGate(service.url);
  });
  afterEach(async () => {
    gate.letThrough();
    watched.assertClean();
    await page.context().close();
  });
  after(async () => {
    await gate?.close();
    rmSync(scratch, { recursive: true, force: true });
  });

  async function open(path = '', options = {}): Promise<void> {
    watched = await openPage(browser, `${gate.url}/${path}`, options);
    page = watched.page;
  }
  const pick = (files: readonly string[]) => page.setInputFiles('[data-picker=files]', [...files]);
  const pickLarge = () => pick(NAMES.map((name) => join(large, name)));
  const visit = (name: string) => page.getByRole('link', { name, exact: true }).first().click();
  const place = () => new URL(page.url()).hash;
  const tray = () => page.getByRole('region', { name: 'Uploads' });
  const rows = () => page.getByRole('list', { name: 'Uploads' }).getByRole('listitem');
  const news = (text: string | RegExp) =>
    page.getByRole('log', { name: 'Uploads' }).getByText(text).waitFor({ state: 'attached' });
  /** A copy of the adapter in a folder with this name. */
  function folder(...path: string[]): string {
    const into = join(scratch, ...path);
    cpSync(GPT2, into, { recursive: true });
    return into;
  }
  function brokenFile(): string {
    const path = join(scratch, 'broken.safetensors');
    writeFileSync(path, Buffer.concat([Buffer.from([40, 0, 0, 0, 0, 0, 0, 0]), Buffer.alloc(40, 'x')]));
    return path;
  }

  it('hides every element with the attribute hidden, whatever its class', async () => {
    await open();
    await page.locator('.steps').waitFor();
    const shown = await page.evaluate(`[...document.styleSheets].flatMap(({ cssRules }) => [...cssRules])
      .filter(({ style }) => style?.display)
      .flatMap(({ selectorText }) => selectorText.match(/\\.[\\w-]+/g) ?? [])
      .filter((name) => {
        const element = document.createElement('div');
        element.className = name.slice(1);
        element.hidden = true;
        document.body.append(element);
        const { display } = getComputedStyle(element);
        element.remove();
        return display !== 'none';
      })`);
    assert.deepEqual(shown, []);
  });

  for (const [device, options] of [
    ['desktop, light', { colorScheme: 'light' }],
    ['phone, dark', { colorScheme: 'dark', viewport: PHONE }],
  ] as const) {
    it(`shows an upload on every page, and navigates away from none: ${device}`, async () => {
      await open('', { ...options, reducedMotion: 'reduce' });
      gate.hold(UPLOAD);
      await pickLarge();
      await gate.untilHeld(1);
      await rows()
        .getByText(/^[1-9]\d?\s%, [\d.]+\sMB of 25.2\sMB/)
        .waitFor();
      const button = (name: string) => page.getByRole('button', { name, exact: true });
      for (const name of ['Choose files', 'Choose a folder'])
        assert.equal(await button(name).isVisible(), false);
      assert.equal(await button('Upload another adapter').isVisible(), true);
      await assertAccessible(page, `the start page during an upload: ${device}`);
      await visit('Jobs');
      await tray()
        .getByText(/^\d+\s%, /)
        .waitFor();
      assert.equal(await tray().getByRole('progressbar').count(), 1);
      gate.letThrough();
      const link = tray().getByRole('link', { name: /^Open / });
      await link.waitFor({ timeout: 30_000 });
      await news(/adapter_model\.safetensors was uploaded/);
      assert.equal(place(), '#/jobs');
      await assertAccessible(page, `jobs after an upload: ${device}`);
      assert.equal(await page.evaluate('document.documentElement.scrollWidth - innerWidth'), 0);
    });
  }

  it('opens the adapter if the user stayed; returning later is too late', async () => {
    await open();
    gate.hold(UPLOAD);
    await pick(FILES);
    await gate.untilHeld(1);
    await visit('Adapters');
    await visit('Squeeze');
    await rows().waitFor();
    gate.letThrough();
    await rows()
      .getByRole('link', { name: /^Open / })
      .waitFor();
    assert.equal(place(), '#/');
    await rows()
      .getByRole('button', { name: /^Dismiss / })
      .click();
    await page.getByText('Drop an adapter here').waitFor();
    await pick(FILES);
    await page.waitForURL(/#\/adapters\/ad_/);
  });

  it('shows both of two uploads, stops each separately, and queues further ones', async () => {
    await open();
    const given: string[] = [];
    page.on('requestfailed', (request) => given.push(`${request.method()} ${request.failure()?.errorText}`));
    gate.hold(UPLOAD);
    for (const name of ['first', 'second', 'third', 'fourth']) {
      await page.setInputFiles('[data-picker=folder]', folder(name));
      await rows().filter({ hasText: name }).waitFor();
    }
    await gate.untilHeld(2);
    assert.equal(await rows().getByText('Waiting for other uploads').count(), 2);
    await page.getByRole('button', { name: 'Stop third' }).click();
    await page.getByRole('button', { name: 'Stop first' }).focus();
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate('document.activeElement.className'), 'uploads', 'the focus is not lost');
    await news('The upload of first was stopped.');
    // The waiting upload replaces the stopped one.
    await rows()
      .filter({ hasText: 'fourth' })
      .getByText(/sent, checking/)
      .waitFor();
    await gate.untilHeld(3);
    gate.letThrough();
    for (const name of ['second', 'fourth']) await page.getByRole('link', { name: `Open ${name}` }).waitFor();
    assert.equal(await rows().count(), 2);
    assert.match(place(), /^(#\/)?$/, 'nobody knows which of two the user wants to see');
    // The stream of events is closed as well, once the page shows nothing live.
    const uploads = given.filter((one) => one.startsWith('POST'));
    assert.deepEqual(uploads, ['POST net::ERR_ABORTED'], 'the first was given up, the third never began');
  });

  it('sends again only the lost part of a large upload after the connection broke', async () => {
    const folder = largeAdapter(join(scratch, 'very large'), 72);
    const card = '---\nlicense: cc-by-4.0\n---\n# A card of 2 MB\n';
    writeFileSync(join(folder, 'README.md'), card.padEnd(2_000_000, '#'));
    await open('#/jobs');
    const offsets: number[] = [];
    let isBroken = false;
    await page.route('**/v1/uploads/*', async (route) => {
      const request = route.request();
      if (request.method() !== 'PATCH') return route.continue();
      offsets.push(Number(request.headers()['upload-offset']));
      if (offsets.length !== 2 || isBroken) return route.continue();
      isBroken = true;
      return route.abort('connectionreset');
    });
    const { drop } = await drag(page, { files: [folder] });
    await drop();
    await tray()
      .getByRole('link', { name: /^Open very large/ })
      .waitFor({ timeout: 60_000 });
    const part = offsets[1]!;
    assert.deepEqual(offsets.slice(0, 3), [0, part, part], 'the part that was lost, and nothing before it');
    assert.ok(part > 0 && offsets.length === 6, String(offsets));
    const { data } = await client.json<{ data: AdapterRecord[] }>('/v1/adapters?limit=1');
    assert.deepEqual([data[0]!.name, data[0]!.modules, data[0]!.license], ['very large', 72, 'cc-by-4.0']);
    assert.deepEqual((await client.json<{ data: unknown[] }>('/v1/uploads')).data, []);
  });

  it('shows in the tray why an upload was refused, until that is dismissed', async () => {
    await open();
    gate.hold(UPLOAD);
    await pick([brokenFile()]);
    await gate.untilHeld(1);
    await visit('Adapters');
    gate.letThrough();
    await tray()
      .locator('.problem', { hasText: /ST_\w+/ })
      .waitFor();
    await news(/^broken\.safetensors was not uploaded\. .{20,}/);
    await assertAccessible(page, 'adapters with an upload that was refused');
    assert.equal(
      await page.getByRole('alert').filter({ hasText: /\w/ }).count(),
      0,
      'announced once, politely',
    );
    await page.getByRole('button', { name: 'Dismiss broken.safetensors' }).click();
    await tray().waitFor({ state: 'detached' });
    assert.equal(await page.evaluate('document.activeElement.id'), 'main');
  });

  it('asks before the site is left during an upload, and only then', async () => {
    await open();
    const asked: string[] = [];
    page.on('dialog', (dialog: Dialog) => {
      asked.push(dialog.type());
      void dialog.accept();
    });
    // Browsers ask only if the user has interacted with the page.
    await page.locator('.steps').click();
    await page.reload();
    assert.deepEqual(asked, []);
    await page.locator('.steps').click();
    gate.hold(UPLOAD);
    await pick(FILES);
    await gate.untilHeld(1);
    await page.reload();
    assert.deepEqual(asked, ['beforeunload']);
  });

  it('accepts files that are dropped anywhere, and indicates this during the drag', async () => {
    await open('#/jobs');
    await page.getByRole('heading', { name: 'Jobs' }).waitFor();
    const hint = page.getByText('Drop to upload');
    await drag(page, { files: FILES });
    await hint.waitFor();
    // The protocol cannot drag out of the window, so the event is created here.
    await page.evaluate(`(() => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File(['x'], 'x'));
      document.body.dispatchEvent(new DragEvent('dragleave', { bubbles: true, dataTransfer }));
    })()`);
    await hint.waitFor({ state: 'hidden' });
    const { drop } = await drag(page, { files: FILES });
    await hint.waitFor();
    await drop();
    await tray()
      .getByRole('link', { name: /^Open / })
      .waitFor();
    assert.equal(await hint.isVisible(), false);
    assert.equal(page.url(), `${gate.url}/#/jobs`);
  });

  it('uploads each of several adapters that are dropped together, and names those it leaves out', async () => {
    const run = folder('run');
    folder('run', 'checkpoint-100');
    mkdirSync(join(scratch, 'nothing'), { recursive: true });
    writeFileSync(join(scratch, 'nothing', 'notes.txt'), 'hello');
    await open();
    const { drop } = await drag(page, { files: [folder('one'), run, join(scratch, 'nothing')] });
    await drop();
    for (const name of ['one', 'run']) await page.getByRole('link', { name: `Open ${name}` }).waitFor();
    await rows().filter({ hasText: 'run' }).getByText('left out: checkpoint-100').waitFor();
    await rows().filter({ hasText: 'nothing' }).getByText('The folder contains no weights file').waitFor();
    assert.equal(await rows().count(), 3);

    await page.getByRole('button', { name: 'Squeeze all…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Squeeze 2 adapters as a batch' });
    assert.equal(await dialog.getByLabel('Rank', { exact: true }).inputValue(), '4', 'half of their rank');
    await dialog.getByRole('button', { name: 'Squeeze all' }).click();
    await page.getByRole('heading', { level: 1, name: 'Batch of 2 items' }).waitFor();
    await tray().getByText('Uploads: 1 failed').waitFor();
    assert.equal(await rows().count(), 0, 'the tray is minimised, because nothing is being uploaded');
    await tray().getByRole('button', { name: 'Show' }).click();
    await rows().filter({ hasText: 'nothing' }).waitFor();
    assert.equal(await rows().count(), 1, 'the one that was refused');
    await assertAccessible(page, 'the open tray');
    await tray().getByRole('button', { name: 'Minimise' }).click();
    await rows().waitFor({ state: 'detached' });
    await tray().getByRole('button', { name: 'Dismiss finished uploads' }).click();
    await tray().waitFor({ state: 'detached' });
    assert.equal(await page.evaluate('document.activeElement.id'), 'main', 'the focus is not lost');
  });

  it('uploads from the list of adapters, and says what a file is that is none', async () => {
    await open('#/adapters');
    await page.getByRole('button', { name: 'Upload…' }).waitFor();
    await pick(FILES);
    await tray()
      .getByRole('link', { name: /^Open / })
      .waitFor();
    const photo = join(scratch, 'photo.png');
    writeFileSync(photo, 'a picture');
    await pick([photo]);
    await rows().getByText('photo.png is an image. Choose a .safetensors or .gguf file').waitFor();
    await tray().getByText('Uploads: 1 finished, 1 failed').waitFor();
  });

  it('leaves dragged text to the browser', async () => {
    await open('#/adapters');
    const field = page.getByLabel('Base model');
    const { x, y, width, height } = (await field.boundingBox())!;
    const { drop } = await drag(page, { text: 'gpt2' }, { x: x + width / 2, y: y + height / 2 });
    assert.equal(await page.getByText('Drop to upload').isVisible(), false);
    await drop();
    assert.equal(await field.inputValue(), 'gpt2');
  });

  it('does not navigate to a job after the user has left while it was submitted', async () => {
    const { id } = (await client.upload(GPT2)).adapter;
    await open(`#/adapters/${id}`);
    const start = page.getByRole('button', { name: /^Squeeze to rank/ });
    await start.waitFor({ timeout: 60_000 });
    gate.hold(/^POST \/v1\/jobs /);
    await start.click();
    await gate.untilHeld(1);
    await leaveAndAnswer('/v1/jobs');
  });

  it('does not navigate to a retry after the user has left', async () => {
    const { id: adapterId } = (await client.upload(large)).adapter;
    const post = async (path: string, body: object) =>
      (
        await client.fetch(path, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        })
      ).json() as Promise<JobRecord>;
    const { id } = await post('/v1/jobs', { kind: 'squeeze', adapter_id: adapterId, targets: [{ rank: 3 }] });
    await post(`/v1/jobs/${id}/cancel`, {});
    await open(`#/jobs/${id}`);
    const again = page.getByRole('button', { name: 'Try this job again' });
    await again.waitFor({ timeout: 30_000 });
    gate.hold(/^POST \/v1\/jobs\/\w+\/retry /);
    await again.click();
    await gate.untilHeld(1);
    const job = await leaveAndAnswer('/retry');
    await post(`/v1/jobs/${job.id}/cancel`, {});
  });

  /** Navigates elsewhere, releases the response, and checks that the page stays there. */
  async function leaveAndAnswer(path: string): Promise<JobRecord> {
    await visit('Annealing');
    const answer = page.waitForResponse((response) => new URL(response.url()).pathname.endsWith(path));
    gate.letThrough();
    const job = (await (await answer).json()) as JobRecord;
    assert.match(job.id, /^job_/);
    await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
    assert.equal(place(), '#/runs');
    return job;
  }
});
