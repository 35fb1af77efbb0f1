import type { Timings } from '../src/contract/job.ts';
import { describeMachine } from './machine.ts';
import { markdownTable } from './markdown-table.ts';
import type { PeerRun, Score } from './measure-peers.ts';
import type { ServiceMeasurement } from './measure-service.ts';
import { median, quantile } from './statistics.ts';

const PHASES = ['load', 'gram', 'core', 'project', 'write'] as const satisfies readonly (keyof Timings)[];

export interface Measurements {
  readonly rank: number;
  /** By method of LoRA-Squeeze; at least one. */
  readonly ours: ReadonlyMap<string, ServiceMeasurement>;
  /** By method of peers.py; empty where torch is missing. */
  readonly peers: ReadonlyMap<string, readonly PeerRun[]>;
  /** By method of either; empty where torch is missing. */
  readonly scores: ReadonlyMap<string, Score>;
  readonly command: string;
}

const seconds = (value: number) => value.toFixed(2);
const megabytes = (bytes: number) => (bytes / 1e6).toFixed(0);
const excess = (value: number | undefined) => (value === undefined ? '–' : value.toExponential(1));
const range = (values: readonly number[]) =>
  `${seconds(Math.min(...values))}–${seconds(Math.max(...values))}`;

/** Everything measured, as a Markdown page. */
export function benchmarkPage({ rank, ours, peers, scores, command }: Measurements): string {
  const { provider } = [...ours.values()][0]!;
  const torch = [...peers.values()].flat()[0]?.torch;
  return `# Benchmark

An adapter of Llama-2-7B's shape, 224 modules, rank 64, bfloat16, 320 MB, squeezed to rank ${rank}.

${[
  ...describeMachine({
    'ONNX Runtime': `${provider.onnxruntime} (${provider.name})`,
    ...(torch && { torch }),
  }),
  `Command: \`${command}\``,
]
  .map((line) => `- ${line}`)
  .join('\n')}

## Time, memory, accuracy

${markdownTable([
  ['method', 'first, s', 'median, s', 'range, s', 'runs', 'peak, MB', 'error', 'excess', 'worst excess'],
  ...[...ours].map(([method, { cold, warm, computePeakBytes, relativeError }]) => {
    const score = scores.get(method);
    const totals = warm.map((timing) => timing.total);
    return [
      `LoRA-Squeeze ${method}`,
      seconds(cold.total),
      seconds(median(totals)),
      range(totals),
      String(totals.length),
      megabytes(computePeakBytes),
      (score?.relative_error ?? relativeError).toFixed(6),
      excess(score?.excess),
      excess(score?.worst_excess),
    ];
  }),
  ...[...peers].map(([method, runs]) => {
    const score = scores.get(method);
    const totals = runs.map((run) => run.total);
    return [
      `torch: ${method}`,
      '–',
      seconds(median(totals)),
      range(totals),
      String(totals.length),
      Math.max(...runs.map((run) => run.peak_mb * 1.048576)).toFixed(0),
      score!.relative_error.toFixed(6),
      excess(score!.excess),
      excess(score!.worst_excess),
    ];
  }),
])}

Seconds of LoRA-Squeeze: from active to succeeded, so reading, hashing and durable storing are in them; its first job
starts the compute process. Seconds of the peers: loading, computing and saving, without the start of Python and the
import of torch. Peak: resident memory (VmHWM) of the process that computes. Error: ‖ΔW − ΔW′‖ / ‖ΔW‖ over all
modules, of the written bfloat16 files. Excess: how far it lies over the least that rank ${rank} allows, relative, over all
modules and for the worst one${scores.size > 0 ? ', judged in float64 by torch' : ' (not judged in this run: that takes torch)'}.

## Where the time goes

${markdownTable([
  ['seconds', ...PHASES, 'total', 'queue wait', 'client sees'],
  ...[...ours].flatMap(([method, { cold, warm, clientSeconds }]) => {
    const middle = (key: keyof Timings) => seconds(median(warm.map((timing) => timing[key])));
    return [
      [
        `${method}, first`,
        ...[...PHASES, 'total', 'queue_wait'].map((key) => seconds(cold[key as keyof Timings])),
        '–',
      ],
      [
        `${method}, median`,
        ...PHASES.map(middle),
        middle('total'),
        middle('queue_wait'),
        seconds(median(clientSeconds)),
      ],
    ];
  }),
])}

The phases and the total are the service's own; the last column is the client's clock, from its request to seeing the
job succeeded (it asks every 50 ms).

## The service meanwhile

${markdownTable([
  [
    'while squeezing by',
    '/livez p50, ms',
    'p99, ms',
    'max, ms',
    'answers',
    'API process peak, MB',
    'upload, s',
  ],
  ...[...ours].map(([method, { livezMs, apiPeakBytes, uploadSeconds }]) => [
    method,
    quantile(livezMs, 0.5).toFixed(1),
    quantile(livezMs, 0.99).toFixed(1),
    Math.max(...livezMs).toFixed(1),
    String(livezMs.length),
    megabytes(apiPeakBytes),
    seconds(uploadSeconds),
  ]),
])}`;
}
