/** Words for the engine's steps and the phases of jobs. */
const WORDS: Readonly<Record<string, string>> = {
  upload: 'uploading',
  waiting: 'waiting for a worker',
  import: 'fetching the adapter',
  load: 'reading',
  gram: 'taking modules apart',
  core: 'choosing ranks',
  project: 'projecting',
  write: 'writing',
  deliver: 'delivering',
  done: 'done',
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
  if (seconds < SECONDS_A_MINUTE) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < SECONDS_AN_HOUR) return `${Math.round(seconds / SECONDS_A_MINUTE)} min`;
  return `${(seconds / SECONDS_AN_HOUR).toFixed(1)} h`;
}
