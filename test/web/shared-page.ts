import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import type { Browser } from 'playwright-core';
import { type Service, startService } from '../e2e/service.ts';
import { openBrowser } from './browser.ts';

/** A name that resolves to this machine in the browser. */
export const HOSTILE_HOST = 'evil.example';

export interface SharedPage {
  readonly service: Service;
  readonly browser: Browser;
}

let opened: Promise<SharedPage> | undefined;

/** The service without keys, and the browser, for all tests of this process; ended after the last of them. */
export function sharedPage(): Promise<SharedPage> {
  opened ??= open();
  return opened;
}

async function open(): Promise<SharedPage> {
  const service = await startService({ dataDir: join(scratch, 'data'), env: { EXECUTION_PROVIDER: 'cpu' } });
  const browser = await openBrowser(
    `--host-resolver-rules=MAP ${HOSTILE_HOST} 127.0.0.1`,
    // Newer Chromium blocks requests of pages to the loopback interface. Not every browser does.
    '--disable-features=LocalNetworkAccessChecks',
  );
  return { service, browser };
}

const scratch = mkdtempSync(join(tmpdir(), 'page-test-'));
after(async () => {
  const page = await opened?.catch(() => undefined);
  await page?.browser.close();
  await page?.service.stop();
  rmSync(scratch, { recursive: true, force: true });
});
