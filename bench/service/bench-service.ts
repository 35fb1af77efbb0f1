import { rm } from 'node:fs/promises';
import { Client } from '../../test/e2e/client.ts';
import { type Service, startService } from '../../test/e2e/service.ts';

/** Over every adapter made here. */
const MAX_UPLOAD_BYTES = 64 * 2 ** 30;

export interface BenchService {
  readonly service: Service;
  readonly client: Client;
}

/** Runs the built service on a fresh data folder for the length of `use`; leaves neither process nor file. */
export async function withService<T>(
  stateDir: string,
  env: Readonly<Record<string, string>>,
  use: (running: BenchService) => Promise<T>,
): Promise<T> {
  await rm(stateDir, { recursive: true, force: true });
  const service = await startService({
    dataDir: stateDir,
    entry: 'built',
    env: {
      ...{ LOG_LEVEL: 'warn', MAX_UPLOAD_BYTES: String(MAX_UPLOAD_BYTES) },
      // As it is by default; tests turn it off.
      COMPUTE_WARM_UP: 'on',
      ...env,
    },
  });
  try {
    return await use({ service, client: new Client(service.url) });
  } finally {
    await service.stop();
    await rm(stateDir, { recursive: true, force: true });
  }
}
