/** A worker in a process of its own, so that a test can kill it. */
import { loadConfig } from '../../src/config.ts';
import { JobWorker } from '../../src/queue/worker.ts';
import { DiskStore } from '../../src/storage/disk-store.ts';
import { sqliteIn } from '../database/dialects.ts';
import { PREFIX, SCRIPTED_PROCESSOR, SILENT } from './harness.ts';

const { dataDir, storageDir } = loadConfig();
new JobWorker({
  address: JSON.parse(process.env.ADDRESS!),
  prefix: PREFIX,
  concurrency: 1,
  store: await DiskStore.open(storageDir),
  database: await sqliteIn(dataDir),
  computeEnv: process.env,
  logger: SILENT,
  processor: SCRIPTED_PROCESSOR,
  ...(process.env.LOCK_MS && { lockMs: Number(process.env.LOCK_MS) }),
  onFinished: () => undefined,
}).start();
console.log('started');
