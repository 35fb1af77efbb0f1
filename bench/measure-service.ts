import { createWriteStream, openAsBlob } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AdapterRecord } from '../src/contract/adapter.ts';
import type { JobRecord, ProviderInfo, SqueezeOptions, Timings } from '../src/contract/job.ts';
import { Client } from '../test/e2e/client.ts';
import { hasMapped, peakResidentBytes } from '../test/e2e/process-tree.ts';
import { type Service, startService } from '../test/e2e/service.ts';
import { Probe } from './probe.ts';

const POLL_MS = 20;
const FILES = ['adapter_model.safetensors', 'adapter_config.json'];

export interface ServiceMeasurement {
  readonly uploadSeconds: number;
  /** The first job of a fresh process: sessions are made, files and code are cold. */
  readonly cold: Timings;
  readonly warm: readonly Timings[];
  /** The warm jobs by the client's own clock, from the request to seeing them succeeded: a check on `warm`. */
  readonly clientSeconds: readonly number[];
  /** Most memory a compute process ever held at once, over all jobs. */
  readonly computePeakBytes: number;
  /** The same of the process that answers HTTP. */
  readonly apiPeakBytes: number;
  /** Every answer of /livez while a job was running. */
  readonly livezMs: readonly number[];
  readonly relativeError: number;
  readonly provider: ProviderInfo;
}

/**
 * Runs the built service on a fresh data folder and squeezes the adapter 1 + `runs` times, one job after the other.
 * The result is downloaded to `outDir`.
 */
export async function measureService(request: {
  readonly adapterDir: string;
  readonly stateDir: string;
  readonly outDir: string;
  readonly rank: number;
  readonly runs: number;
  readonly options: SqueezeOptions;
}): Promise<ServiceMeasurement> {
  const { adapterDir, stateDir, outDir, rank, runs, options } = request;
  await rm(stateDir, { recursive: true, force: true });
  const service = await startService({ dataDir: stateDir, entry: 'built', env: { LOG_LEVEL: 'warn' } });
  try {
    const client = new Client(service.url);
    const startedMs = performance.now();
    const adapter = await upload(client, adapterDir);
    const uploadSeconds = (performance.now() - startedMs) / 1000;

    const latencies: number[] = [];
    const timings: Timings[] = [];
    const clientSeconds: number[] = [];
    let computePeakBytes = 0;
    let last: JobRecord | undefined;
    for (let run = 0; run <= runs; run++) {
      const watched = await runJob(service, client, adapter.id, rank, options);
      latencies.push(...watched.livezMs);
      timings.push(watched.job.timings!);
      if (run > 0) clientSeconds.push(watched.seconds);
      computePeakBytes = Math.max(computePeakBytes, watched.computePeakBytes);
      last = watched.job;
    }
    const [cold, ...warm] = timings;
    const result = last!.results[0]!;
    const apiPeakBytes = peakResidentBytes(service);
    await download(client, result.adapter_id, outDir);
    return {
      uploadSeconds,
      cold: cold!,
      warm,
      clientSeconds,
      computePeakBytes,
      apiPeakBytes,
      livezMs: latencies,
      relativeError: result.relative_error,
      provider: last!.provider!,
    };
  } finally {
    await service.stop();
    await rm(stateDir, { recursive: true, force: true });
  }
}

async function runJob(
  service: Service,
  client: Client,
  adapterId: string,
  rank: number,
  options: SqueezeOptions,
) {
  const probe = new Probe(`${service.url}/livez`);
  let computePeakBytes = 0;
  let running = true;
  // VmHWM only grows, so the last look at a process tells its peak.
  const watcher = (async () => {
    while (running) {
      for (const child of service.children()) {
        if (hasMapped(child, 'onnxruntime')) {
          computePeakBytes = Math.max(computePeakBytes, peakResidentBytes(child));
        }
      }
      await sleep(POLL_MS);
    }
  })();
  try {
    const startedMs = performance.now();
    const job = await client.squeeze(adapterId, [{ rank }], options);
    const seconds = (performance.now() - startedMs) / 1000;
    if (job.state !== 'succeeded') throw new Error(`the job ${job.state}: ${JSON.stringify(job.error)}`);
    running = false;
    await watcher;
    return { job, seconds, livezMs: await probe.stop(), computePeakBytes };
  } finally {
    running = false;
    await Promise.allSettled([watcher, probe.stop()]);
  }
}

async function upload(client: Client, dir: string): Promise<AdapterRecord> {
  const form = new FormData();
  for (const name of FILES) form.append(name, await openAsBlob(join(dir, name)), name);
  const response = await client.fetch('/v1/adapters', { method: 'POST', body: form });
  if (!response.ok) throw new Error(`upload: ${response.status} ${await response.text()}`);
  return (await response.json()) as AdapterRecord;
}

async function download(client: Client, adapterId: string, dir: string): Promise<void> {
  await mkdir(dir, { recursive: true });
  for (const name of FILES) {
    const response = await client.fetch(`/v1/adapters/${adapterId}/files/${name}`);
    if (!response.ok || !response.body) throw new Error(`download of ${name}: ${response.status}`);
    await pipeline(Readable.fromWeb(response.body as never), createWriteStream(join(dir, name)));
  }
}
