import { createWriteStream, openAsBlob } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import type { Client } from '../../test/e2e/client.ts';
import { CONFIG, WEIGHTS } from '../adapter/write-adapter.ts';

const FILES = [WEIGHTS, CONFIG];

/** Streams an adapter folder of any size to the service. */
export async function upload(client: Client, dir: string): Promise<AdapterRecord> {
  const form = new FormData();
  for (const name of FILES) form.append(name, await openAsBlob(join(dir, name)), name);
  const response = await client.fetch('/v1/adapters', { method: 'POST', body: form });
  if (!response.ok) throw new Error(`upload: ${response.status} ${await response.text()}`);
  return (await response.json()) as AdapterRecord;
}

export async function download(client: Client, adapterId: string, dir: string): Promise<void> {
  await mkdir(dir, { recursive: true });
  for (const name of FILES) {
    const response = await client.fetch(`/v1/adapters/${adapterId}/files/${name}`);
    if (!response.ok || !response.body) throw new Error(`download of ${name}: ${response.status}`);
    await pipeline(Readable.fromWeb(response.body as never), createWriteStream(join(dir, name)));
  }
}
