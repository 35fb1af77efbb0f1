// Squeezes an adapter to a rank and saves the result.
//
//   npx tsx examples/typescript/squeeze.ts http://127.0.0.1:8080 examples/adapters/gpt2-lora-r8 4 out
//
// LORA_SQUEEZE_KEY is the key, where the service asks for one.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { adapterFiles, bodyOf, connect, download, multipart, SqueezeError, WAIT } from './client.ts';

const POLL_MS = 500;

const [url, adapterDir, rank, outDir] = process.argv.slice(2);
if (!url || !adapterDir || !rank || !outDir) {
  console.error('Usage: squeeze.ts SERVICE_URL ADAPTER_DIR RANK OUT_DIR');
  process.exit(2);
}

const server = { url, apiKey: process.env.LORA_SQUEEZE_KEY };
const service = connect(server);
const request = { targets: [{ rank: Number(rank) }] };
let job = bodyOf(
  await service.POST('/v1/squeeze', {
    params: WAIT,
    body: { ...(await adapterFiles(adapterDir)), request },
    bodySerializer: multipart,
  }),
);
while (job.state === 'queued' || job.state === 'active') {
  await sleep(POLL_MS);
  job = bodyOf(await service.GET('/v1/jobs/{id}', { params: { path: { id: job.id } } }));
}
const [result] = job.results;
if (result?.state !== 'succeeded')
  throw new SqueezeError(job.error ?? { code: 'CANCELLED', detail: `Job ${job.id} was cancelled.` });

const { files } = bodyOf(
  await service.GET('/v1/adapters/{id}', { params: { path: { id: result.adapter_id } } }),
);
await mkdir(outDir, { recursive: true });
for (const { name } of files) {
  await download(server, `/v1/adapters/${result.adapter_id}/files/${name}`, join(outDir, name));
}
const percent = (100 * result.relative_error).toFixed(2);
console.log(
  `rank ${result.rank.max}, relative error ${percent} %: ${files.map(({ name }) => join(outDir, name)).join(', ')}`,
);
