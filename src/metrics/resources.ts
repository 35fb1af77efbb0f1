import { stat, statfs } from 'node:fs/promises';
import type { MetricFactory } from './metric-factory.ts';
import { SharedRead } from './shared-read.ts';

/** Resources used by the compute processes. */
export interface ComputeUse {
  readonly processes: number;
  /** User and system time of all compute processes so far. */
  readonly cpuSeconds: number;
  readonly residentBytes: number;
}

/** Folders on disk, by purpose. */
type Folder = 'data' | 'storage';

interface Disk {
  readonly device: number;
  readonly free: number;
  readonly size: number;
}

interface InFlightView {
  readonly requests: number;
  readonly uploads: number;
  readonly bytes: number;
}

/** Resources that prom-client does not report: compute processes, disks, requests in flight. */
export class ResourceMetrics {
  private readonly compute = new SharedRead<ComputeUse>();
  private readonly disks: Readonly<Record<Folder, SharedRead<Disk>>> = {
    data: new SharedRead(),
    storage: new SharedRead(),
  };
  private inFlight: (() => InFlightView) | undefined;

  constructor(make: MetricFactory) {
    let counted = 0;
    make.counter(
      'compute_cpu_seconds_total',
      'User and system CPU seconds of the compute processes of this worker, ended ones included. Linux only.',
      [],
      async (counter) => {
        const total = Math.max(counted, (await this.compute.value())?.cpuSeconds ?? 0);
        counter.inc(total - counted);
        counted = total;
      },
    );
    const ofCompute = (name: string, help: string, value: (use: ComputeUse) => number) =>
      make.gauge(name, help, [], async (gauge) => {
        const use = await this.compute.value();
        if (use) gauge.set(value(use));
      });
    ofCompute(
      'compute_resident_memory_bytes',
      'Resident memory of all compute processes of this worker. Linux only.',
      ({ residentBytes }) => residentBytes,
    );
    ofCompute(
      'compute_processes',
      'Running compute processes of this worker. Linux only.',
      ({ processes }) => processes,
    );
    for (const [of, help] of [
      ['free', 'Free bytes'],
      ['size', 'Size in bytes'],
    ] as const)
      make.gauge(
        `disk_${of}_bytes`,
        `${help} of the disk of DATA_DIR (folder data), and of the disk of the storage (folder storage) if it is another one.`,
        ['folder'],
        async (gauge) => {
          const [data, storage] = await Promise.all([this.disks.data.value(), this.disks.storage.value()]);
          if (data) gauge.set({ folder: 'data' }, data[of]);
          if (storage && storage.device !== data?.device) gauge.set({ folder: 'storage' }, storage[of]);
        },
      );
    make.gauge(
      'in_flight',
      'Requests in flight by kind: requests (POST, PUT and PATCH, once their bodies are complete) and uploads.',
      ['kind'],
      (gauge) => {
        const view = this.inFlight?.();
        if (view) for (const kind of ['requests', 'uploads'] as const) gauge.set({ kind }, view[kind]);
      },
    );
    make.gauge(
      'in_flight_body_bytes',
      'Bytes of request bodies that are in memory or being received, without uploads.',
      [],
      (gauge) => {
        const view = this.inFlight?.();
        if (view) gauge.set(view.bytes);
      },
    );
  }

  watchCompute(read: () => Promise<ComputeUse | undefined>): void {
    this.compute.setReader(read);
  }

  watchDisk(folder: Folder, path: string): void {
    this.disks[folder].setReader(() => diskOf(path));
  }

  watchInFlight(read: () => InFlightView): void {
    this.inFlight = read;
  }
}

async function diskOf(path: string): Promise<Disk> {
  const [{ dev: device }, { bsize, bavail, blocks }] = await Promise.all([stat(path), statfs(path)]);
  return { device, free: bavail * bsize, size: blocks * bsize };
}
