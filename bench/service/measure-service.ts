import { succeededResults } from '../../src/charts/succeeded-targets.ts';
import type { ProviderInfo, Timings } from '../../src/contract/job.ts';
import type { SqueezeOptions } from '../../src/contract/job-request.ts';
import { peakResidentBytes } from '../../test/e2e/process-tree.ts';
import { withService } from './bench-service.ts';
import { watchComputeMemory } from './memory-watch.ts';
import { Probe } from './probe.ts';
import { runJob } from './run-job.ts';
import { download, upload } from './transfer.ts';

export interface ServiceMeasurement {
  readonly uploadSeconds: number;
  /** The first job of a service that has just become ready. */
  readonly cold: Timings;
  readonly warm: readonly Timings[];
  /**
   * Durations of the warm jobs by the client's clock, from the request until it sees them succeeded: a check on
   * `warm`.
   */
  readonly clientSeconds: readonly number[];
  /** Peak memory of a compute process over all jobs. */
  readonly computePeakBytes: number;
  /** The same for the process that answers HTTP. */
  readonly apiPeakBytes: number;
  /** Response times of /livez while a job was running; empty unless requested. */
  readonly livezMs: readonly number[];
  readonly relativeError: number;
  /** Size of the weights that were written. */
  readonly resultBytes: number;
  readonly provider: ProviderInfo;
}

/**
 * Runs the built service on a fresh data folder and squeezes the adapter 1 + `runs` times, one job after the other.
 * The result is downloaded to `outDir`, if one is given.
 */
export function measureService(request: {
  readonly adapterDir: string;
  readonly stateDir: string;
  readonly outDir?: string;
  readonly rank: number;
  readonly runs: number;
  readonly options?: SqueezeOptions;
  /** Whether to request /livez meanwhile. */
  readonly probe?: boolean;
}): Promise<ServiceMeasurement> {
  const { adapterDir, stateDir, outDir, rank, runs, options = {} } = request;
  return withService(stateDir, {}, async ({ service, client }) => {
    const startedMs = performance.now();
    const adapter = await upload(client, adapterDir);
    const uploadSeconds = (performance.now() - startedMs) / 1000;

    const probe = request.probe ? new Probe(`${service.url}/livez`) : undefined;
    const { result: jobs, peakBytes } = await watchComputeMemory(service, async () => {
      const done = [];
      for (let run = 0; run <= runs; run++) {
        done.push(await runJob(client, { adapterId: adapter.id, rank, options }));
      }
      return done;
    }).finally(() => probe?.stop());

    const [cold, ...warm] = jobs.map(({ job }) => job.timings!);
    const { job } = jobs.at(-1)!;
    const [result] = succeededResults(job);
    const apiPeakBytes = peakResidentBytes(service);
    if (outDir) await download(client, result!.adapter_id, outDir);
    return {
      uploadSeconds,
      cold: cold!,
      warm,
      clientSeconds: jobs.slice(1).map(({ seconds }) => seconds),
      computePeakBytes: peakBytes,
      apiPeakBytes,
      livezMs: probe?.latenciesMs ?? [],
      relativeError: result!.relative_error,
      resultBytes: result!.bytes,
      provider: job.provider!,
    };
  });
}
