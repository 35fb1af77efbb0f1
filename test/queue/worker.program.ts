/** A worker in its own process, so that a test can kill it. */
import { loadConfig } from '../../src/app/config.ts';
import { Dispatcher } from '../../src/dispatch/dispatcher.ts';
import { BullJobQueue } from '../../src/queue/bull-job-queue.ts';
import { JobWorker } from '../../src/queue/job-worker.ts';
import { DiskStore } from '../../src/storage/disk-store.ts';
import { sqliteIn } from '../database/dialects.ts';
import { PREFIX, SCRIPTED_PROCESSOR, SILENT } from './harness.ts';

const { dataDir, storageDir } = loadConfig();
const shared = { address: JSON.parse(process.env.ADDRESS!), prefix: PREFIX, logger: SILENT };
const database = await sqliteIn(dataDir);
new JobWorker({
  ...shared,
  concurrency: 1,
  provider: { name: 'cpu' },
  store: await DiskStore.open(storageDir),
  database,
  dispatcher: new Dispatcher({ database, queue: new BullJobQueue(shared) }),
  computeEnv: process.env,
  processor: SCRIPTED_PROCESSOR,
  ...(process.env.LOCK_MS && { lockMs: Number(process.env.LOCK_MS) }),
}).start();
console.log('started');
