import { rm } from 'node:fs/promises';
import { type Service, startService } from '../../test/e2e/service.ts';

const ADMIN_KEY = 'administrator-of-the-benchmark';

export interface ApiService {
  readonly service: Service;
  readonly url: string;
  /** The header that authenticates a client. */
  readonly authorization: string;
}

/** Runs the built service with AUTH=keys on a fresh folder, as in production: with log and metrics. */
export async function withApiService<T>(
  dataDir: string,
  use: (running: ApiService) => Promise<T>,
): Promise<T> {
  await rm(dataDir, { recursive: true, force: true });
  const service = await startService({
    dataDir,
    entry: 'built',
    env: { AUTH: 'keys', ADMIN_KEY, EXECUTION_PROVIDER: 'cpu' },
  });
  try {
    await fetch(`${service.url}/v1/tenants/bench`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
      body: '{}',
    });
    const response = await fetch(`${service.url}/v1/keys`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({ tenant: 'bench', scopes: ['read', 'write'] }),
    });
    const { key } = (await response.json()) as { key: string };
    return await use({ service, url: service.url, authorization: `Bearer ${key}` });
  } finally {
    await service.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}
