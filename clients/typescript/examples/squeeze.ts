// Squeezes an adapter to a rank and saves the result.
//
//   npx tsx clients/typescript/examples/squeeze.ts http://127.0.0.1:8080 examples/adapters/gpt2-lora-r8 4 out
//
// LORA_SQUEEZE_KEY is the key, where the service asks for one.

import { LoraSqueeze } from '../src/index.ts';

const [baseUrl, source, rank, folder] = process.argv.slice(2);
if (!baseUrl || !source || !rank || !folder) {
  console.error('Usage: squeeze.ts SERVICE_URL ADAPTER_DIR RANK OUT_DIR');
  process.exit(2);
}

const client = new LoraSqueeze({ baseUrl, key: process.env.LORA_SQUEEZE_KEY });
const job = await client.squeeze(source, { targets: [{ rank: Number(rank) }] });
for (const result of job.results) {
  if (result.state !== 'succeeded') continue;
  const paths = await client.adapters.download(result.adapter_id, folder);
  const percent = (100 * result.relative_error).toFixed(2);
  console.log(`rank ${result.rank.max}, relative error ${percent} %: ${paths.join(', ')}`);
}
