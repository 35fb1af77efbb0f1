import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { Client } from '../e2e/client.ts';
import { type Service, startService } from '../e2e/service.ts';

/** The service that hostile requests are sent to; there while the tests of a suite run. */
export class AttackTarget {
  dataDir!: string;
  service!: Service;
  client!: Client;

  /** To be called in a suite: starts the service before its tests. */
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
