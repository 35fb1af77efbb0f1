import { formatBytes } from '../../../src/charts/format.ts';
import type { JobPhase, JobRecord } from '../../../src/contract/job.ts';
import { PHASE_WORDS } from '../../../src/contract/phase-words.ts';
import { formatRoughly } from './format-time.ts';

const COMPUTED: readonly JobPhase[] = ['load', 'gram', 'core', 'project', 'write'];
/** The phases whose progress is counted in bytes, not in modules. */
const IN_BYTES: readonly string[] = ['import', 'deliver'];
/** Below this share of the work, the remaining time cannot be estimated. */
const MIN_SHARE = 0.1;
const MIN_ELAPSED_MS = 4_000;

/** The phases of a job, in order. */
function stepsOf({ kind, request, deliveries }: JobRecord): readonly JobPhase[] {
  if (kind === 'import') return ['import'];
  if (kind === 'export') return ['deliver'];
  return [
    ...('source' in request && request.source ? (['import'] as const) : []),
    ...(kind === 'analyze' ? COMPUTED.slice(0, 3) : COMPUTED),
    ...(deliveries.length > 0 ? (['deliver'] as const) : []),
  ];
}

/** The current phase of a job in words, and its progress from 0 to 1. */
export interface JobProgressText {
  readonly phase: string;
  /** The progress within the phase; empty if it is not known. */
  readonly counted: string;
  readonly share: number;
  /** The estimated remaining time; empty if it is not known. */
  readonly left: string;
}

/** @param nowMs the current time, in milliseconds since 1970 */
export function describeProgress(job: JobRecord, nowMs: number): JobProgressText {
  const { state, progress, queue_position: place, estimated_start_seconds: start } = job;
  if (state === 'queued')
    return {
      phase: place === undefined ? 'Waiting in the queue' : `Waiting in the queue, at position ${place}`,
      counted: '',
      share: 0,
      left: start === undefined ? '' : `starts in about ${formatRoughly(start)}`,
    };
  const { phase, done, total } = progress;
  const steps = stepsOf(job);
  const step = steps.indexOf(phase as JobPhase);
  const within = total > 0 ? Math.min(1, done / total) : 0;
  const share = phase === 'done' ? 1 : step < 0 ? 0 : (step + within) / steps.length;
  const words = phase === 'waiting' ? 'starting' : PHASE_WORDS[phase];
  return {
    phase: capital(step < 0 || steps.length === 1 ? words : `step ${step + 1} of ${steps.length}: ${words}`),
    counted: total > 0 ? counted(phase, done, total) : '',
    share,
    left: leftOf(job, share, nowMs),
  };
}

const capital = (text: string): string => `${text[0]!.toUpperCase()}${text.slice(1)}`;

const counted = (phase: string, done: number, total: number): string =>
  IN_BYTES.includes(phase)
    ? `${formatBytes(done)} of ${formatBytes(total)}`
    : `${done.toLocaleString('en')} of ${total.toLocaleString('en')} modules`;

function leftOf({ started_at: begun, attempts }: JobRecord, share: number, nowMs: number): string {
  const elapsedMs = begun === null ? 0 : nowMs - Date.parse(begun);
  // A second attempt starts from the beginning, but `started_at` is the time of the first.
  if (attempts > 1 || share < MIN_SHARE || share >= 1 || elapsedMs < MIN_ELAPSED_MS) return '';
  return `about ${formatRoughly((elapsedMs * (1 - share)) / share / 1000)} left`;
}
