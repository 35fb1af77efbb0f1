import { type AdapterSpec, factorBytes } from '../adapter/adapter-spec.ts';
import { fileSize, ratio, seconds } from '../format.ts';
import { markdownTable } from '../markdown-table.ts';
import { median } from '../statistics.ts';
import type { Operations } from './operations.ts';

export interface FloorMeasurements {
  readonly spec: AdapterSpec;
  readonly targetRank: number;
  readonly cores: number;
  readonly resultBytes: number;
  readonly readSeconds: number;
  readonly writeSeconds: number;
  readonly operations: Operations;
  /** Floating point operations per second of one core. */
  readonly gemmRate: number;
  /** By method: seconds of each warm job. */
  readonly jobs: ReadonlyMap<string, readonly number[]>;
}

/** The parts of a job that cannot be avoided, in seconds, one after the other. */
export function floorSeconds(measured: FloorMeasurements): {
  read: number;
  write: number;
  gram: number;
  project: number;
  total: number;
} {
  const { readSeconds: read, writeSeconds: write, operations, gemmRate, cores } = measured;
  const gram = operations.gram / (gemmRate * cores);
  const project = operations.project / (gemmRate * cores);
  return { read, write, gram, project, total: read + write + gram + project };
}

export function floorPage(measured: FloorMeasurements): string {
  const { spec, targetRank, cores, resultBytes, operations, gemmRate, jobs } = measured;
  const floor = floorSeconds(measured);
  const perSecond = (bytes: number, time: number) => `${(bytes / 1e9 / time).toFixed(2)} GB/s`;
  const billions = (count: number) => `${(count / 1e9).toFixed(1)} GFLOP`;
  const rate = `${cores} × ${(gemmRate / 1e9).toFixed(1)} GFLOP/s`;
  const bytes = factorBytes(spec);
  return `## How near the limit

Llama-2-7B's shape, ${spec.modules.length} modules, rank ${spec.rank} to ${targetRank}: the work that every program has to do, with the time that this machine needs for each part.

${markdownTable([
  ['limit', 'work', 'rate', 'seconds'],
  ['read all bytes once', fileSize(bytes), perSecond(bytes, floor.read), seconds(floor.read)],
  [
    'write the result once, durably',
    fileSize(resultBytes),
    perSecond(resultBytes, floor.write),
    seconds(floor.write),
  ],
  ['Gram products', billions(operations.gram), rate, seconds(floor.gram)],
  ['projections', billions(operations.project), rate, seconds(floor.project)],
  ['**floor**', '', '', seconds(floor.total)],
])}

${markdownTable([
  ['job', 'time, s', 'divided by the floor'],
  ...[...jobs].map(([method, totals]) => [
    method,
    seconds(median(totals)),
    ratio(median(totals) / floor.total),
  ]),
])}

Reading: the same file as the jobs read, from the page cache as they find it, with one reader for each core; median of 3.
Writing: as many bytes as the result has, to the same disk, with fsync; median of 3. GEMM rate: BᵀB and AAᵀ in float64
through ONNX Runtime on one core, best of 8 batches, times the cores, as if they never competed for memory. Not in
the floor: the decompositions between the two passes, the second reading, hashes, decoding and encoding.`;
}
