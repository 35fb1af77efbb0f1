import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

const CHROMIUM = '/usr/bin/chromium';
const FONTS = join(import.meta.dirname, 'fonts.conf');
const BUILT = join(import.meta.dirname, '../../dist/web/index.html');

export const noChromium: string | false =
  !existsSync(CHROMIUM) && `there is no ${CHROMIUM} (Debian: apt-get install chromium)`;

/** Why the tests of the page cannot run; false: they can. */
export const cannotRun: string | false =
  noChromium || (!existsSync(BUILT) && 'the page is not built: npm run build');

/** Draws text with the same fonts, and without hints for the screen, on every machine. */
const SAME_TEXT = ['--font-render-hinting=none', '--disable-lcd-text', '--disable-font-subpixel-positioning'];

export const openBrowser = (...more: readonly string[]): Promise<Browser> =>
  chromium.launch({
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-dev-shm-usage', ...SAME_TEXT, ...more],
    env: { ...(process.env as Record<string, string>), FONTCONFIG_FILE: FONTS },
  });

/** A page that records everything that must not happen. */
export interface WatchedPage {
  readonly page: Page;
  /**
   * Fails if there was an error of JavaScript, a violation of the content security policy, or a request to
   * another host.
   */
  assertClean(): void;
}

const OTHER_SCHEMES = /^(data|blob):/;

export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  const page = await context.newPage();
  const faults: string[] = [];
  const { origin } = new URL(url);
  page.on('pageerror', ({ message }) => faults.push(`error: ${message}`));
  page.on('console', (message) => {
    // The page shows refusals of the service; they do not count as errors here.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      faults.push(`console: ${message.text()}`);
  });
  page.on('request', (request) => {
    if (!OTHER_SCHEMES.test(request.url()) && new URL(request.url()).origin !== origin)
      faults.push(`request to ${request.url()}`);
  });
  await page.goto(url);
  return { page, assertClean: () => assert.deepEqual(faults, []) };
}

/** Rows after the first few of a table are rendered alike. */
const FURTHER_ROWS = 'tbody tr:nth-child(n+9)';
const CONTRAST = 'color-contrast';

/** Fails if axe finds something that WCAG 2.2 AA or good practice forbids. */
export async function assertAccessible(page: Page, what: string): Promise<void> {
  // Without frames in the page, axe needs no second page to combine results (which is its other mode).
  const axe = () => new AxeBuilder({ page }).setLegacyMode(true);
  // For elements without problems axe would also create selectors. Contrast takes longer than all other rules
  // together.
  const resultTypes: ['violations'] = ['violations'];
  const runs = [
    await axe()
      .options({ resultTypes, rules: { [CONTRAST]: { enabled: false } } })
      .analyze(),
    await axe()
      .exclude(FURTHER_ROWS)
      .options({ resultTypes, runOnly: [CONTRAST] })
      .analyze(),
  ];
  const found = runs.flatMap(({ violations }) =>
    violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`),
  );
  assert.deepEqual(found, [], what);
}

/** Uploads files with the page's own file picker, and waits for the page of the adapter. */
export async function uploadAndAnalyze(page: Page, files: readonly string[]): Promise<void> {
  await page.setInputFiles('[data-picker=files]', [...files]);
  await page.getByRole('heading', { name: 'Squeeze', exact: true }).waitFor({ timeout: 60_000 });
  await page.locator('.workbench canvas').first().waitFor();
}
