import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { Service } from '../e2e/service.ts';
import { CONFIG, formOf, tinyAdapter, WEIGHTS } from '../http/tiny-adapter.ts';
import { cannotRun, openPage, uploadAndAnalyze } from './browser.ts';
import { HOSTILE_HOST, sharedPage } from './shared-page.ts';

const GPT2 = join(import.meta.dirname, '../../examples/adapters/gpt2-lora-r8');
const FILES = ['adapter_model.safetensors', 'adapter_config.json'].map((name) => join(GPT2, name));
const HTML = { 'content-type': 'text/html' };

/**
 * What a hostile page can do with fetch alone. Its own scripts only, so that nothing of this file is in it.
 */
const PAGE = `<!doctype html><title>elsewhere</title><script>
async function attempts([base, files, jobId]) {
  const form = (request) => {
    const parts = new FormData();
    for (const [name, text] of files)
      parts.append(name, new Blob([Uint8Array.from(atob(text), (one) => one.charCodeAt(0))]), name);
    if (request) parts.append('request', request);
    return parts;
  };
  const ask = async (what, path, body, method = 'POST') => {
    try {
      const response = await fetch(base + path, { mode: 'no-cors', method, body });
      return { what, status: response.status, text: await response.text() };
    } catch {
      return { what, status: null, text: '' };
    }
  };
  return [
    await ask('upload', '/v1/adapters', form()),
    await ask('squeeze', '/v1/squeeze', form('{"targets":[{"rank":1}]}')),
    await ask('cancel', '/v1/jobs/' + jobId + '/cancel'),
    await ask('retry', '/v1/jobs/' + jobId + '/retry'),
    await ask('key', '/v1/keys', '{"tenant":"default","scopes":["admin","read","write"]}'),
    await ask('adapters', '/v1/adapters', undefined, 'GET'),
    await ask('job', '/v1/jobs/' + jobId, undefined, 'GET'),
    await ask('page', '/', undefined, 'GET'),
  ];
}
</script>`;

/**
 * A request of another site to the service, and what it gets. No status: the browser withholds the response.
 */
interface Answer {
  readonly what: string;
  readonly status: number | null;
  readonly text: string;
}

describe('pages of other sites, in a browser on the machine of a service without keys', {
  skip: cannotRun,
}, () => {
  const { weights, config } = tinyAdapter(71);
  let service: Service;
  let port: number;
  let elsewhere: Server;
  let browser: Browser;
  let jobId: string;

  before(async () => {
    ({ service, browser } = await sharedPage());
    port = Number(new URL(service.url).port);
    const form = formOf(tinyAdapter(70));
    form.append('request', JSON.stringify({ targets: [{ rank: 2 }] }));
    // Waits for its end, because its result is one more adapter.
    const squeezed = await fetch(`${service.url}/v1/squeeze`, {
      method: 'POST',
      headers: { prefer: 'wait=60' },
      body: form,
    });
    assert.equal(squeezed.status, 200, 'what the page will try is a call that works');
    jobId = ((await squeezed.json()) as { id: string }).id;
    elsewhere = createServer((_request, response) => response.writeHead(200, HTML).end(PAGE));
    await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
  });
  after(() => void elsewhere?.close());

  const counted = async (kind: 'adapters' | 'jobs'): Promise<number> =>
    ((await (await fetch(`${service.url}/v1/${kind}`)).json()) as { data: unknown[] }).data.length;
  const openElsewhere = async (url: string): Promise<Page> => {
    const page = await (await browser.newContext()).newPage();
    await page.goto(url);
    return page;
  };

  /** What a page that is open there gets from the service at `base`. */
  function attempts(page: Page, base: string): Promise<Answer[]> {
    const files = [
      [WEIGHTS, Buffer.from(weights).toString('base64')],
      [CONFIG, Buffer.from(config).toString('base64')],
    ] as const;
    return page.evaluate(`attempts(${JSON.stringify([base, files, jobId])})`);
  }

  /** How often the service refused a POST to each route with this status. */
  async function refusals(status: number): Promise<Record<string, number>> {
    const text = await (await fetch(`${service.url}/metrics`)).text();
    const lines = text.matchAll(/^http_request_duration_seconds_count\{(.+)\} (\d+)$/gm);
    return Object.fromEntries(
      [...lines].flatMap(([, labels, count]) =>
        labels!.includes(`status="${status}"`) && labels!.includes('method="POST"')
          ? [[/route="([^"]+)"/.exec(labels!)![1]!, Number(count)]]
          : [],
      ),
    );
  }

  it('change nothing and read nothing, from another port and from another name', async () => {
    const before = [await counted('adapters'), await counted('jobs')];
    const { port: other } = elsewhere.address() as AddressInfo;
    const sites = [
      `http://127.0.0.1:${other}`,
      `http://localhost:${other}`,
      `http://${HOSTILE_HOST}:${other}`,
    ];
    for (const site of sites) {
      const page = await openElsewhere(site);
      for (const { what, status, text } of await attempts(page, service.url))
        assert.deepEqual([status, text], [null, ''], `${what} from ${site}`);
      await page.context().close();
    }
    assert.deepEqual([await counted('adapters'), await counted('jobs')], before);
    const refused = await refusals(403);
    for (const route of [
      '/v1/adapters',
      '/v1/squeeze',
      '/v1/jobs/:id/cancel',
      '/v1/jobs/:id/retry',
      '/v1/keys',
    ])
      assert.equal(
        refused[route],
        sites.length,
        `${route} was asked for, and refused: ${JSON.stringify(refused)}`,
      );
  });

  it('achieve no more with a form, which needs no script', async () => {
    const { port: other } = elsewhere.address() as AddressInfo;
    const page = await openElsewhere(`http://${HOSTILE_HOST}:${other}`);
    await page.setContent(
      `<form method="post" enctype="multipart/form-data" action="${service.url}/v1/jobs/${jobId}/retry"><button>win</button></form>`,
    );
    const answered = page.waitForResponse(/\/retry$/);
    await page.getByRole('button').click();
    const { code } = (await (await answered).json()) as { code: string };
    assert.equal(code, 'CROSS_ORIGIN_REQUEST');
    await page.context().close();
  });

  it('reach nothing through a name that resolves to the service, although the browser sees one site', async () => {
    const before = [await counted('adapters'), await counted('jobs')];
    const site = `http://${HOSTILE_HOST}:${port}`;
    const page = await (await browser.newContext()).newPage();
    // Before the name resolved to this address, the page was loaded from elsewhere.
    await page.route(`${site}/first`, (route) => route.fulfill({ headers: HTML, body: PAGE }));
    await page.goto(`${site}/first`);
    for (const { what, status, text } of await attempts(page, '')) {
      assert.equal(status, 421, `${what}: ${text}`);
      const problem = JSON.parse(text) as { code: string; context: unknown };
      assert.deepEqual([problem.code, problem.context], ['HOST_NOT_ALLOWED', { host: HOSTILE_HOST }], what);
    }
    assert.deepEqual([await counted('adapters'), await counted('jobs')], before);
    await page.context().close();
  });

  it('do not affect the page of the service itself', async () => {
    // The other tests of the page use 127.0.0.1.
    const { page, assertClean } = await openPage(browser, `http://localhost:${port}/`);
    await uploadAndAnalyze(page, FILES);
    assertClean();
    await page.context().close();
  });
});
