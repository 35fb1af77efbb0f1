/** A worker of deliveries in its own process, so that a test can kill it. */
import { Outbound } from '../../src/net/outbound.ts';
import { DeliveryWorker } from '../../src/queue/webhooks/delivery-worker.ts';
import { SecretBox } from '../../src/transfer/secret-box.ts';
import { sqliteIn } from '../database/dialects.ts';
import { PREFIX, SILENT } from './harness.ts';
import { LOOPBACK, QUICK } from './webhook-bench.ts';

const { address, dataDir, key, lockMs } = JSON.parse(process.argv[2]!);
new DeliveryWorker({
  address,
  prefix: PREFIX,
  database: await sqliteIn(dataDir),
  outbound: new Outbound(LOOPBACK),
  box: new SecretBox(Buffer.from(key, 'base64')),
  logger: SILENT,
  schedule: QUICK,
  timeoutMs: 60_000,
  lockMs,
  onAttempt: () => undefined,
}).start();
console.log('started');
