import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { type Service, startService } from '../e2e/service.ts';

/**
 * The whole service with its data in a new folder, for the tests of a describe; both are removed after them.
 */
export interface ServiceFixture {
  readonly folder: string;
  /** Set when the tests run. */
  readonly service: Service;
}

/** @param env variables of the service besides those that every test sets */
export function serviceFixture(name: string, env: Readonly<Record<string, string>> = {}): ServiceFixture {
  const folder = mkdtempSync(join(tmpdir(), `${name}-`));
  let service: Service | undefined;
  before(async () => {
    service = await startService({ dataDir: join(folder, 'data'), env });
  });
  after(async () => {
    await service?.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    folder,
    get service() {
      return service!;
    },
  };
}
