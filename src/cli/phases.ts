import { withUnit } from '../charts/format.ts';
import { PHASE_WORDS } from '../contract/phase-words.ts';

/** Words for the engine's steps and the phases of jobs. */
const WORDS: Readonly<Record<string, string>> = {
  ...PHASE_WORDS,
  upload: 'uploading',
  waiting: 'waiting for a worker',
  download: 'downloading',
};

export const describePhase = (phase: string): string => WORDS[phase] ?? phase;

/** Before this, no remaining time is estimated. */
const MIN_ELAPSED_MS = 2000;
const MIN_SHARE = 0.05;
const SECONDS_A_MINUTE = 60;
const SECONDS_AN_HOUR = 3600;

/**
 * The estimated remaining time at the current speed.
 * @param share the share that is done, 0 to 1
 * @returns '' if there is no estimate yet
 */
export function timeLeft(elapsedMs: number, share: number): string {
  if (elapsedMs < MIN_ELAPSED_MS || share < MIN_SHARE || share >= 1) return '';
  return `about ${duration((elapsedMs * (1 - share)) / share / 1000)} left`;
}

function duration(seconds: number): string {
  if (seconds < SECONDS_A_MINUTE) return withUnit(Math.max(1, Math.round(seconds)), 's');
  if (seconds < SECONDS_AN_HOUR) return withUnit(Math.round(seconds / SECONDS_A_MINUTE), 'min');
  return withUnit((seconds / SECONDS_AN_HOUR).toFixed(1), 'h');
}
