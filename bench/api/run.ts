import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PRODUCT } from '../../src/version.ts';
import { llamaAdapter } from '../adapter/adapter-spec.ts';
import { writeAdapter } from '../adapter/write-adapter.ts';
import { describeMachine } from '../machine.ts';
import { writeBetweenMarks } from '../write-between-marks.ts';
import { type ApiMeasurements, apiPage, type UploadSpeed } from './api-page.ts';
import { type ApiService, withApiService } from './api-service.ts';
import { writeLargeAdapter } from './large-adapter.ts';
import { measureStatus, squeeze, uploadAdapter } from './measure-status.ts';
import { watchResidentMemory } from './resident-memory.ts';
import { multipartBody, rawBody, sendBody } from './send-body.ts';

const USAGE = `Usage: npx tsx bench/api/run.ts [options]

Measures how fast the built service (npm run build first) answers and takes uploads, over loopback, and writes it into
docs/api-performance.md. Progress goes to standard error. Needs 5 GB of disk.

  --seconds N  of each load (default 10)
  --quick      short loads and a small upload, printed and not written: tries the benchmark itself`;

const ROOT = join(import.meta.dirname, '../..');
const DATA = join(ROOT, 'data/bench/api');
const PAGE = join(ROOT, 'docs/api-performance.md');

/** Two layers of Llama-2-7B at rank 16: a job of a fraction of a second, with all its phases. */
const BUSY = llamaAdapter(16, 2);
const MAX_SECONDS = 120;
const QUICK = { seconds: 2, uploadBytes: 64e6 };
const UPLOAD_BYTES = 2e9;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '10' },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  const seconds = values.quick ? QUICK.seconds : Number(values.seconds);
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > MAX_SECONDS)
    throw new Error(`--seconds ${values.seconds} is no whole number from 1 to ${MAX_SECONDS}`);
  try {
    const page = apiPage(await measure(seconds, values.quick ? QUICK.uploadBytes : UPLOAD_BYTES));
    if (values.quick) console.log(page);
    else await writeBetweenMarks(PAGE, 'bench/api/run.ts', page);
  } finally {
    await rm(join(DATA, 'large'), { recursive: true, force: true });
  }
}

async function measure(seconds: number, uploadBytes: number): Promise<ApiMeasurements> {
  const conditions = describeMachine({ 'LoRA-Squeeze': PRODUCT.version });
  const busyDir = join(DATA, BUSY.name);
  const largeDir = join(DATA, 'large');
  await writeAdapter(busyDir, BUSY);
  await writeLargeAdapter(largeDir, uploadBytes);
  const { idle, busy } = await withApiService(join(DATA, 'status'), async (running) => {
    const adapterId = await uploadAdapter(running, busyDir);
    const { id } = await squeeze(running, adapterId);
    console.error('status reads …');
    const idle = await measureStatus(running, id, seconds);
    console.error('status reads beside jobs …');
    return { idle, busy: await measureStatus(running, id, seconds, adapterId) };
  });
  const uploads: UploadSpeed[] = [];
  for (const [name, bodyOf] of [
    ['multipart, both files', multipartBody],
    ['raw body, the weights', rawBody],
  ] as const) {
    console.error(`${name} …`);
    uploads.push(
      await withApiService(join(DATA, 'upload'), (running) => measureUpload(running, name, largeDir, bodyOf)),
    );
  }
  return { conditions, seconds, idle, busy, uploads };
}

async function measureUpload(
  running: ApiService,
  name: string,
  dir: string,
  bodyOf: typeof rawBody,
): Promise<UploadSpeed> {
  const body = await bodyOf(dir);
  const { result, ...memory } = await watchResidentMemory(running.service, () => sendBody(running, body));
  return { name, bytes: Number(body.headers['content-length']), seconds: result, ...memory };
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
