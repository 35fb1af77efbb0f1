import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pixelmatch from 'pixelmatch';
import type { Page } from 'playwright-core';
import { PNG } from 'pngjs';

const REFERENCES = join(import.meta.dirname, 'pictures');
const VERSION_FILE = join(REFERENCES, 'chromium.txt');
const RENEW = 'UPDATE_PICTURES=1 npm test -- --built test/web/page.test.ts --name "can be read completely"';
export const isRenewing = process.env.UPDATE_PICTURES === '1';

/** The distance at which two colours differ; black and white are 1 apart. */
const COLOUR_DISTANCE = 0.1;
/**
 * Differences are counted in squares of this size, because a broken name is a small part of a page but a
 * large part of the square around it.
 */
const SQUARE_PX = 48;
export const MAX_SHARE = 0.02;
/** So many that two neighbours are closer than COLOUR_DISTANCE. */
const GREYS = 16;
/** Longer than the page takes to draw its charts again at another width. */
const SETTLE_MS = 5_000;

/** Replaces what is different in every run, without a change of its length, and waits for the next frames. */
const MAKE_CONSTANT = `(async () => {
  const constants = { Created: 'Jan 1, 2026, 12:00 PM', ID: 'ad_${'0'.repeat(32)}' };
  for (const dt of document.querySelectorAll('.facts dt')) {
    const text = constants[dt.textContent];
    if (text) (dt.nextElementSibling.querySelector('code') ?? dt.nextElementSibling).firstChild.data = text;
  }
  for (const jobs of document.querySelectorAll('.activity')) jobs.style.display = 'none';
  document.activeElement?.blur();
  scrollTo(0, 0);
  for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame);
})()`;

/** A picture of the whole page, also of the part that is not visible without scrolling. */
async function takePicture(page: Page): Promise<PNG> {
  await page.evaluate(MAKE_CONSTANT);
  return inGreys(PNG.sync.read(await page.screenshot({ fullPage: true, animations: 'disabled' })));
}

/** The picture without colours: its file is a third as large, and its layout is the same. */
function inGreys(picture: PNG): PNG {
  const { data } = picture;
  const step = 255 / (GREYS - 1);
  for (let at = 0; at < data.length; at += 4) {
    const brightness = 0.3 * data[at]! + 0.59 * data[at + 1]! + 0.11 * data[at + 2]!;
    data.fill(Math.round(Math.round(brightness / step) * step), at, at + 3);
  }
  return picture;
}

export interface Difference {
  /** The share of the pixels that differ in the square with most differences; 1 if the sizes differ. */
  readonly share: number;
  readonly actual: PNG;
  /** The reference in pale grey, with all differences in red; absent if the sizes differ. */
  readonly marked?: PNG;
}

/** Compares the page with a reference, again and again until it looks like it or has had time to settle. */
export async function differenceFrom(page: Page, reference: PNG, settleMs = SETTLE_MS): Promise<Difference> {
  const untilMs = performance.now() + settleMs;
  for (;;) {
    const difference = compare(reference, await takePicture(page));
    if (difference.share <= MAX_SHARE || performance.now() > untilMs) return difference;
  }
}

function compare(reference: PNG, actual: PNG): Difference {
  const { width, height } = reference;
  if (actual.width !== width || actual.height !== height) return { share: 1, actual };
  const marked = new PNG({ width, height });
  const most = pixelmatch(reference.data, actual.data, marked.data, width, height, {
    threshold: COLOUR_DISTANCE,
    windowSize: SQUARE_PX,
  });
  return { share: most / SQUARE_PX ** 2, actual, marked };
}

export const referenceOf = (name: string): PNG => PNG.sync.read(readFileSync(fileOf(name)));
const fileOf = (name: string): string => join(REFERENCES, `${name}.png`);

/** The version of the browser that drew the references. */
export const drawnBy = (): string => readFileSync(VERSION_FILE, 'utf8').trim();

/** Browsers of different major versions may draw the same page differently. */
export const drewReferences = (page: Page): boolean =>
  majorOf(page.context().browser()!.version()) === majorOf(drawnBy());

const majorOf = (version: string): string => version.split('.')[0]!;

/** Fails if the page does not look like its reference, and keeps both pictures for whoever reads the message. */
export async function assertLooksAlike(page: Page, name: string): Promise<void> {
  if (isRenewing) {
    await renew(page, name, page.context().browser()!.version());
    return;
  }
  assert.ok(existsSync(fileOf(name)), `there is no ${fileOf(name)}; take it: ${RENEW}`);
  const reference = referenceOf(name);
  const { share, actual, marked } = await differenceFrom(page, reference);
  if (share <= MAX_SHARE) return;
  const folder = mkdtempSync(join(tmpdir(), 'squeeze-pictures-'));
  const keep = (what: string, picture: PNG): string => {
    const file = join(folder, `${name}-${what}.png`);
    writeFileSync(file, PNG.sync.write(picture));
    return file;
  };
  const what = marked
    ? `${percent(share)} of a square of ${SQUARE_PX} px differs from the reference; the limit is ${percent(MAX_SHARE)}.`
    : `The page is ${sizeOf(actual)}, the reference ${sizeOf(reference)}.`;
  assert.fail(
    [
      `${name}: ${what}`,
      `reference:   ${fileOf(name)}`,
      `actual:      ${keep('actual', actual)}`,
      ...(marked ? [`differences: ${keep('differences', marked)}`] : []),
      `If the page is right, renew the references and look at them: ${RENEW}`,
    ].join('\n'),
  );
}

const SMALL = { colorType: 0, filterType: 0, deflateLevel: 9, deflateStrategy: 0 } as const;

/** Takes the reference again when two pictures in a row are the same. */
async function renew(page: Page, name: string, version: string): Promise<void> {
  let picture = await takePicture(page);
  for (let previous: PNG | undefined; !previous?.data.equals(picture.data); ) {
    previous = picture;
    picture = await takePicture(page);
  }
  mkdirSync(REFERENCES, { recursive: true });
  writeFileSync(fileOf(name), PNG.sync.write(picture, SMALL));
  writeFileSync(VERSION_FILE, `${version}\n`);
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const sizeOf = ({ width, height }: PNG): string => `${width} × ${height} px`;
