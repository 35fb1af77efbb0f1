import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { BatchRecord } from '../../src/contract/batch.ts';
import { CONFIG, WEIGHTS } from '../adapter/write-adapter.ts';
import { withService } from '../service/bench-service.ts';
import { runJob } from '../service/run-job.ts';
import { upload } from '../service/transfer.ts';
import { cpuSeconds } from './cpu-time.ts';

const ROOT = join(import.meta.dirname, '../..');
export const TARGET_RANK = 4;
const LARGE_TARGET_RANK = 16;

/** Number of uploads at the same time. */
const UPLOADS = 4;
/** A long interval, because answering costs CPU time and the batch takes seconds. */
const POLL_MS = 250;

export interface Rate {
  readonly adapters: number;
  readonly seconds: number;
  /** CPU time of all processes involved. */
  readonly cpuSeconds: number;
}

/** Measures the loop in torch, with one process for each core. */
export async function measureLoop(source: string, out: string): Promise<Rate & { library: string }> {
  const script = join(import.meta.dirname, 'torch_loop.py');
  const { stdout } = await promisify(execFile)('/usr/bin/python3', [
    script,
    source,
    String(TARGET_RANK),
    out,
  ]);
  await rm(out, { recursive: true, force: true });
  const { cpu_seconds, ...measured } = JSON.parse(stdout);
  return { ...measured, cpuSeconds: cpu_seconds };
}

/** Measures the command on all folders in one call, including its start. */
export async function measureCommand(folders: readonly string[], out: string): Promise<Rate> {
  const startedMs = performance.now();
  const child = spawn(
    'bash',
    [
      '-c',
      'TIMEFORMAT="%U %S"; time node dist/cli/main.js squeeze "$@" >/dev/null',
      'bash',
      ...folders,
      '--local',
      ...['--rank', String(TARGET_RANK), '--out', `${out}/`],
    ],
    { cwd: ROOT, stdio: ['ignore', 'inherit', 'pipe'] },
  );
  let text = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  const [code] = await once(child, 'close');
  const seconds = (performance.now() - startedMs) / 1000;
  await rm(out, { recursive: true, force: true });
  if (code !== 0) throw new Error(`the command ended with ${code}: ${text.slice(-2000)}`);
  const [user, system] = text.trim().split('\n').at(-1)!.split(' ').map(Number);
  return { adapters: folders.length, seconds, cpuSeconds: user! + system! };
}

export interface BatchRate extends Rate {
  /** The uploads before the batch: seconds, and CPU time of the service. */
  readonly uploads: { readonly seconds: number; readonly cpuSeconds: number };
}

/** A batch of all adapters through the service, on SQLite and a folder, with warm compute processes. */
export function measureBatch(
  stateDir: string,
  folders: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<BatchRate> {
  return withService(stateDir, env, async ({ service, client }) => {
    const warm = Number(env.WORKER_CONCURRENCY ?? 1);
    const cpu = () => cpuSeconds(service.pid);
    const runBatch = async (adapter_ids: readonly string[]) => {
      const response = await client.fetch('/v1/batches', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ adapter_ids, targets: [{ rank: TARGET_RANK }], reuse: false }),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`POST /v1/batches: ${response.status} ${text}`);
      const { id } = JSON.parse(text) as BatchRecord;
      for (;;) {
        const batch = await client.json<BatchRecord>(`/v1/batches/${id}`);
        if (batch.finished_at === null) {
          await sleep(POLL_MS);
          continue;
        }
        if (batch.state !== 'succeeded')
          throw new Error(`the batch ${batch.state}: ${JSON.stringify(batch.counts)}`);
        return (Date.parse(batch.finished_at) - Date.parse(batch.created_at)) / 1000;
      }
    };
    const waiting = [...folders];
    const ids: string[] = [];
    let [startedMs, startedCpu] = [performance.now(), cpu()];
    await Promise.all(
      Array.from({ length: UPLOADS }, async () => {
        for (let folder = waiting.shift(); folder; folder = waiting.shift())
          ids.push((await upload(client, folder)).id);
      }),
    );
    const uploads = { seconds: (performance.now() - startedMs) / 1000, cpuSeconds: cpu() - startedCpu };
    await runBatch(ids.slice(0, 4 * warm));
    startedMs = performance.now();
    startedCpu = cpu();
    const seconds = await runBatch(ids);
    return { adapters: ids.length, seconds, cpuSeconds: cpu() - startedCpu, uploads };
  });
}

export interface Mix {
  /** Time between the acceptance and the start of each small job. */
  readonly waitMs: readonly number[];
  /** Duration of the large job. */
  readonly largeSeconds: number;
}

/**
 * Runs small jobs one after the other while a large one runs; there is a slot for each. @param large folder of its
 * adapter
 */
export function measureMix(stateDir: string, folders: readonly string[], large: string): Promise<Mix> {
  return withService(stateDir, { WORKER_CONCURRENCY: '2' }, async ({ client }) => {
    const { id: largeId } = await upload(client, large);
    const ids: string[] = [];
    for (const folder of folders) ids.push((await upload(client, folder)).id);
    let isRunning = true;
    const running = runJob(client, { adapterId: largeId, rank: LARGE_TARGET_RANK, pollMs: POLL_MS }).finally(
      () => {
        isRunning = false;
      },
    );
    const waitMs: number[] = [];
    for (let index = 0; isRunning; index = (index + 1) % ids.length) {
      const { job } = await runJob(client, { adapterId: ids[index]!, rank: TARGET_RANK });
      if (isRunning) waitMs.push(1000 * job.timings!.queue_wait);
    }
    return { waitMs, largeSeconds: (await running).seconds };
  });
}

/** Sequential calls, each from the upload to the result, in ms; every adapter is new to the service. */
export function measureCalls(stateDir: string, folders: readonly string[]): Promise<number[]> {
  return withService(stateDir, {}, async ({ client }) => {
    const tookMs: number[] = [];
    for (const folder of folders) {
      const form = new FormData();
      form.append('request', JSON.stringify({ targets: [{ rank: TARGET_RANK }] }));
      for (const name of [WEIGHTS, CONFIG])
        form.append(name, new Blob([await readFile(join(folder, name))]), name);
      const startedMs = performance.now();
      const response = await client.fetch('/v1/squeeze', {
        method: 'POST',
        headers: { prefer: 'wait=30' },
        body: form,
      });
      const text = await response.text();
      tookMs.push(performance.now() - startedMs);
      if (!response.ok || JSON.parse(text).state !== 'succeeded')
        throw new Error(`POST /v1/squeeze: ${response.status} ${text.slice(0, 2000)}`);
    }
    return tookMs;
  });
}
