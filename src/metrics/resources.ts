import { stat, statfs } from 'node:fs/promises';
import { Counter, Gauge, type Registry } from 'prom-client';
import { withinTime } from './within-time.ts';

/** What compute processes use; see queue/compute-usage.ts. */
interface ComputeView {
  readonly processes: number;
  readonly cpuSeconds: number;
  readonly residentBytes: number;
}

/** Folders on disks, by what they are for. */
type Folders = Readonly<Partial<Record<'data' | 'storage', string>>>;

interface InFlightView {
  readonly requests: number;
  readonly uploads: number;
  readonly bytes: number;
}

/** What the process uses beside what prom-client tells of it: its compute processes, its disks, what it has in hand. */
export class ResourceMetrics {
  private readCompute: (() => Promise<ComputeView | undefined>) | undefined;
  private compute: Promise<ComputeView | undefined> | undefined;
  private folders: Folders = {};
  private inFlight: (() => InFlightView) | undefined;

  constructor(registry: Registry) {
    const resources = this;
    const registers = [registry];
    let countedSeconds = 0;
    new Counter({
      name: 'lora_squeeze_compute_cpu_seconds_total',
      help: 'User and system CPU seconds of the compute processes of this worker, ended ones included. Linux only.',
      registers,
      async collect() {
        const view = await resources.look();
        if (!view) return;
        this.inc(Math.max(0, view.cpuSeconds - countedSeconds));
        countedSeconds = Math.max(countedSeconds, view.cpuSeconds);
      },
    });
    const ofCompute = (name: string, help: string, value: (view: ComputeView) => number) =>
      new Gauge({
        ...{ name, help, registers },
        async collect() {
          this.remove();
          const view = await resources.look();
          if (view) this.set(value(view));
        },
      });
    ofCompute(
      'lora_squeeze_compute_resident_memory_bytes',
      'Resident memory of all compute processes of this worker. Linux only.',
      ({ residentBytes }) => residentBytes,
    );
    ofCompute(
      'lora_squeeze_compute_processes',
      'Running compute processes of this worker. Linux only.',
      ({ processes }) => processes,
    );
    for (const [name, help, of] of [
      ['free', 'Free bytes', 'bavail'],
      ['size', 'Size in bytes', 'blocks'],
    ] as const)
      new Gauge({
        name: `lora_squeeze_disk_${name}_bytes`,
        help: `${help} of the disk of DATA_DIR (folder data), and of the disk of the storage (folder storage) if it is another one.`,
        labelNames: ['folder'],
        registers,
        async collect() {
          this.reset();
          for (const [folder, path] of Object.entries(await resources.disks())) {
            const disk = await withinTime(statfs(path));
            if (disk) this.set({ folder }, disk[of] * disk.bsize);
          }
        },
      });
    new Gauge({
      name: 'lora_squeeze_in_flight',
      help: 'Requests in flight by kind: requests (POST, PUT and PATCH, once their bodies are complete) and uploads.',
      labelNames: ['kind'],
      registers,
      collect() {
        const { requests, uploads } = resources.inFlight?.() ?? {};
        if (requests === undefined || uploads === undefined) return;
        this.set({ kind: 'requests' }, requests);
        this.set({ kind: 'uploads' }, uploads);
      },
    });
    new Gauge({
      name: 'lora_squeeze_in_flight_body_bytes',
      help: 'Bytes of request bodies that are in memory or being received, without uploads.',
      labelNames: [],
      registers,
      collect() {
        const view = resources.inFlight?.();
        if (view) this.set(view.bytes);
      },
    });
  }

  watchCompute(read: () => Promise<ComputeView | undefined>): void {
    this.readCompute = read;
  }

  watchDisks(folders: Folders): void {
    this.folders = folders;
  }

  watchInFlight(read: () => InFlightView): void {
    this.inFlight = read;
  }

  /** All gauges of a scrape share one look. */
  private look(): Promise<ComputeView | undefined> {
    if (!this.readCompute) return Promise.resolve(undefined);
    this.compute ??= withinTime(this.readCompute()).finally(() => {
      this.compute = undefined;
    });
    return this.compute;
  }

  /** Those that are there, each disk once. */
  private async disks(): Promise<Folders> {
    const { data, storage } = this.folders;
    const deviceOf = async (path: string | undefined): Promise<number | undefined> =>
      path === undefined ? undefined : (await withinTime(stat(path)))?.dev;
    const isOther = storage !== undefined && (await deviceOf(data)) !== (await deviceOf(storage));
    return { ...(data && { data }), ...(isOther && { storage }) };
  }
}
