import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { Client } from '../e2e/client.ts';
import { type Service, startService } from '../e2e/service.ts';

/** The service to which hostile requests are sent; it runs during the tests of a suite. */
export class AttackTarget {
  dataDir!: string;
  service!: Service;
  client!: Client;

  /** Call this in a suite: it starts the service before the tests. */
  constructor(env: Readonly<Record<string, string>> = {}) {
    before(async () => {
      this.dataDir = mkdtempSync(join(tmpdir(), 'squeeze-attacks-'));
      this.service = await startService({
        dataDir: this.dataDir,
        env: { EXECUTION_PROVIDER: 'cpu', ...env },
      });
      this.client = new Client(this.service.url);
    });
    after(async () => {
      await this.service?.stop();
      rmSync(this.dataDir, { recursive: true, force: true });
    });
  }

  get url(): string {
    return this.service.url;
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }
}
