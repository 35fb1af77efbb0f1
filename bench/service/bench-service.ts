import { rm } from 'node:fs/promises';
import { Client } from '../../test/e2e/client.ts';
import { type Service, startService } from '../../test/e2e/service.ts';

/** Larger than every adapter that is created here. */
const MAX_UPLOAD_BYTES = 64 * 2 ** 30;

export interface BenchService {
  readonly service: Service;
  readonly client: Client;
}

/** Runs the built service on a fresh data folder while `use` runs; leaves no process and no file behind. */
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
      // The default, which tests turn off.
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
