import type { Timings } from '../../src/contract/job.ts';
import { type AdapterSpec, factorBytes } from '../adapter/adapter-spec.ts';
import { excess, fileSize, megabytes, range, ratio, seconds } from '../format.ts';
import { markdownTable } from '../markdown-table.ts';
import type { ServiceMeasurement } from '../service/measure-service.ts';
import { median, quantile } from '../statistics.ts';
import type { PeerRun, Score } from './run-peers.ts';

const PHASES = ['load', 'gram', 'core', 'project', 'write'] as const satisfies readonly (keyof Timings)[];
const NOTHING = '–';

export interface PeerMeasurements {
  readonly rank: number;
  readonly spec: AdapterSpec;
  /** By method of LoRA-Squeeze; at least one. */
  readonly ours: ReadonlyMap<string, ServiceMeasurement>;
  /** By name; empty if torch is not installed. */
  readonly peers: ReadonlyMap<string, readonly PeerRun[]>;
  /** By name of either; empty if torch is not installed. */
  readonly scores: ReadonlyMap<string, Score>;
}

const totals = ({ warm }: ServiceMeasurement) => warm.map(({ total }) => total);
const isSampled = (runs: readonly PeerRun[]) => runs[0]!.modules_measured < runs[0]!.modules;
const about = (runs: readonly PeerRun[]) => (isSampled(runs) ? '≈ ' : '');
const scored = (score: Score | undefined) =>
  score ? [score.relative_error.toFixed(6), excess(score.excess), excess(score.worst_excess)] : [];

/** All measurements of one adapter, as Markdown. */
export function peersPage(measured: PeerMeasurements): string {
  const { rank, spec, peers } = measured;
  return `## Time, memory, accuracy

An adapter of Llama-2-7B's shape, ${spec.modules.length} modules, rank ${spec.rank}, bfloat16, ${fileSize(factorBytes(spec))}, squeezed to rank ${rank}.

${comparison(measured)}

Time of LoRA-Squeeze: from active to succeeded, which includes reading, hashing and durable storing, but not the start of its
compute process. Time of the peers: loading, computing and saving. Program: how long a user waits; for LoRA-Squeeze from the
request until the client sees the job succeeded, for the peers including the start of Python and its imports. Peak:
resident memory (VmHWM) of the process that computes. Error: ‖ΔW − ΔW′‖ / ‖ΔW‖ over all modules, of the written
bfloat16 files. Excess: how far the error exceeds the smallest possible error at rank ${rank}, as a share of that error, over all modules and
for the worst one${measured.scores.size > 0 ? ', judged in float64 by torch' : ' (not judged in this run: that takes torch)'}.
${peers.size > 0 ? `${sampledNote(peers)}\n## How many times a peer takes\n\n${ratios(measured)}\n` : ''}
## Where the time goes

${phases(measured)}

The service measures the phases and the total; the client measures the last column, from its request until it sees the job
succeeded (it polls every 20 ms).

## Response times while a job runs

${meanwhile(measured)}`;
}

function comparison({ ours, peers, scores }: PeerMeasurements): string {
  return markdownTable([
    [
      'method',
      'first, s',
      'time, s',
      'range, s',
      'program, s',
      'runs',
      'peak, MB',
      'error',
      'excess',
      'worst excess',
    ],
    ...[...ours].map(([method, measured]) => [
      `LoRA-Squeeze ${method}`,
      seconds(measured.cold.total),
      seconds(median(totals(measured))),
      range(totals(measured)),
      seconds(median(measured.clientSeconds)),
      String(measured.warm.length),
      megabytes(measured.computePeakBytes),
      ...orNothing(scored(scores.get(method)), [measured.relativeError.toFixed(6), NOTHING, NOTHING]),
    ]),
    ...[...peers].map(([name, runs]) => {
      return [
        name,
        NOTHING,
        about(runs) + seconds(median(runs.map(({ total }) => total))),
        isSampled(runs) ? NOTHING : range(runs.map(({ total }) => total)),
        about(runs) + seconds(median(runs.map(({ program }) => program))),
        isSampled(runs) ? 'sampled' : String(runs.length),
        megabytes(Math.max(...runs.map((run) => run.peak_bytes))),
        ...orNothing(scored(scores.get(name)), [NOTHING, NOTHING, NOTHING]),
      ];
    }),
  ]);
}

const orNothing = (cells: string[], otherwise: string[]) => (cells.length > 0 ? cells : otherwise);

function sampledNote(peers: PeerMeasurements['peers']): string {
  return [...peers]
    .filter(([, runs]) => isSampled(runs))
    .map(
      ([name, [run]]) => `
**${name} was not run to the end**: it squeezed ${run!.modules_measured} of ${run!.modules} modules, one of each size, and its times are extrapolated by
the number of modules of that size (its memory is not). Its error is that of these ${run!.modules_measured} modules.
`,
    )
    .join('');
}

/** Above 1: LoRA-Squeeze is that many times better. */
function ratios({ ours, peers }: PeerMeasurements): string {
  const methods = [...ours];
  return markdownTable([
    [
      'divided by LoRA-Squeeze',
      ...methods.flatMap(([method]) => [`time, ${method}`, `program, ${method}`, `peak, ${method}`]),
    ],
    ...[...peers].map(([name, runs]) => [
      name,
      ...methods.flatMap(([, measured]) => [
        about(runs) + ratio(median(runs.map(({ total }) => total)) / median(totals(measured))),
        about(runs) + ratio(median(runs.map(({ program }) => program)) / median(measured.clientSeconds)),
        ratio(Math.max(...runs.map((run) => run.peak_bytes)) / measured.computePeakBytes),
      ]),
    ]),
  ]);
}

function phases({ ours }: PeerMeasurements): string {
  return markdownTable([
    ['seconds', ...PHASES, 'total', 'queue wait', 'client sees'],
    ...[...ours].flatMap(([method, { cold, warm, clientSeconds }]) => {
      const keys = [...PHASES, 'total', 'queue_wait'] as const;
      return [
        [`${method}, first`, ...keys.map((key) => seconds(cold[key])), NOTHING],
        [
          `${method}, median`,
          ...keys.map((key) => seconds(median(warm.map((timing) => timing[key])))),
          seconds(median(clientSeconds)),
        ],
      ];
    }),
  ]);
}

function meanwhile({ ours }: PeerMeasurements): string {
  return markdownTable([
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
  ]);
}
