import { hash } from 'node:crypto';
import { DEFAULT_TENANT } from '../../../src/contract/tenant-id.ts';
import type { Database } from '../../../src/database/database.ts';
import type { NewAdapter } from '../../../src/resources/adapters/rows.ts';
import { AdapterStore } from '../../../src/resources/adapters/store.ts';
import type { WrittenFile } from '../../../src/resources/contents/content-files.ts';

/** For jobs whose work is a script, or that are never executed. */
export const SAMPLE_ADAPTER = `ad_${'0'.repeat(31)}1`;

const WEIGHTS = Buffer.from('weights that nobody reads');
const FILE = { name: 'adapter_model.safetensors', sha256: hash('sha256', WEIGHTS), bytes: WEIGHTS.length };

export const SAMPLE_FILES: readonly WrittenFile[] = [{ ...FILE, inline: WEIGHTS.toString('base64') }];

export const SAMPLE_FACTS: NewAdapter['description'] = {
  digest: hash('sha256', 'known'),
  format: 'peft',
  sha256: FILE.sha256,
  bytes: FILE.bytes,
  base_model: 'base',
  modules: 1,
  ranks: { min: 4, max: 4 },
  alpha: 8,
  dtypes: ['F32'],
  parameters: 64,
  passthrough_tensors: 0,
  files: [FILE],
  warnings: [],
};

/** Records an adapter with an id chosen by the test; if it exists, nothing happens. */
export async function insertSampleAdapter(
  database: Database,
  { id = SAMPLE_ADAPTER, tenant = DEFAULT_TENANT } = {},
): Promise<string> {
  const store = new AdapterStore(database, tenant);
  if (await store.find(id)) return id;
  const adapter = { id, description: SAMPLE_FACTS, name: 'known', labels: {}, ttlSeconds: undefined };
  await store.insert({ ...adapter, parentId: null, jobId: null }, { writeId: null, files: SAMPLE_FILES });
  return id;
}
